"""Real processes of the platform on a database that a test can look into; no tests here."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.databases import Database
from tests.platform import Platform

REPOSITORY = Path(__file__).resolve().parents[2]
STOP_SECONDS = 15.0


@dataclass(slots=True, kw_only=True)
class House:
    """Starts processes with the same directories and the same database, and ends those that are left."""

    environment: dict[str, str]
    directory: Path
    started: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def start(self, *arguments: str, process: str = "") -> "subprocess.Popen[bytes]":
        """`manage.py` with these arguments; what it prints is kept in `log`."""
        profile = {"CHIMERA_PROCESS": process or arguments[0]}
        with self.log.open("ab") as log:
            running = subprocess.Popen(
                [sys.executable, "manage.py", *arguments],
                cwd=REPOSITORY,
                env={**self.environment, **profile},
                stdout=log,
                stderr=log,
            )
        self.started.append(running)
        return running

    @property
    def log(self) -> Path:
        return self.directory / "log"

    def close(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()


def stopped(process: "subprocess.Popen[bytes]", *, by: signal.Signals = signal.SIGTERM) -> int:
    """Its exit status after that signal."""
    process.send_signal(by)
    return process.wait(STOP_SECONDS)


@contextmanager
def open_house(directory: Path, database: Database, **environment: str) -> Iterator[House]:
    """Processes that share `database`, each ended at the end whatever happens."""
    with ExitStack() as stack:
        # Unix sockets need a shorter path than pytest's.
        runtime = stack.enter_context(tempfile.TemporaryDirectory(prefix="chimera-"))
        house = House(
            directory=directory,
            environment={
                **os.environ,
                "CHIMERA_MODE": "sandbox",
                "CHIMERA_DATA_DIR": str(directory),
                "RUNTIME_DIR": runtime,
                "DATABASE_URL": database.url,
                "PYTHONWARNINGS": "default",
                **environment,
            },
        )
        stack.callback(house.close)
        yield house


@pytest.fixture
def house(platform: Platform, database: Database, tmp_path: Path) -> Iterator[House]:
    """A house whose executors sign with the platform's key, on its sandbox and its rows."""
    directory = tmp_path / "house"
    directory.mkdir()
    (directory / "trading_key.json").write_text(json.dumps(list(bytes(platform.keypair))))
    with open_house(directory, database, SANDBOX_URL=platform.sandbox.url) as opened:
        yield opened
