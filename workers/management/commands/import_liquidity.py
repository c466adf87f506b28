"""`manage.py import_liquidity`: historical liquidity from a CSV file into the samples that Scout reads."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from trading.domain.liquidity_csv import BadLine, HeaderUnreadable, read_lines
from trading.domain.samples import Sample
from trading.services.samples import import_samples

MOST_NAMED = 50


class Command(BaseCommand):
    help = (
        "Import liquidity samples: mint, at and liquidity_usd, optionally price_sol, volume_24h_usd, "
        "token_created_at and sol_price_usd. Bad lines are named; exit status 1 if there were any."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--strict", action="store_true", help="use nothing of a file that has a bad line"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        samples, bad = _read(options["file"])
        self._name(bad)
        if bad and options["strict"]:
            raise CommandError(f"nothing was imported: {len(bad)} bad lines")
        new = import_samples(samples)
        known = len(samples) - new
        self.stdout.write(f"{new} samples imported, {known} known already, {len(bad)} bad lines")
        if bad:
            sys.exit(1)

    def _name(self, bad: list[BadLine]) -> None:
        for each in bad[:MOST_NAMED]:
            self.stderr.write(f"line {each.line}: {each.text}")
        if len(bad) > MOST_NAMED:
            self.stderr.write(f"… and {len(bad) - MOST_NAMED} more bad lines")


def _read(file: Path) -> tuple[list[Sample], list[BadLine]]:
    samples: list[Sample] = []
    bad: list[BadLine] = []
    try:
        with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
            for each in read_lines(lines):
                (bad if isinstance(each, BadLine) else samples).append(each)  # type: ignore[arg-type]
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from None
    except HeaderUnreadable as error:
        raise CommandError(f"{file}: {error}") from None
    return samples, bad
