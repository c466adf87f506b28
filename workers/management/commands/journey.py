"""`manage.py journey`: the main job as a self-check, in a data directory of its own."""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from workers.journey.report import JourneyReport
from workers.journey.script import travel
from workers.supervisor import UnableToStart

GOOD, VIOLATED, NOT_STARTED, INTERRUPTED = 0, 1, 2, 130
MARK = "CHIMERA_JOURNEY"
# Everything else would point to another platform, whose database and keys must stay out of this.
KEPT = ("PATH", "HOME", "USER", "LANG", "TERM", "TMPDIR", "XDG_RUNTIME_DIR", "VIRTUAL_ENV")
KEPT_PREFIXES = ("LC_", "PYTHON", "COVERAGE")


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

    def handle(self, *args: Any, **options: Any) -> None:
        if os.environ.get(MARK) != str(settings.DATA_DIR):
            _start_over()
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
            if not options["keep"]:
                shutil.rmtree(settings.DATA_DIR, ignore_errors=True)
                shutil.rmtree(settings.RUNTIME_DIR, ignore_errors=True)
        if options["keep"]:
            self.stderr.write(f"data and log: {settings.DATA_DIR}")
        sys.exit(status)

    def _travel(self, options: dict[str, Any]) -> int:
        call_command("migrate", verbosity=0, interactive=False)
        journey = travel(seed=options["seed"], is_rough=options["kill"], say=self._say)
        report = asyncio.run(_until_told_to_stop(journey))
        self._print(report, is_json=options["json"])
        return GOOD if report.is_good else VIOLATED

    def _print(self, report: JourneyReport, *, is_json: bool) -> None:
        if is_json:
            self.stdout.write(json.dumps(report.as_json(), indent=2, ensure_ascii=False))
        else:
            self.stdout.write("\n".join(report.as_lines()))

    def _say(self, text: str) -> None:
        self.stderr.write(text)
        self.stderr.flush()


async def _until_told_to_stop(journey: Coroutine[Any, Any, JourneyReport]) -> JourneyReport:
    """SIGTERM ends the journey as Ctrl-C does: its processes first."""
    task = asyncio.create_task(journey)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def _start_over() -> None:
    """Settings are read before this line, so the process starts again in a directory of its own."""
    data_dir = str(Path(tempfile.mkdtemp(prefix="chimera-journey-")).resolve())
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in KEPT or name.startswith(KEPT_PREFIXES)
    }
    environment = {**kept, "CHIMERA_MODE": "sandbox", "CHIMERA_DATA_DIR": data_dir, MARK: data_dir}
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)  # noqa: S606
