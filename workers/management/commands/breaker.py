"""`manage.py breaker`: what holds trading back, and the same orders as the pages for when no page answers."""

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from trading.domain.trip_sentences import sentence
from trading.services.breaker import UnableToReset, reset_breaker
from trading.services.control import close_everything, halt_entries, resume_entries
from trading.services.state import trading_state

ORDERS = {
    "halt": halt_entries,
    "resume": resume_entries,
    "reset": reset_breaker,
    "close-everything": close_everything,
}


class Command(BaseCommand):
    help = "Say what holds trading back; with an order and a reason: halt, resume, reset, close-everything."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("order", nargs="?", choices=sorted(ORDERS))
        parser.add_argument("--reason", default="", help="why; kept in the audit log")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["order"]:
            self._obey(options["order"], options["reason"].strip())
        self._tell()

    def _obey(self, order: str, reason: str) -> None:
        if len(reason) < 3:
            raise CommandError("an order needs --reason")
        try:
            ORDERS[order](actor=f"{getpass.getuser()} (shell)", reason=reason, now=timezone.now())
        except UnableToReset as error:
            raise CommandError(str(error)) from error

    def _tell(self) -> None:
        state = trading_state()
        spear = ", SPEAR paused" if state.is_spear_paused else ""
        self.stdout.write(f"{state.mode}{spear}, closing {state.closing}, route {state.route}")
        for trip in state.trips:
            self.stdout.write(f"{trip.rule} {trip.phase}: {sentence(trip)}")
        if state.held_back_by and not state.trips:
            self.stdout.write(f"held back by: {state.held_back_by}")
