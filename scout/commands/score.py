"""`manage.py scout score TRADES.csv --as-of T --out SCORES.csv`: scores without a database."""

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from django.core.management.base import BaseCommand

from scout.research.blocks import UnreadableTrades
from scout.research.facts import facts_beside
from scout.research.scores import COLUMNS
from scout.research.trades import Trades, read_trades
from scout.scoring import NothingToScore, score

HELP = (
    "Score the wallets of a CSV of swaps as they were known at a moment. tokens.csv, wallets.csv and "
    "meta.json beside it are used if they are there. Exit status 1 and no output if nothing can be scored."
)
SCORED, REFUSED = 0, 1
WORTH_TWO_PROCESSES = 300_000


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `scout score`."""
    parser.add_argument(
        "trades", type=Path, help="CSV of swaps (docs/scout-scores.md has the columns)"
    )
    parser.add_argument(
        "--as-of", type=moment, required=True,
        help="unix seconds or ISO date and time (UTC); later swaps are not looked at",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="CSV of scores to write")
    parser.add_argument(
        "--lenient", action="store_true", help="leave bad rows out (each is named) and use the rest"
    )
    parser.add_argument(
        "--figures", action="store_true", help="write all figures behind the scores too"
    )
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))


def moment(text: str) -> int:
    """Unix seconds of `text`."""
    try:
        if text.lstrip("-").isdigit():
            return int(text)
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"neither unix seconds nor an ISO date: {text!r}") from error
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())


def handle(command: BaseCommand, options: dict[str, Any]) -> int:
    """Write the scores; 1 if that could not be done, with the reason on standard error."""
    say = command.stderr.write
    try:
        trades = read_trades(
            options["trades"], is_strict=not options["lenient"], progress=_told("read", say)
        )
        facts = facts_beside(options["trades"])
        _say_what_is_missing(trades, say)
        scores = score(
            trades, facts=facts, as_of=options["as_of"], progress=_told("studied", say),
            processes=options["processes"] if len(trades.rows) > WORTH_TWO_PROCESSES else 1,
        )  # fmt: skip
        write(scores if options["figures"] else scores[list(COLUMNS)], options["out"])
    except (UnreadableTrades, NothingToScore) as error:
        say(f"{options['trades']}: {error}")
        return REFUSED
    except OSError as error:
        say(f"{options['out']}: {error.strerror or error}")
        return REFUSED
    command.stdout.write(_summary(scores))
    return SCORED


def write(scores: pd.DataFrame, path: Path) -> None:
    """The same bytes for the same scores; the file is there whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        scores.to_csv(part, float_format="%.8g", lineterminator="\n")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _say_what_is_missing(trades: Trades, say: Any) -> None:
    for row in trades.bad_rows:
        say(f"left out, {row}")
    if trades.duplicates:
        say(f"{trades.duplicates} rows came twice and count once")
    if trades.absent:
        say(f"without {', '.join(trades.absent)}: assumptions stand in (docs/scout-scores.md)")


def _told(what: str, say: Any) -> Any:
    """Progress in tenths, for runs that take long enough to be waited for."""
    told = 0

    def tell(done: int, whole: int) -> None:
        nonlocal told
        tenth = 10 * done // whole if whole else 0
        if tenth > told and not (told == 0 and tenth == 10):
            told = tenth
            say(f"{what} {10 * tenth}%")
            sys.stderr.flush()

    return tell


def _summary(scores: pd.DataFrame) -> str:
    counts = scores["status"].value_counts()
    shown = ", ".join(
        f"{counts.get(name, 0)} {name}" for name in ("ACTIVE", "CANDIDATE", "REJECTED")
    )
    return f"{len(scores)} wallets: {shown}"
