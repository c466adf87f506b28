"""What happens a thousand times a second is a line in a while, with its number; what is rare is told as ever."""

import logging
from collections.abc import Iterator

import pytest

from trading.seldom import Seldom

log = logging.getLogger("tests.seldom")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock()
    seldom = Seldom(seconds=10, clock=clock)
    log.addFilter(seldom)
    yield clock
    log.removeFilter(seldom)


def test_the_same_is_told_once_and_counted(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(1_501):
        log.error("not stored: %s", number)
    clock.now += 10
    log.error("not stored: %s", "again")
    log.error("not stored: %s", "again")
    assert caplog.messages == ["not stored: 0", "not stored: again (and 1,500 times before)"]


def test_something_else_is_told_at_once(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    log.error("not stored: %s", 1)
    log.error("not answered")
    for error in (ValueError, ValueError, KeyError):
        log.error("broken", exc_info=(error, error(), None))
    assert caplog.messages == ["not stored: 1", "not answered", "broken", "broken"]


def test_what_comes_once_in_a_while_is_told_as_it_is(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        log.error("not stored: %s", 1)
        clock.now += 10
    assert caplog.messages == ["not stored: 1"] * 3
