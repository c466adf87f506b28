"""`manage.py helius_webhooks`: what Helius is registered for, against what it should be."""

import asyncio
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from trading.domain.registrations import Difference
from trading.gateways.base import GatewayError
from trading.gateways.helius import Webhook
from trading.services import registration
from workers.registration import Registrar
from workers.runtime import utc_now
from workers.wiring import open_registrar


class Command(BaseCommand):
    help = (
        "Compare the wallets that Helius is registered for with those we want: --audit (the default; exit "
        "status 1 when they differ), --apply (edit now, without gathering), --list. Each costs credits."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--audit", action="store_true", help="look and show the difference")
        what.add_argument("--apply", action="store_true", help="look and edit at once")
        what.add_argument("--list", action="store_true", help="show our webhooks")

    def handle(self, *args: Any, **options: Any) -> None:
        registrar = open_registrar(now=utc_now())
        if registrar is None:
            raise CommandError(
                "HELIUS_API_KEY, HELIUS_POST_TO or HELIUS_WEBHOOK_SECRET is not set (after the last one: "
                "manage.py prepare)"
            )
        if options["list"]:
            self._list(registrar)
        else:
            self._compare(registrar, edits=options["apply"])

    def _list(self, registrar: Registrar) -> None:
        try:
            found = asyncio.run(_webhooks(registrar))
        except GatewayError as error:
            raise CommandError(str(error)) from error
        for each in found:
            state = "sound" if each.is_sound else "not as it should be"
            self.stdout.write(f"{each.id}  {len(each.addresses)} wallets  {state}  {each.url}")
        self.stdout.write(f"{len(found)} webhooks post to us")

    def _compare(self, registrar: Registrar, *, edits: bool) -> None:
        now = utc_now()
        wanted = registration.wanted_wallets(now=now)
        registration.notice_wanted(wanted, now=now)
        found = registrar.work(wanted, edits=edits, now=now)
        if found is None:
            raise CommandError(
                "Helius could not be asked, or another process is at it: see the log"
            )
        self._show(found, wanted=len(wanted))
        if found:
            raise SystemExit(1)

    def _show(self, found: Difference, *, wanted: int) -> None:
        if not found:
            self.stdout.write(
                self.style.SUCCESS(f"registered: exactly the {wanted} wanted wallets")
            )
        for address in found.missing:
            self.stdout.write(f"+ {address}  wanted, not registered")
        for address in found.surplus:
            self.stdout.write(f"- {address}  registered, not wanted")
        for address in found.doubled:
            self.stdout.write(f"= {address}  registered twice")
        for webhook in found.unsound:
            self.stdout.write(f"! {webhook}  type, secret or state is not as it should be")


async def _webhooks(registrar: Registrar) -> list[Webhook]:
    async with registrar.open_registry() as registry:
        return await registry.webhooks()
