"""What left our wallet without a trade of ours, told from what came in other than by trades. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

LASTING = timedelta(seconds=20)
"""A node that lags behind the books shows too much or too little for as long: only what lasts is believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsidePoint:
    """Balance less the books at a moment: deposits less withdrawals, and whatever else nobody booked."""

    at: datetime
    lamports: int


def drained_lamports(points: Sequence[OutsidePoint]) -> int | None:
    """How far it fell from the highest level that lasted to where it stays now; None without a point.

    `points` are in the order of time. The sales of a whole portfolio, booked a moment before a node knows
    of them, look like a theft of all they brought in: until the node has caught up.
    """
    if not points:
        return None
    newest = points[-1].at
    now = max(point.lamports for point in points if newest - point.at < LASTING)
    return max(0, max(_lasting(points, place) for place in range(len(points))) - now)


def _lasting(points: Sequence[OutsidePoint], place: int) -> int:
    """The lowest that follows a point for as long as it takes to be believed."""
    until, lowest = points[place].at + LASTING, points[place].lamports
    for point in points[place:]:
        if point.at > until:
            break
        lowest = min(lowest, point.lamports)
    return lowest
