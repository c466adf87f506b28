"""What the chain holds for our open positions, against the books: seen by the watcher, told to people."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID

from django.db import transaction

from audit import services as audit
from trading import live
from trading.domain.lifecycle import PositionStatus
from trading.models import Position, Submission
from trading.rows import every, load, load_all, parameter, update
from trading.services.incidents import close_incidents

SETTLING = timedelta(seconds=20)
"""A node may lag so far behind the one that told of a fill: until then less than booked means nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InCustody:
    """An open position that can be compared with its token account now."""

    position: UUID
    token_account: str
    held_raw: int
    exit_generation: int


def in_custody(*, now: datetime) -> list[InCustody]:
    """Open positions whose token nothing of ours is moving, or has moved within the last seconds."""
    moving = every(
        "SELECT mint FROM trading_submission WHERE status = 'IN_FLIGHT'"
        " UNION SELECT mint FROM trading_submission WHERE resolved_at >= %s",
        parameter(Submission, "resolved_at", now - SETTLING),
    )
    moved = {mint for (mint,) in moving}
    rows = load_all(
        Position,
        "status = 'ACTIVE' ORDER BY opened_at",
        only=("uuid", "mint", "token_account", "held_raw", "exit_generation"),
    )
    return [
        InCustody(
            position=row.pk,
            token_account=row.token_account,
            held_raw=row.held_raw,
            exit_generation=row.exit_generation,
        )
        for row in rows
        if row.mint not in moved
    ]


@transaction.atomic(savepoint=False)
def see_custody(seen: InCustody, *, chain_raw: int, now: datetime) -> bool:
    """Remember what the chain holds for a position; whether it is short, which two looks in a row must say.

    A shortage is an incident until it is over or booked. Nothing of the books changes here.
    """
    position = load(Position, uuid=seen.position)
    if position is None or not _is_seen(seen, chain_raw=chain_raw, now=now):
        return False
    was_short = position.chain_raw is not None and position.chain_raw < seen.held_raw
    if chain_raw >= seen.held_raw:
        close_incidents(f"holding:{position.pk}", now=now)
        return False
    if was_short:
        _report(position, chain_raw, now)
    return was_short


def _is_seen(seen: InCustody, *, chain_raw: int, now: datetime) -> bool:
    """Store it where the position is still the one that was compared."""
    as_compared = {
        "uuid": seen.position,
        "held_raw": seen.held_raw,
        "exit_generation": seen.exit_generation,
        "status": PositionStatus.ACTIVE,
    }
    return update(Position, as_compared, chain_raw=chain_raw, chain_seen_at=now) == 1


def _report(position: Position, chain_raw: int, now: datetime) -> None:
    held = amount_in_words(position, position.held_raw)
    audit.open_incident(
        key=f"holding:{position.pk}",
        title=f"{position.symbol} left our wallet without a sale of ours",
        detail=f"The books hold {held}, our token account holds {amount_in_words(position, chain_raw)}. Somebody"
        " with power over the token (a permanent delegate) or over our key took the rest. An exit sells"
        " what is there; a position of which nothing is there has to be written off.",
        now=now,
    )
    transaction.on_commit(partial(live.publish, "positions"))


def amount_in_words(position: Position, raw: int) -> str:
    """Whole tokens with their symbol, for sentences."""
    whole = Decimal(raw).scaleb(-position.decimals)
    return f"{whole:,.{min(position.decimals, 6)}f} {position.symbol}"
