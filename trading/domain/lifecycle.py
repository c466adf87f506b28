"""States of a signal, a submission and a position, and the only moves between them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class SignalStatus(StrEnum):
    """Where an accepted signal stands; the last four are ends."""

    QUEUED = "QUEUED"
    EXECUTING = "EXECUTING"
    RETRY = "RETRY"
    COMPLETED = "COMPLETED"
    REJECTED = "REJECTED"
    SKIPPED = "SKIPPED"
    DEAD_LETTER = "DEAD_LETTER"


class SubmissionStatus(StrEnum):
    """What is known of one signed transaction: in flight until the chain itself answers."""

    IN_FLIGHT = "IN_FLIGHT"
    LANDED = "LANDED"
    FAILED = "FAILED"
    REFUSED = "REFUSED"
    EXPIRED = "EXPIRED"


class PositionStatus(StrEnum):
    """A position exists from its landed buy (ACTIVE) to its last landed sell (CLOSED)."""

    ACTIVE = "ACTIVE"
    EXITING = "EXITING"
    CLOSED = "CLOSED"


SIGNAL_TRANSITIONS: dict[SignalStatus, frozenset[SignalStatus]] = {
    SignalStatus.QUEUED: frozenset({SignalStatus.EXECUTING}),
    SignalStatus.RETRY: frozenset({SignalStatus.EXECUTING, SignalStatus.DEAD_LETTER}),
    SignalStatus.EXECUTING: frozenset(
        {
            SignalStatus.QUEUED,
            SignalStatus.RETRY,
            SignalStatus.COMPLETED,
            SignalStatus.REJECTED,
            SignalStatus.SKIPPED,
            SignalStatus.DEAD_LETTER,
        }
    ),
    SignalStatus.COMPLETED: frozenset(),
    SignalStatus.REJECTED: frozenset(),
    SignalStatus.SKIPPED: frozenset(),
    SignalStatus.DEAD_LETTER: frozenset(),
}
SUBMISSION_TRANSITIONS: dict[SubmissionStatus, frozenset[SubmissionStatus]] = {
    SubmissionStatus.IN_FLIGHT: frozenset(
        {
            SubmissionStatus.LANDED,
            SubmissionStatus.FAILED,
            SubmissionStatus.REFUSED,
            SubmissionStatus.EXPIRED,
        }
    ),
    SubmissionStatus.LANDED: frozenset(),
    SubmissionStatus.FAILED: frozenset(),
    SubmissionStatus.REFUSED: frozenset(),
    SubmissionStatus.EXPIRED: frozenset(),
}
POSITION_TRANSITIONS: dict[PositionStatus, frozenset[PositionStatus]] = {
    PositionStatus.ACTIVE: frozenset({PositionStatus.EXITING}),
    PositionStatus.EXITING: frozenset({PositionStatus.ACTIVE, PositionStatus.CLOSED}),
    PositionStatus.CLOSED: frozenset(),
}
WAITING = (SignalStatus.QUEUED, SignalStatus.RETRY)
OPEN = (PositionStatus.ACTIVE, PositionStatus.EXITING)
ENDS = frozenset(status for status, onward in SIGNAL_TRANSITIONS.items() if not onward)


def sources(target: SignalStatus | SubmissionStatus | PositionStatus) -> list[StrEnum]:
    """The states from which the one table of its kind leads to this one; every conditional UPDATE asks here."""
    tables: dict[type[StrEnum], Mapping[Any, frozenset[Any]]] = {
        SignalStatus: SIGNAL_TRANSITIONS,
        SubmissionStatus: SUBMISSION_TRANSITIONS,
        PositionStatus: POSITION_TRANSITIONS,
    }
    return [state for state, onward in tables[type(target)].items() if target in onward]
