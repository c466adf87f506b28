"""`manage.py parse_report FOLDER`: how well the parser agrees with hand-checked readings of mainnet transactions."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workers.agreement import as_lines, compare_enhanced, compare_truth, measure_speed

AGREES, DISAGREES = 0, 1
SPEED_SECONDS = 2.0


class Command(BaseCommand):
    help = (
        "Parse every recorded transaction of FOLDER and compare with its truth.csv and helius_truth.csv: agreement "
        "by class and venue, every disagreement, every word that differs. Exit status: 0 when all that is not "
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
        try:
            nodes, helius = compare_truth(folder), compare_enhanced(folder)
        except OSError as error:
            raise CommandError(f"cannot read the truth: {error}") from error
        self.stdout.write("\n".join(as_lines("As nodes tell it", nodes)))
        self.stdout.write("\n".join(as_lines("As Helius tells it", helius)))
        if options["speed"]:
            rate = measure_speed(folder, seconds=SPEED_SECONDS)
            self.stdout.write(f"Speed: {rate:,.0f} transactions a second of one core")
        certain = [each for each in nodes + helius if not each.is_ambiguous]
        sys.exit(AGREES if all(each.agrees for each in certain) else DISAGREES)
