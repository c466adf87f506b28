"""What is known already of a leader's purchase when word of it comes: a signal of it, or a later sale."""

from datetime import datetime, timedelta

from trading.domain.signals import SignalRequest, identity_keys
from trading.models import LeaderTrade
from trading.rows import first, parameter
from trading.services.intake import owner_of, owners_of

SALES_LOOKED_AT = timedelta(minutes=10)
"""A purchase that is not late is seconds old, so a sale after it was heard within these."""


def is_signalled(request: SignalRequest, *, source: str, received_at: datetime) -> bool:
    """Whether somebody told of it before and it became a signal."""
    keys = identity_keys(request, source=source, received_at=received_at)
    return owner_of(keys, owners_of(keys)) is not None


def has_sold_since(leader_address: str, mint: str, *, slot: int | None, now: datetime) -> bool:
    """Whether a sale of the leader after this slot was heard before: nobody would tell us to sell again."""
    if slot is None:
        return False
    sale = first(
        "SELECT 1 FROM trading_leadertrade trade JOIN trading_leaderleg leg"
        " ON leg.trade_id = trade.id WHERE trade.first_heard_at >= %s AND trade.slot > %s"
        " AND trade.leader_address = %s AND leg.mint = %s AND leg.action = 'SELL' LIMIT 1",
        parameter(LeaderTrade, "first_heard_at", now - SALES_LOOKED_AT),
        slot,
        leader_address,
        mint,
    )
    return sale is not None
