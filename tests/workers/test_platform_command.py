"""`manage.py platform` as people run it: real processes in a throw-away data directory."""

import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings

from tests.workers.children import is_running
from workers import lock

HEALTHY_SECONDS = 90
NAMES = {
    *("redis", "sandbox", "ingress", "web", "worker", "beat"),
    *("executor", "resolver", "watcher", "wallet_watcher"),
}


@pytest.fixture(autouse=True)
def _no_sockets_left(tmp_path):
    yield
    shutil.rmtree(runtime_dir_of(tmp_path), ignore_errors=True)


def runtime_dir_of(data_dir: Path) -> Path:
    """A short path, which unix sockets need and pytest's directories are not."""
    digest = hashlib.sha256(str(data_dir).encode()).hexdigest()[:10]
    return Path(tempfile.gettempdir()) / f"chimera-test-{digest}"


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    """Ours without what another platform may have put into it."""
    foreign = {"WEB_URL", "INGRESS_URL", "SANDBOX_URL", "REDIS_URL", "RUNTIME_DIR"}
    own = {name: value for name, value in os.environ.items() if name not in foreign}
    places = {"CHIMERA_DATA_DIR": str(data_dir), "RUNTIME_DIR": str(runtime_dir_of(data_dir))}
    return {**own, "CHIMERA_MODE": "sandbox", **places, **more}


class Platform:
    """A running `manage.py platform` and the log it has written so far."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self.log = process, log

    def until(self, pattern: str, *, seconds: float) -> re.Match[str]:
        """Wait for a line of the log."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = re.search(pattern, self.log.read_text())
            if found:
                return found
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        raise TimeoutError(f"no {pattern!r} in:\n{self.log.read_text()}")

    def children(self) -> set[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return {int(pid) for pid in path.read_text().split()}


@contextmanager
def platform(data_dir: Path) -> Iterator[Platform]:
    log = data_dir / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "platform", "--no-market", "--history-days", "0"],
            env=environment(data_dir),
            cwd=settings.BASE_DIR,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Platform(process, log)
    finally:
        process.kill()
        process.wait()


@pytest.mark.timeout(240)
def test_it_gets_healthy_restarts_what_is_killed_and_ends_cleanly(tmp_path):
    with platform(tmp_path) as running:
        running.until("Chimera is healthy", seconds=HEALTHY_SECONDS)
        children = running.children()
        assert len(children) == len(NAMES)
        addresses = dict(
            line.split("=", 1) for line in (tmp_path / "run.env").read_text().splitlines()
        )
        for name in ("WEB_URL", "INGRESS_URL"):
            with urllib.request.urlopen(f"{addresses[name]}/health", timeout=5) as reply:
                assert reply.status == 200

        ingress = next(pid for pid in children if "ingress" in command_line(pid))
        os.kill(ingress, signal.SIGKILL)
        running.until(r"ingress ended \(signal 9\)", seconds=10)
        running.until(r"ingress is back", seconds=HEALTHY_SECONDS)

        children |= running.children()
        running.process.terminate()
        assert running.process.wait(timeout=30) == 0
        assert not any(map(is_running, children))
        assert not (tmp_path / "run.env").exists()
        assert "everything has stopped" in running.log.read_text()


@pytest.mark.timeout(240)
def test_killed_with_sigkill_it_leaves_no_process(tmp_path):
    with platform(tmp_path) as running:
        running.until("Chimera is healthy", seconds=HEALTHY_SECONDS)
        children = running.children()
        assert len(children) == len(NAMES)
        running.process.kill()
        running.process.wait()
    deadline = time.monotonic() + 10
    while any(map(is_running, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_running, children))


def command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


def refused(data_dir: Path, **more: str) -> str:
    """What a start that must fail says."""
    outcome = subprocess.run(
        [sys.executable, "manage.py", "platform"],
        env=environment(data_dir, **more),
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert outcome.returncode == 1
    return outcome.stderr


def test_a_second_one_in_the_same_directory_says_that_it_already_runs(tmp_path):
    with lock.held(tmp_path / "platform.lock"):
        assert f"already runs with this data directory (process {os.getpid()})" in refused(tmp_path)


def test_a_demanded_port_that_is_taken_is_not_replaced_by_another(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"Port {port} (WEB_PORT) is taken" in refused(tmp_path, WEB_PORT=str(port))


def test_a_port_that_is_no_number_is_refused(tmp_path):
    assert "WEB_PORT=http is not a port number" in refused(tmp_path, WEB_PORT="http")
