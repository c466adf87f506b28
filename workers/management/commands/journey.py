"""`manage.py journey`: the main job as a self-check, in a data directory of its own."""

import asyncio
import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from workers import throwaway
from workers.journey.report import JourneyReport
from workers.journey.script import travel
from workers.supervisor import UnableToStart

GOOD, VIOLATED, NOT_STARTED, INTERRUPTED = 0, 1, 2, 130


class Command(BaseCommand):
    help = (
        "Start a platform in a throw-away directory, send it signed signals, follow each to its end, "
        "compare the books with the chain. Exit status 0 only if every expectation holds."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="the figures as JSON")
        parser.add_argument(
            "--kill", action="store_true", help="kill -9 executor and ingress again and again"
        )
        parser.add_argument("--seed", type=int, default=1, help="of market and kills (default 1)")
        parser.add_argument("--keep", action="store_true", help="keep the data directory")
        throwaway.add_database_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        throwaway.enter("journey", database=options["database"])
        throwaway.prepare_database()
        try:
            status = self._travel(options)
        except UnableToStart as error:
            self.stderr.write(f"the platform did not start: {error}")
            self.stderr.write((settings.DATA_DIR / "platform.log").read_text()[-4_000:])
            status = NOT_STARTED
        except (KeyboardInterrupt, asyncio.CancelledError):
            self.stderr.write("interrupted; everything has stopped")
            status = INTERRUPTED
        finally:
            throwaway.leave(is_kept=options["keep"])
        if options["keep"]:
            self.stderr.write(f"data and log: {settings.DATA_DIR}")
        sys.exit(status)

    def _travel(self, options: dict[str, Any]) -> int:
        # For people the table is the output; for machines it is progress beside the figures.
        self._table = self.stderr if options["json"] else self.stdout
        journey = travel(seed=options["seed"], is_rough=options["kill"], say=self._say)
        report = asyncio.run(throwaway.until_told_to_stop(journey))
        self._print(report, is_json=options["json"])
        return GOOD if report.is_good else VIOLATED

    def _print(self, report: JourneyReport, *, is_json: bool) -> None:
        if is_json:
            self.stdout.write(json.dumps(report.as_json(), indent=2, ensure_ascii=False))
        else:
            self._say("\n".join(report.as_lines()))

    def _say(self, text: str) -> None:
        shown = text.replace("✓", self.style.SUCCESS("✓")).replace("✗", self.style.ERROR("✗"))
        self._table.write(shown)
        self._table.flush()
