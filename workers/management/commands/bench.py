"""`manage.py bench`: measures the hot path on a platform of its own."""

import asyncio
import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from workers import throwaway
from workers.bench.report import BenchReport
from workers.bench.script import Rate, run
from workers.supervisor import UnableToStart

GOOD, LOST, NOT_STARTED, INTERRUPTED = 0, 1, 2, 130
RATES = ("100x20", "1000x60")


class Command(BaseCommand):
    help = (
        "Start a platform in a throw-away directory and measure it under load: answer times, internal "
        "latency, what was accepted and what became of it. Writes var/bench.json."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--rates", nargs="*", default=RATES, help="signals a second x seconds, such as 100x20"
        )
        parser.add_argument("--no-burst", action="store_true")
        parser.add_argument("--json", action="store_true", help="the figures as JSON")
        parser.add_argument("--keep", action="store_true", help="keep the data directory")
        throwaway.add_database_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        throwaway.enter("bench", database=options["database"])
        throwaway.prepare_database()
        status = self._run(options)
        throwaway.leave(is_kept=options["keep"])
        if options["keep"]:
            self.stderr.write(f"data and log: {settings.DATA_DIR}")
        sys.exit(status)

    def _run(self, options: dict[str, Any]) -> int:
        rates = [_rate(text) for text in options["rates"]]
        work = run(rates=rates, has_burst=not options["no_burst"], say=self.stderr.write)
        try:
            report = asyncio.run(throwaway.until_told_to_stop(work))
        except UnableToStart as error:
            self.stderr.write(f"the platform did not start: {error}")
            self.stderr.write((settings.DATA_DIR / "platform.log").read_text()[-4_000:])
            return NOT_STARTED
        except (KeyboardInterrupt, asyncio.CancelledError):
            self.stderr.write("interrupted; everything has stopped")
            return INTERRUPTED
        self._tell(report, is_json=options["json"])
        return LOST if report.lost else GOOD

    def _tell(self, report: BenchReport, *, is_json: bool) -> None:
        text = json.dumps(report.as_json(), indent=2)
        file = settings.BASE_DIR / "var" / "bench.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text + "\n")
        self.stdout.write(text if is_json else "\n".join(report.as_lines()))


def _rate(text: str) -> Rate:
    per_second, seconds = text.split("x")
    return Rate(per_second=float(per_second), seconds=float(seconds))
