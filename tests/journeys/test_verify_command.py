"""`manage.py verify_books`: its exit status and what it prints, as a process of its own."""

import json
import os
import subprocess
import sys
from typing import Any

from tests.cluster import REPOSITORY
from tests.journeys.trades import Traded, change, submission_of
from trading.models import Fill


def verify(traded: Traded, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    platform = traded.platform
    environment = {
        **os.environ,
        "CHIMERA_MODE": "sandbox",
        "CHIMERA_PROCESS": "web",
        "CHIMERA_DATA_DIR": str(platform.database.file.parent / "data"),
        "DATABASE_URL": platform.database.url,
        "SANDBOX_URL": platform.sandbox.url,
        **changes,
    }
    command = [sys.executable, "manage.py", "verify_books", "--settle", "0", *arguments]
    return subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )


def report_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(done.stdout)
    return report


async def test_equal_books_exit_with_0(traded: Traded) -> None:
    done = verify(traded, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report = report_of(done)
    assert report["books_equal_chain"] is True
    assert report["findings"] == []
    assert report["positions"] == 3
    people = verify(traded)
    assert people.returncode == 0
    assert people.stdout.rstrip().endswith("books equal the chain")


async def test_one_lamport_exits_with_1_and_is_named(traded: Traded) -> None:
    row = await submission_of(traded, traded.held, action="BUY")
    await change(traded, Fill, row.fill.pk, tip_lamports=row.fill.tip_lamports + 1)
    done = verify(traded, "--json")
    assert done.returncode == 1
    assert report_of(done)["findings"] == [
        {
            "kind": "AMOUNT_MISMATCH",
            "subject": f"BUY {row.signature}: tip",
            "books": str(row.fill.tip_lamports + 1),
            "chain": str(row.fill.tip_lamports),
        }
    ]
    people = verify(traded)
    assert people.returncode == 1
    assert f"AMOUNT_MISMATCH BUY {row.signature}: tip" in people.stdout
    assert people.stdout.rstrip().endswith("1 differences")


async def test_a_chain_that_does_not_answer_exits_with_2(traded: Traded) -> None:
    done = verify(traded, RPC_URLS="http://127.0.0.1:9/")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("could not check: ")
