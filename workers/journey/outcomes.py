"""What became of signals, read from the platform's rows while it runs; changes nothing."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from asgiref.sync import sync_to_async

from trading.domain.lifecycle import ENDS, PositionStatus, SubmissionStatus
from trading.models import Position, Signal, Submission
from trading.services.state import trading_state

T = TypeVar("T")
POLL_SECONDS = 0.05


class NeverEnded(Exception):
    """An accepted signal did not reach an end in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of one signal."""

    uuid: UUID
    status: str
    code: str
    text: str
    seconds: float
    submissions: int


async def end_of(uuid: UUID, *, timeout_seconds: float) -> Outcome:
    """The signal's end; NeverEnded after the time-out."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        found = await sync_to_async(_end)(uuid)
        if found is not None:
            return found
        if time.monotonic() >= deadline:
            raise NeverEnded(f"signal {uuid}")
        await asyncio.sleep(POLL_SECONDS)


def _end(uuid: UUID) -> Outcome | None:
    row = Signal.objects.filter(pk=uuid, status__in=list(ENDS)).first()
    if row is None:
        return None
    took = (row.finished_at or row.received_at) - row.received_at
    return Outcome(
        uuid=uuid,
        status=row.status,
        code=row.code,
        text=row.text,
        seconds=took / timedelta(seconds=1),
        submissions=row.submissions.count(),
    )


async def signal_of(source_signature: str, *, timeout_seconds: float) -> UUID | None:
    """The signal that copies this transaction of a leader, once it has come in."""
    return await _appears(
        lambda: (
            Signal.objects.filter(source_signature=source_signature)
            .values_list("uuid", flat=True)
            .first()
        ),
        timeout_seconds,
    )


async def exit_of(position: UUID, *, reason: str, timeout_seconds: float) -> UUID | None:
    """The exit signal of a position for this reason, once somebody asked for it."""
    return await _appears(
        lambda: (
            Signal.objects.filter(position=position, exit_reason=reason)
            .values_list("uuid", flat=True)
            .first()
        ),
        timeout_seconds,
    )


async def unsent_submission(*, timeout_seconds: float) -> str | None:
    """The signature of a submission that is recorded and not yet known to be sent."""
    return await _appears(
        lambda: (
            Submission.objects.filter(status=SubmissionStatus.IN_FLIGHT, sent_at=None)
            .values_list("signature", flat=True)
            .first()
        ),
        timeout_seconds,
    )


async def position_of(signal: UUID) -> Position | None:
    """The position that a buy opened, as it stands now."""
    return await Position.objects.filter(signal=signal).afirst()


async def spear_pauses(*, timeout_seconds: float) -> bool:
    """Whether the circuit breaker has paused SPEAR within the time-out."""
    found = await _appears(lambda: trading_state().is_spear_paused or None, timeout_seconds)
    return found is True


async def is_quiet() -> bool:
    """Whether every accepted signal has ended, nothing is in flight, and no position is half sold."""
    return not (
        await Signal.objects.exclude(status__in=list(ENDS)).aexists()
        or await Submission.objects.filter(status=SubmissionStatus.IN_FLIGHT).aexists()
        or await Position.objects.filter(status=PositionStatus.EXITING).aexists()
    )


async def appears(ask: Callable[[], Awaitable[T | None]], *, timeout_seconds: float) -> T | None:
    """The first answer that is not None, asked again and again until the time-out."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        found = await ask()
        if found is not None or time.monotonic() >= deadline:
            return found
        await asyncio.sleep(POLL_SECONDS)


async def _appears(ask: Callable[[], T | None], timeout_seconds: float) -> T | None:
    return await appears(sync_to_async(ask), timeout_seconds=timeout_seconds)
