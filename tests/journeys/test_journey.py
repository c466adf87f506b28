"""The whole journey as a person starts it: processes, signals, chain, verdict, and nothing left behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import REPOSITORY
from trading.domain.denials import DenialCode
from trading.domain.exits import ExitReason
from trading.domain.safety import SafetyCode
from trading.domain.values import Route
from workers.journey.coverage import ANSWERS


@pytest.mark.timeout(360)
def test_the_main_job_works_from_signal_to_closed_position(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "SANDBOX_URL": "http://127.0.0.1:9"}
    environment.pop("XDG_RUNTIME_DIR", None)
    done = subprocess.run(
        [sys.executable, "manage.py", "journey", "--json", "--seed", "7"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    figures = json.loads(done.stdout)
    assert figures["violated"] == []
    assert figures["books_equal_chain"] is True
    assert figures["signals"] >= 20
    assert figures["opened"] > figures["closed"] > 0
    assert figures["failed"] == 0
    assert figures["duplicates_blocked"] >= 4
    assert figures["missing"] == []
    assert set(figures["denial_codes"]) == {*DenialCode, *SafetyCode}
    assert set(figures["exit_reasons"]) == set(ExitReason)
    assert set(figures["routes"]) == set(Route)
    assert set(figures["answers"]) >= set(ANSWERS)
    assert figures["failover"]["back_after_seconds"] > 0
    assert 0 < figures["p50_ms"] <= figures["p99_ms"]
    assert [each.name for each in tmp_path.iterdir() if "journey" in each.name] == []
