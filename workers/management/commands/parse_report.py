"""`manage.py parse_report FOLDER`: how well the parser agrees with hand-checked readings of mainnet transactions."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workers.agreement import as_lines, compare_enhanced, compare_truth, measure_speed

AGREES, DISAGREES = 0, 1
SPEED_SECONDS = 2.0
TRUTHS = (
    ("truth.csv", "As nodes tell it", compare_truth),
    ("helius_truth.csv", "As Helius tells it", compare_enhanced),
)


class Command(BaseCommand):
    help = (
        "Parse every recorded transaction of FOLDER and compare with its truth.csv, helius_truth.csv or both: "
        "agreement by class and venue, every disagreement, every word that differs. Exit status: 0 when all not "
        "ambiguous agrees in direction, mints, amounts, fee, tip, payments and rent; 1 otherwise."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument(
            "--speed", action="store_true", help="measure transactions a second of one core too"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        found = []
        for file, title, compare in TRUTHS:
            if (folder / file).is_file():
                comparisons = compare(folder)
                self.stdout.write("\n".join(as_lines(title, comparisons)))
                found += comparisons
        if not found:
            names = " nor ".join(file for file, _, _ in TRUTHS)
            raise CommandError(f"neither {names} with a row is in {folder}")
        if options["speed"]:
            rate = measure_speed(folder, seconds=SPEED_SECONDS)
            self.stdout.write(f"Speed: {rate:,.0f} transactions a second of one core")
        certain = [each for each in found if not each.is_ambiguous]
        sys.exit(AGREES if all(each.agrees for each in certain) else DISAGREES)
