"""One platform per data directory, and how others find it."""

import os
import subprocess
import sys

import pytest

from workers import lock, run_env

HOLD = """
import pathlib, sys, time
from workers import lock
with lock.held(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_holder_is_refused_and_told_who_has_it(holder, tmp_path):
    with pytest.raises(lock.AlreadyRunning) as refused, lock.held(tmp_path / "lock"):
        pass
    assert refused.value.holder == str(holder.pid)


def test_a_killed_holder_holds_nothing(holder, tmp_path):
    holder.kill()
    holder.wait()
    with lock.held(tmp_path / "lock"):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_run_env_is_private_and_gone_afterwards(tmp_path):
    path = tmp_path / "run.env"
    with run_env.published(path, {"WEB_URL": "http://127.0.0.1:8000", "INGRESS_URL": "x"}):
        assert path.read_text() == "WEB_URL=http://127.0.0.1:8000\nINGRESS_URL=x\n"
        assert path.stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.iterdir())
