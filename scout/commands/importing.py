"""`manage.py scout import TRADES.csv`: a file of swaps becomes part of the platform's store of histories."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from scout.research.blocks import UnreadableTrades
from scout.research.facts import facts_beside
from scout.research.trades import read_trades
from scout.services.imports import Imported, store_trades

HELP = "Take over wallets' swaps from a CSV, with the tokens.csv and wallets.csv beside it."
ACTOR = "scout import"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("trades", type=Path, metavar="TRADES.csv")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--strict", action="store_true", help="one bad row and nothing is stored (the default)"
    )
    how.add_argument("--lenient", action="store_true", help="leave bad rows out, naming each")


def handle(command: BaseCommand, options: dict[str, Any]) -> int:
    """0; CommandError names the bad rows, or why the file as a whole cannot be used."""
    source: Path = options["trades"]
    try:
        read = read_trades(
            source,
            is_strict=not options["lenient"],
            keep_signatures=True,
            progress=lambda done, all_: _tell(command, "read", "bytes", done, all_),
        )
        for row in read.bad_rows:
            command.stderr.write(f"left out, {row}")
        result = store_trades(
            read.rows,
            facts=facts_beside(source),
            origin=source.name,
            actor=ACTOR,
            now=timezone.now(),
            progress=lambda done, all_: _tell(command, "stored", "swaps", done, all_),
        )
    except UnreadableTrades as error:
        raise CommandError(str(error)) from error
    command.stdout.write(_summary(result, bad=len(read.bad_rows), repeated=read.duplicates))
    return 0


def _tell(command: BaseCommand, what: str, unit: str, done: int, all_: int) -> None:
    command.stderr.write(f"{what} {done:,} of {all_:,} {unit}")


def _summary(result: Imported, *, bad: int, repeated: int) -> str:
    return "\n".join(
        (
            f"{result.new:,} swaps of {result.wallets:,} wallets are new, {result.known:,} were stored before",
            f"{result.vanished:,} transactions left nothing that could be stored,"
            f" {repeated:,} rows were repeated in the file, {bad:,} were bad",
            f"{result.queued:,} wallets joined the queue; the market of {result.samples:,} tokens was sampled",
        )
    )
