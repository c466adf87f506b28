"""A short run of the whole thing as a person starts it: real processes, kill -9, faults, the chain's verdict."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import REPOSITORY


@pytest.mark.timeout(700)
def test_nothing_is_lost_or_done_twice_while_processes_are_killed(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "SANDBOX_URL": "http://127.0.0.1:9"}
    environment.pop("XDG_RUNTIME_DIR", None)
    done = subprocess.run(
        [sys.executable, "manage.py", "chaos", "--seed", "8", "--minutes", "0.2", "--json"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-4_000:]
    figures = json.loads(done.stdout)
    assert figures["is_good"]
    assert figures["troubles"] == []
    assert [check["broken"] for check in figures["checks"] if check["broken"]] == []
    assert sum(figures["kills"].values()) >= 2
    assert sum(figures["faults"].values()) >= 1
    assert figures["answers"]["buy"]["202 accepted"] >= 1
    assert figures["outcomes"]
    assert [each.name for each in tmp_path.iterdir() if "chaos" in each.name] == []
