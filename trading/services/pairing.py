"""One trade told twice, by a webhook that names no transaction and by somebody who does: which signal it is.

Content alone cannot tell two trades of the same kind apart, so a signal without a transaction and a trade
belong together only within a few minutes, and a sale only to a signal that sells at least as much. Never to a
dead letter: its identity is free, so that the trade may be told again.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from trading.domain.signals import BUCKET_SECONDS, SignalRequest
from trading.models import Delivery, LeaderTrade, Signal
from trading.rows import every, first, marks, parameter, serialise_each

WINDOW = timedelta(seconds=BUCKET_SECONDS)
"""As long as the same content is taken for the same signal."""
AHEAD = timedelta(seconds=5)
"""A block's time may be a little ahead of our clock."""
TOLERANCE = Decimal("0.01")


def wait_for_webhooks(leaders: Iterable[str]) -> None:
    """Let nobody tell of these leaders' trades until this transaction ends, and see what was told before.

    Of two that tell of one trade at the same moment neither would else see what the other is about to commit.
    """
    serialise_each(leaders)


def unnamed_signal(request: SignalRequest, *, traded_at: datetime) -> UUID | None:
    """The oldest signal without a transaction that can have meant this trade, each of them once."""
    rows = every(
        "SELECT uuid, exit_fraction FROM trading_signal WHERE received_at >= %s AND received_at <= %s"
        " AND leader_address = %s AND mint = %s AND action = %s AND source_signature = ''"
        " AND exit_reason = '' AND position_id IS NULL AND status <> 'DEAD_LETTER'"
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
        self._told: set[tuple[int, UUID]] = set()

    def owner(self, request: SignalRequest, *, provider: int) -> tuple[UUID, str] | None:
        """Name and state of the newest signal that is this trade; None for one that names its transaction.

        From a provider only the first word of a trade: what has another identity next is another trade.
        """
        if request.source_signature:
            return None
        wanted = (request.leader_address, request.mint, request.action.value)
        for leader, mint, action, share, name, state in self._rows:
            is_enough = Decimal(str(share)) >= request.exit_fraction - TOLERANCE
            uuid = UUID(str(name))
            if (
                (leader, mint, action) == wanted
                and is_enough
                and not self._has_told(provider, uuid)
            ):
                self._told.add((provider, uuid))
                return uuid, state
        return None

    def _has_told(self, provider: int, uuid: UUID) -> bool:
        if (provider, uuid) in self._told:
            return True
        delivered = first(
            "SELECT 1 FROM trading_delivery WHERE signal_id = %s AND provider_id = %s LIMIT 1",
            parameter(Delivery, "signal", uuid),
            provider,
        )
        return delivered is not None


def _recent(leaders: Sequence[str], *, now: datetime) -> list[tuple[str, ...]]:
    # Webhooks do not hold each other up, only who tells from the chain: see `wait_for_webhooks`.
    serialise_each(leaders, is_shared=True)
    return every(
        "SELECT t.leader_address, l.mint, l.action, s.exit_fraction, s.uuid, s.status"  # noqa: S608
        " FROM trading_leadertrade t JOIN trading_leaderleg l ON l.trade_id = t.id"
        " JOIN trading_signal s ON s.uuid = l.signal_id WHERE t.first_heard_at > %s"
        " AND s.status <> 'DEAD_LETTER'"
        f" AND t.leader_address IN ({marks(leaders)}) ORDER BY t.first_heard_at DESC",
        parameter(LeaderTrade, "first_heard_at", now - WINDOW),
        *leaders,
    )
