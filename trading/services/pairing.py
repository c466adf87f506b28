"""One trade told twice, by a webhook that names no transaction and by somebody who does: which signal it is.

Content alone cannot tell two trades of the same kind apart, so a signal without a transaction and a trade
belong together only within a few minutes, and a sale only to a signal that sells at least as much.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from trading.domain.signals import BUCKET_SECONDS, SignalRequest
from trading.models import LeaderTrade, Signal
from trading.rows import every, marks, parameter

WINDOW = timedelta(seconds=BUCKET_SECONDS)
"""As long as the same content is taken for the same signal."""
AHEAD = timedelta(seconds=5)
"""A block's time may be a little ahead of our clock."""
TOLERANCE = Decimal("0.01")


def unnamed_signal(request: SignalRequest, *, traded_at: datetime) -> UUID | None:
    """The oldest signal without a transaction that can have meant this trade, each of them once."""
    rows = every(
        "SELECT uuid, exit_fraction FROM trading_signal WHERE received_at >= %s AND received_at <= %s"
        " AND leader_address = %s AND mint = %s AND action = %s AND source_signature = ''"
        " AND exit_reason = '' AND position_id IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM trading_leaderleg WHERE signal_id = uuid)"
        " ORDER BY received_at",
        parameter(Signal, "received_at", traded_at - AHEAD),
        parameter(Signal, "received_at", traded_at + WINDOW),
        request.leader_address,
        request.mint,
        request.action.value,
    )
    sold = request.exit_fraction
    found = (UUID(str(uuid)) for uuid, share in rows if Decimal(str(share)) >= sold - TOLERANCE)
    return next(found, None)


class TradesTold:
    """The signals of trades that the chain has told of lately, looked up once for a list of requests."""

    def __init__(self, requests: Sequence[SignalRequest], *, now: datetime) -> None:
        leaders = sorted({each.leader_address for each in requests if not each.source_signature})
        self._rows = _recent(leaders, now=now) if leaders else []

    def owner(self, request: SignalRequest) -> tuple[UUID, str] | None:
        """Name and state of the newest signal that is this trade; None for one that names its transaction."""
        if request.source_signature:
            return None
        wanted = (request.leader_address, request.mint, request.action.value)
        for leader, mint, action, share, uuid, state in self._rows:
            is_enough = Decimal(str(share)) >= request.exit_fraction - TOLERANCE
            if (leader, mint, action) == wanted and is_enough:
                return UUID(str(uuid)), state
        return None


def _recent(leaders: Sequence[str], *, now: datetime) -> list[tuple[str, ...]]:
    return every(
        "SELECT t.leader_address, l.mint, l.action, s.exit_fraction, s.uuid, s.status"  # noqa: S608
        " FROM trading_leadertrade t JOIN trading_leaderleg l ON l.trade_id = t.id"
        " JOIN trading_signal s ON s.uuid = l.signal_id WHERE t.first_heard_at > %s"
        f" AND t.leader_address IN ({marks(leaders)}) ORDER BY t.first_heard_at DESC",
        parameter(LeaderTrade, "first_heard_at", now - WINDOW),
        *leaders,
    )
