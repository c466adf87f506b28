"""`manage.py chaos`: load, faults and kill -9 on a platform of its own, judged by the chain."""

import asyncio
import json
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from workers import throwaway
from workers.chaos.report import ChaosReport
from workers.chaos.schedule import Schedule, plan
from workers.chaos.script import unleash
from workers.supervisor import UnableToStart

GOOD, BROKEN, NOT_STARTED, INTERRUPTED = 0, 1, 2, 130
LONGEST_MINUTES = 24 * 60.0


class Command(BaseCommand):
    help = (
        "Start a platform in a throw-away directory, load it, break everything around it, kill its "
        "processes, and compare its books with the chain. Exit status 0 only if every invariant holds."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=1, help="of the schedule (default 1)")
        parser.add_argument("--minutes", type=float, default=2.0, help="of load (default 2)")
        parser.add_argument("--json", action="store_true", help="the figures as JSON")
        parser.add_argument(
            "--keep", action="store_true", help="keep the data directory in any case"
        )
        parser.add_argument(
            "--print-schedule", action="store_true", help="show what would be done, do nothing"
        )
        throwaway.add_database_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 < options["minutes"] <= LONGEST_MINUTES:
            raise CommandError(f"--minutes must lie above 0 and at most at {LONGEST_MINUTES:g}")
        schedule = plan(seed=options["seed"], seconds=options["minutes"] * 60)
        if options["print_schedule"]:
            self.stdout.write("\n".join(str(act) for act in schedule.acts))
            return
        throwaway.enter("chaos", database=options["database"])
        throwaway.prepare_database()
        self._begun = time.monotonic()
        status = self._run(schedule, is_json=options["json"])
        self._tidy(schedule, is_kept=options["keep"] or status != GOOD)
        sys.exit(status)

    def _run(self, schedule: Schedule, *, is_json: bool) -> int:
        self._say(f"seed {schedule.seed}, {schedule.seconds / 60:g} min, in {settings.DATA_DIR}")
        try:
            run = unleash(schedule, say=self._say)
            report = asyncio.run(throwaway.until_told_to_stop(run))
        except UnableToStart as error:
            self._say(f"the platform did not start: {error}")
            self._say((settings.DATA_DIR / "platform.log").read_text()[-4_000:])
            return NOT_STARTED
        except (KeyboardInterrupt, asyncio.CancelledError):
            self._say("interrupted; everything has stopped")
            return INTERRUPTED
        self._print(report, is_json=is_json)
        return GOOD if report.is_good else BROKEN

    def _tidy(self, schedule: Schedule, *, is_kept: bool) -> None:
        throwaway.leave(is_kept=is_kept)
        if not is_kept:
            return
        self._say(f"data, chain and platform.log: {settings.DATA_DIR}")
        minutes = f"{schedule.seconds / 60:g}"
        self._say(f"the same schedule again: make chaos SEED={schedule.seed} MINUTES={minutes}")

    def _print(self, report: ChaosReport, *, is_json: bool) -> None:
        if is_json:
            self.stdout.write(json.dumps(report.as_json(), indent=2, ensure_ascii=False))
        else:
            self.stdout.write("\n".join(report.as_lines()))

    def _say(self, text: str) -> None:
        self.stderr.write(f"[{time.monotonic() - self._begun:5.1f} s] {text}")
        self.stderr.flush()
