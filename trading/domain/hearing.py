"""What it means that a source told of a leader's trade: in time, late, only afterwards, or never."""

from datetime import datetime, timedelta
from enum import StrEnum

WATCHER = "watcher"
"""The source that reads the chain itself; the others are providers of signals, by name."""
HELIUS = "helius"
"""The source that posts transactions at a door of its own."""
LATE_AFTER = timedelta(seconds=10)
LOST_AFTER = timedelta(minutes=2)
SILENT_AFTER_TRADES = 3


class How(StrEnum):
    """How a source told of a trade."""

    HEARD = "heard"
    LATE = "late"
    RECOVERED = "recovered"
    LOST = "lost"


def how_heard(*, traded_at: datetime, heard_at: datetime, is_recovered: bool) -> How:
    """`is_recovered`: nobody told, it was found by looking for what nobody told."""
    if is_recovered:
        return How.RECOVERED
    return How.LATE if heard_at - traded_at > LATE_AFTER else How.HEARD


def delay_seconds(*, traded_at: datetime, heard_at: datetime) -> float:
    """From the block's time, which is known to the second and may be a little ahead of ours."""
    return max(0.0, (heard_at - traded_at).total_seconds())


def is_silent(*, silence: timedelta, patience: timedelta, told_by_others: int) -> bool:
    """Whether a source has said nothing for too long while others told of its leaders' trades."""
    return silence >= patience and told_by_others >= SILENT_AFTER_TRADES
