"""What the platform's rows say about a phase: when each signal was sent on, and how it ended."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db.models import F

from trading.domain.lifecycle import ENDS
from trading.models import Signal, Submission
from trading.services.claims import OUTCOME_AWAITED

QUIET_SECONDS = 180.0
CHUNK = 500


async def wait_until_quiet() -> None:
    """Return when every signal has its end, or after three minutes: what is left then counts as lost."""
    until = time.monotonic() + QUIET_SECONDS
    while await sync_to_async(_is_any_open)() and time.monotonic() < until:  # noqa: ASYNC110
        await asyncio.sleep(0.25)


def _is_any_open() -> bool:
    return Signal.objects.exclude(status__in=ENDS).exists()


def ends_of(names: Sequence[str]) -> tuple[dict[str, int], int]:
    """How the accepted signals ended, by status and code, and how many of them have no end."""
    ends: Counter[str] = Counter()
    found = 0
    for begin in range(0, len(names), CHUNK):
        some = [UUID(name) for name in names[begin : begin + CHUNK]]
        for status, code in Signal.objects.filter(pk__in=some).values_list("status", "code"):
            is_ended = status in ENDS
            found += is_ended
            ends[f"{status} {code}".strip() if is_ended else "no end"] += 1
    return dict(ends.most_common()), len(names) - found


def durations_of(names: Sequence[str]) -> tuple[list[float], list[float]]:
    """(internal, waited) milliseconds of every accepted signal's first transaction.

    Internal is from the webhook's receipt to the first byte sent, less the waiting for other machines. A
    sell that was put back until the buy before it had landed has waited for the chain: it is not counted.
    """
    internal, waited = [], []
    for begin in range(0, len(names), CHUNK):
        rows = (
            Submission.objects.filter(
                signal__in=[UUID(name) for name in names[begin : begin + CHUNK]],
                attempt=1,
                sent_at__isnull=False,
            )
            .exclude(signal__events__code__in=OUTCOME_AWAITED)
            .values_list("sent_at", F("signal__received_at"), "waited_microseconds")
        )
        for sent_at, received_at, microseconds in rows:
            waited.append(microseconds / 1_000)
            internal.append((sent_at - received_at).total_seconds() * 1_000 - waited[-1])
    return internal, waited
