"""`manage.py scout merge roster_new.db`: takes a roster over, or says why not."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from scout.roster_file import RosterRefused
from scout.services import roster

HELP = "Take over the roster that a Scout on another machine has written."
ACTOR = "scout merge"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="roster_new.db")


def handle(command: BaseCommand, options: dict[str, Any]) -> int:
    """0; CommandError with the refusal's code and sentence, nothing changed."""
    try:
        merged = roster.merge(options["file"], actor=ACTOR, now=timezone.now())
    except RosterRefused as error:
        raise CommandError(f"{error.code}: {error}") from None
    command.stdout.write(
        f"{merged.wallets} wallets, {merged.changed} places changed,"
        f" {merged.kept} left as a person chose"
    )
    return 0
