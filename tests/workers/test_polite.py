"""What works in the background gives way to what trades, whatever shares the processors between them."""

import os
import subprocess
from pathlib import Path

import pytest

from workers.processes import POLITE

AUTOGROUP = Path("/proc/self/autogroup")


def of_a_polite_child(*argv: str) -> str:
    done = subprocess.run(
        [*POLITE, *argv], start_new_session=True, capture_output=True, text=True, check=True
    )
    assert not done.stderr
    return done.stdout.strip()


def test_a_polite_child_is_nice() -> None:
    assert of_a_polite_child("nice") == str(min(19, os.nice(0) + 10))


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel does not group by sessions")
def test_and_so_is_its_session() -> None:
    assert of_a_polite_child("cat", str(AUTOGROUP)).endswith("nice 10")


def test_arguments_reach_it_as_they_are() -> None:
    assert of_a_polite_child("printf", "%s|", "a b", "$c", "") == "a b|$c||"
