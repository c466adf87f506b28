"""Waiting for other machines is told apart from our own work, however questions are nested."""

import asyncio
import contextvars
from collections.abc import Iterator

import pytest

from trading.gateways.waiting import Stopwatch, timed_by, waiting


class Time:
    """A clock that a test moves on, in milliseconds."""

    def __init__(self) -> None:
        self.milliseconds = 0

    def __call__(self) -> int:
        return self.milliseconds * 1_000_000


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    moved = Time()
    monkeypatch.setattr("trading.gateways.waiting.time.perf_counter_ns", moved)
    return moved


@pytest.fixture
def watch() -> Iterator[Stopwatch]:
    token = timed_by.set(Stopwatch())
    found = timed_by.get()
    assert found is not None
    yield found
    timed_by.reset(token)


def test_only_the_time_of_a_question_counts(time: Time, watch: Stopwatch) -> None:
    time.milliseconds = 5
    with waiting():
        time.milliseconds = 12
    time.milliseconds = 40
    assert watch.waited_microseconds == 7_000


def test_questions_side_by_side_count_once(time: Time, watch: Stopwatch) -> None:
    watch.begin()
    time.milliseconds = 10
    watch.begin()
    time.milliseconds = 15
    watch.end()
    time.milliseconds = 20
    watch.end()
    assert watch.waited_microseconds == 20_000


def test_it_can_be_read_while_a_question_is_out(time: Time, watch: Stopwatch) -> None:
    with waiting():
        time.milliseconds = 3
        assert watch.waited_microseconds == 3_000


def test_a_failed_question_ends_all_the_same(time: Time, watch: Stopwatch) -> None:
    def ask() -> None:
        with waiting():
            time.milliseconds = 4
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        ask()
    time.milliseconds = 9
    assert watch.waited_microseconds == 4_000


async def test_tasks_that_the_work_starts_are_timed_with_it(time: Time, watch: Stopwatch) -> None:
    async def ask(milliseconds: int) -> None:
        with waiting():
            await asyncio.sleep(0)
            time.milliseconds += milliseconds

    await asyncio.gather(ask(2), ask(3))
    assert watch.waited_microseconds == 5_000


def test_without_a_stopwatch_nothing_is_timed() -> None:
    def ask() -> None:
        timed_by.set(None)
        with waiting():
            pass

    contextvars.copy_context().run(ask)
