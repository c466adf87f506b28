"""Who goes first: the reserved cores, who may be on them, and nobody put aside while it writes."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction

from tests.databases import Database
from trading.cores import first_cores, reserved_cores
from trading.writer import GroupWriter, StorageUnavailable

needs_real_time = pytest.mark.skipif(
    not reserved_cores(), reason="real-time priority needs two cores and the system's leave"
)


@pytest.mark.parametrize(
    ("wanted", "cores", "first"),
    [
        (None, {0, 1}, {0}),
        (None, {2, 3, 6, 7}, {2}),
        (None, set(range(8)), {0, 1}),
        (2, {0, 1, 2}, {0, 1}),
        (9, {0, 1, 2}, {0, 1}),  # somebody has to book what lands
        (None, {0}, set()),
        (1, {0}, set()),
        (0, {0, 1, 2, 3}, set()),
    ],
)
def test_somebody_else_always_has_a_core_too(
    wanted: int | None, cores: set[int], first: set[int]
) -> None:
    assert first_cores(wanted, cores=cores) == first


def places_after(verb: str, **environment: str) -> dict[str, Any]:
    """Policy and cores of a process that called this verb, and of a thread that it started after it."""
    script = f"""
        import json, os, threading
        import django
        django.setup()
        from trading import cores
        cores.{verb}()
        places = {{}}
        def look(name):
            places[name] = [os.sched_getscheduler(0), sorted(os.sched_getaffinity(0))]
        look("main")
        thread = threading.Thread(target=look, args=("later",))
        thread.start()
        thread.join()
        print(json.dumps(places))
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "chimera_site.settings", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def everywhere(policy: int, cores: list[int]) -> dict[str, Any]:
    """One place for the first thread and a later one."""
    return {thread: [policy, cores] for thread in ("main", "later")}


@needs_real_time
def test_who_goes_first_stays_on_its_cores_and_everybody_else_off_them() -> None:
    reserved, rest = sorted(reserved_cores()), sorted(os.sched_getaffinity(0) - reserved_cores())

    first, others = places_after("go_first"), places_after("make_way")

    assert first == everywhere(os.SCHED_RR, reserved)
    assert others == everywhere(os.SCHED_OTHER, rest)


@pytest.mark.parametrize("verb", ["go_first", "make_way"])
def test_without_cores_of_its_own_everybody_takes_turns_as_ever(verb: str) -> None:
    usual = everywhere(os.SCHED_OTHER, sorted(os.sched_getaffinity(0)))

    assert places_after(verb, REALTIME_CORES="0") == usual


@needs_real_time
async def test_the_threads_of_a_writer_that_is_first_go_before_others_and_leave_the_reserved_cores(
    database: Database,
) -> None:
    writer = GroupWriter(is_first=True).start()

    assert await writer.read(place) == await writer.run(place) == await writer.read(place)
    assert await writer.read(place) == (os.SCHED_RR, os.sched_getaffinity(0) - reserved_cores())
    writer.stop()


def place() -> tuple[int, set[int]]:
    return os.sched_getscheduler(0), os.sched_getaffinity(0)


@pytest.fixture
def writer(database: Database) -> Iterator[GroupWriter]:
    started = GroupWriter().start()
    yield started
    started.stop()


def policy() -> int:
    return os.sched_getscheduler(0)


def fail() -> None:
    raise ValueError("undone")


def cut_off() -> None:
    connection.connection.close()


@needs_real_time
async def test_whom_a_commit_wakes_does_not_wait_for_who_woke_it(writer: GroupWriter) -> None:
    policies: list[int] = []

    def store() -> None:
        transaction.on_commit(lambda: policies.append(policy()))

    await writer.run(store)

    assert policies == [os.SCHED_RR]
    assert await writer.read(policy) == os.SCHED_OTHER


@needs_real_time
@pytest.mark.parametrize("end", [policy, fail, cut_off])
async def test_who_writes_is_not_put_aside_until_it_has_written(
    writer: GroupWriter, end: Callable[[], Any]
) -> None:
    assert await writer.run(policy) == os.SCHED_RR
    assert await writer.read(policy) == os.SCHED_OTHER

    with suppress(ValueError, StorageUnavailable):
        await writer.run(end)

    assert await writer.read(policy) == os.SCHED_OTHER
