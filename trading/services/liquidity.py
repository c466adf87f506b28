"""The liquidity behind a position: what the decision to buy saw, and what is left of it. Sells nothing."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction

from trading.domain.lifecycle import OPEN
from trading.domain.liquidity import Depth, Sighting, after
from trading.models import Decision, Position, Signal
from trading.rows import first, parameter, update

CEILING_USD = Decimal(10) ** 18


def entry_liquidity(signal: Signal) -> dict[str, Decimal | None]:
    """Columns of a new position: the liquidity in the facts of the decision that ordered it."""
    order = first(
        "SELECT CAST(facts AS TEXT) FROM trading_decision WHERE signal_id = %s AND is_order"
        " ORDER BY at DESC LIMIT 1",
        parameter(Decision, "signal", signal.pk),
    )
    facts = {} if order is None else json.loads(order[0])
    return {
        "entry_liquidity_usd": _amount(facts.get("liquidity_usd")),
        "entry_routable_usd": _amount(facts.get("routable_liquidity_usd")),
    }


def _amount(stored: Any) -> Decimal | None:
    """A figure that the column can hold; what is none, or beyond all money, is not known."""
    try:
        amount = Decimal(stored).quantize(Decimal("1e-6"))
    except (InvalidOperation, TypeError, ValueError):
        return None
    return amount if 0 <= amount < CEILING_USD else None


def sighting(position: Position) -> Sighting:
    """What is remembered of the position's liquidity."""
    return Sighting(
        left_bps=position.liquidity_left_bps,
        seen_at=position.liquidity_seen_at,
        low_since=position.liquidity_low_since,
    )


@transaction.atomic(savepoint=False)
def mark_liquidity(position: Position, depth: Depth, *, drop_bps: int) -> None:
    """Remember a depth seen for an open position; the row in hand then says the same."""
    seen = after(sighting(position), depth, drop_bps=drop_bps)
    if seen.seen_at == position.liquidity_seen_at:
        return
    columns = {
        "liquidity_left_bps": seen.left_bps,
        "liquidity_seen_at": seen.seen_at,
        "liquidity_low_since": seen.low_since,
    }
    if update(Position, {"uuid": position.pk, "status": OPEN}, **columns) == 1:
        for name, value in columns.items():
            setattr(position, name, value)
