"""How long what was seen of the market is kept: by age, and by number, so that no year fills the disk."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from trading.models import LiquiditySample, PriceAfter, PriceTick
from trading.rows import change, first, parameter

ROWS_AT_ONCE = 5_000
"""A step is a transaction of its own: short enough for signals to pass between two of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """What of a table is kept: rows whose moment is no longer ago than `days`, the newest `rows` of them."""

    model: Any
    moment: str
    days: int
    rows: int


KEPT = (
    Keep(model=PriceTick, moment="at", days=14, rows=2_000_000),
    Keep(model=LiquiditySample, moment="at", days=180, rows=10_000_000),
    Keep(model=PriceAfter, moment="swapped_at", days=365, rows=10_000_000),
)


def forget_observations(*, now: datetime) -> int:
    """Forget what is not kept any more; how many rows. To be called outside a transaction."""
    return sum(_too_old(each, now) + _too_many(each) for each in KEPT)


def _too_old(keep: Keep, now: datetime) -> int:
    until = parameter(keep.model, keep.moment, now - timedelta(days=keep.days))
    table = keep.model._meta.db_table
    return _in_steps(
        f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table}"  # noqa: S608
        f" WHERE {keep.moment} < %s ORDER BY {keep.moment} LIMIT %s)",
        until,
    )


def _too_many(keep: Keep) -> int:
    """Ids rise, so their distance is at least as great as the number of rows; no counting is needed."""
    table = keep.model._meta.db_table
    newest = first(f"SELECT max(id) FROM {table}")  # noqa: S608
    if newest is None or newest[0] is None:
        return 0
    return _in_steps(
        f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table}"  # noqa: S608
        " WHERE id <= %s ORDER BY id LIMIT %s)",
        newest[0] - keep.rows,
    )


def _in_steps(statement: str, until: Any) -> int:
    total = 0
    while changed := change(statement, until, ROWS_AT_ONCE):
        total += changed
    return total
