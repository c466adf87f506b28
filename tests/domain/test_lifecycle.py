"""The only moves between states: ends have no way out, every state can be reached and left."""

from enum import StrEnum

import pytest

from trading.domain import lifecycle
from trading.domain.lifecycle import (
    ENDS,
    WAITING,
    PositionStatus,
    SignalStatus,
    SubmissionStatus,
    sources,
)

TABLES: list[tuple[type[StrEnum], dict, StrEnum]] = [
    (SignalStatus, lifecycle.SIGNAL_TRANSITIONS, SignalStatus.QUEUED),
    (SubmissionStatus, lifecycle.SUBMISSION_TRANSITIONS, SubmissionStatus.IN_FLIGHT),
    (PositionStatus, lifecycle.POSITION_TRANSITIONS, PositionStatus.ACTIVE),
]


@pytest.mark.parametrize(("states", "table", "start"), TABLES)
def test_the_table_names_every_state_and_all_are_reached_from_the_first(
    states: type[StrEnum], table: dict, start: StrEnum
) -> None:
    assert set(table) == set(states)
    reached, ahead = {start}, [start]
    while ahead:
        ahead = [state for each in ahead for state in table[each] if state not in reached]
        reached |= set(ahead)
    assert reached == set(states)


@pytest.mark.parametrize(("states", "table", "start"), TABLES)
def test_from_every_state_an_end_can_be_reached(
    states: type[StrEnum], table: dict, start: StrEnum
) -> None:
    ending = {state for state in states if not table[state]}
    for _ in states:
        ending |= {state for state in states if table[state] & ending}
    assert ending == set(states)


@pytest.mark.parametrize(("states", "table", "start"), TABLES)
def test_a_state_has_exactly_the_sources_that_the_table_gives_it_and_never_itself(
    states: type[StrEnum], table: dict, start: StrEnum
) -> None:
    for target in states:
        assert target not in sources(target)
        assert set(sources(target)) == {state for state in states if target in table[state]}


def test_the_sources_of_a_state_are_of_its_own_kind() -> None:
    for states, _, _ in TABLES:
        for target in states:
            assert all(type(source) is states for source in sources(target))


def test_a_signal_ends_in_exactly_four_ways() -> None:
    assert {"COMPLETED", "REJECTED", "SKIPPED", "DEAD_LETTER"} == ENDS
    assert not ENDS & set(WAITING)


def test_a_transaction_in_flight_is_resolved_once_and_for_all() -> None:
    for state in SubmissionStatus:
        is_open = state is SubmissionStatus.IN_FLIGHT
        assert bool(lifecycle.SUBMISSION_TRANSITIONS[state]) == is_open


def test_a_position_is_only_closed_by_a_sell_under_way() -> None:
    assert sources(PositionStatus.CLOSED) == [PositionStatus.EXITING]
