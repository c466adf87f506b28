"""What is forgotten, and when: refused requests and old dead letters, so that no flood fills the disk.

Signals, submissions, fills and positions are never touched here; neither is what a signal was accepted from.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from audit import services as audit
from audit.models import DeadLetter
from trading.models import Delivery, LeaderTrade, Notice
from trading.rows import change, first, moment, parameter
from trading.services.policy import policy_for_exits

TURNED_AWAY_ROWS = 200_000
"""The most rows kept of requests that were one too many or came twice, however young: about 60 MB."""
CENTURY = timedelta(days=36_500)
ROWS_AT_ONCE = 5_000
"""A step is a transaction of its own: short enough for signals to pass between two of them."""

# The conditions stand in the text as they stand in the partial indexes: a parameter would hide the match.
TURNED_AWAY = "code IN ('rate_limited', 'replayed_request')"
FORGET_REQUESTS = (
    "DELETE FROM trading_delivery WHERE id IN (SELECT id FROM trading_delivery"  # noqa: S608
    f" WHERE {TURNED_AWAY} AND received_at < %s ORDER BY received_at LIMIT %s)"
)
EMPTY_BODIES = (
    "UPDATE trading_delivery SET body = '' WHERE id IN (SELECT id FROM trading_delivery"
    " WHERE body > '' AND code > '' AND received_at < %s ORDER BY received_at LIMIT %s)"
)
# Shed signals need nobody: their providers were told at once.
FORGET_LETTERS = (
    "DELETE FROM audit_deadletter WHERE id IN (SELECT id FROM audit_deadletter WHERE created_at < %s"
    " AND (resolved_at IS NOT NULL OR code = 'LOAD_SHED') ORDER BY id LIMIT %s)"
)
# Who told of a trade when is asked for days at most; what we made of the trade stays with its legs.
FORGET_HEARINGS = (
    "DELETE FROM trading_hearing WHERE id IN (SELECT hearing.id FROM trading_hearing hearing"
    " JOIN trading_leadertrade trade ON trade.id = hearing.trade_id"
    " WHERE trade.first_heard_at < %s LIMIT %s)"
)
FORGET_TRADES = (
    "DELETE FROM trading_leadertrade WHERE id IN (SELECT trade.id FROM trading_leadertrade trade"
    " WHERE trade.first_heard_at < %s AND NOT EXISTS"
    " (SELECT 1 FROM trading_leaderleg leg WHERE leg.trade_id = trade.id) LIMIT %s)"
)
# What was found in them stands in rows of its own.
EMPTY_NOTICES = (
    "UPDATE trading_notice SET body = '' WHERE id IN (SELECT id FROM trading_notice"
    " WHERE body > '' AND read_at IS NOT NULL AND received_at < %s ORDER BY received_at LIMIT %s)"
)
HEARINGS_KEPT, NOTICES_KEPT = timedelta(days=30), timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """How much was forgotten."""

    requests: int
    bodies: int
    dead_letters: int
    hearings: int = 0
    trades: int = 0
    notices: int = 0


def forget_old(*, now: datetime) -> Forgotten:
    """Forget what is older than the policy keeps it; one line in the audit log if that was anything.

    To be called outside a transaction.
    """
    policy = policy_for_exits()
    turned_away_until = max(now - timedelta(days=policy.turned_away_days), _beyond_the_most(now))
    refused_until = now - timedelta(days=policy.refused_body_days)
    letters_until = now - timedelta(days=policy.dead_letter_days)
    heard_until = parameter(LeaderTrade, "first_heard_at", now - HEARINGS_KEPT)
    forgotten = Forgotten(
        requests=_in_steps(FORGET_REQUESTS, parameter(Delivery, "received_at", turned_away_until)),
        bodies=_in_steps(EMPTY_BODIES, parameter(Delivery, "received_at", refused_until)),
        dead_letters=_in_steps(FORGET_LETTERS, parameter(DeadLetter, "created_at", letters_until)),
        hearings=_in_steps(FORGET_HEARINGS, heard_until),
        trades=_in_steps(FORGET_TRADES, heard_until),
        notices=_in_steps(EMPTY_NOTICES, parameter(Notice, "received_at", now - NOTICES_KEPT)),
    )
    if any(asdict(forgotten).values()):
        audit.record(
            actor="retention",
            action="old.forgotten",
            target="requests, dead letters and who told of trades",
            now=now,
            after=asdict(forgotten),
        )
    return forgotten


def _beyond_the_most(now: datetime) -> datetime:
    """When the last request came that must go because enough newer ones were turned away."""
    found = first(
        "SELECT received_at FROM trading_delivery"  # noqa: S608
        f" WHERE {TURNED_AWAY} ORDER BY received_at DESC LIMIT 1 OFFSET %s",
        TURNED_AWAY_ROWS - 1,
    )
    at = moment(found[0]) if found else None
    return now - CENTURY if at is None else at


def _in_steps(statement: str, until: Any) -> int:
    total = 0
    while changed := change(statement, until, ROWS_AT_ONCE):
        total += changed
    return total
