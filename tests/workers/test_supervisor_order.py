"""What starts when, and when a start counts as failed."""

import pytest

from tests.workers.children import SLEEP, Heard, ready_when, service, supervisor
from workers.supervisor import UnableToStart


async def test_a_service_starts_only_after_what_it_needs_is_ready(tmp_path):
    heard, mark = Heard(), tmp_path / "ready"
    slow = f"import time, pathlib; time.sleep(0.3); pathlib.Path({str(mark)!r}).touch(); {SLEEP}"
    look = f"import pathlib; print(pathlib.Path({str(mark)!r}).exists(), flush=True)"
    platform = supervisor(
        service("first", slow, ready=ready_when(mark)),
        service("second", look, after=("first",), once=True),
        heard=heard,
    )
    await platform.start(timeout_seconds=20)
    await platform.stop()
    assert heard.of("second") == ["True"]


async def test_a_job_is_done_before_the_next_service_starts(tmp_path):
    mark = tmp_path / "done"
    check = f"import pathlib; assert pathlib.Path({str(mark)!r}).exists()"
    platform = supervisor(
        service("job", f"import pathlib; pathlib.Path({str(mark)!r}).touch()", once=True),
        service("check", check, after=("job",), once=True),
    )
    await platform.start(timeout_seconds=20)
    await platform.stop()


async def test_a_failed_job_stops_the_start_and_is_named():
    platform = supervisor(
        service("seed", "raise SystemExit(3)", once=True),
        service("rest", SLEEP, after=("seed",)),
    )
    with pytest.raises(UnableToStart, match=r"seed failed \(exit status 3\)"):
        await platform.start(timeout_seconds=20)
    await platform.stop()
    assert platform.pid("rest") is None


async def test_a_start_that_takes_too_long_names_what_is_missing(tmp_path):
    platform = supervisor(
        service("here", SLEEP),
        service("never", SLEEP, ready=ready_when(tmp_path / "nothing")),
    )
    with pytest.raises(UnableToStart, match=r"not ready after 0\.6 s: never"):
        await platform.start(timeout_seconds=0.6)
    await platform.stop()


def test_a_service_cannot_wait_for_one_that_is_not_known():
    with pytest.raises(KeyError, match="nobody"):
        supervisor(service("first", SLEEP, after=("nobody",)))
