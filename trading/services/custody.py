"""What the chain holds for our open positions, against the books: seen by the watcher, told to people."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID

from django.db import transaction

from audit import services as audit
from trading import live
from trading.domain.lifecycle import PositionStatus, SubmissionStatus
from trading.models import Position, Submission
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
    moving = {
        *Submission.objects.filter(status=SubmissionStatus.IN_FLIGHT).values_list(
            "mint", flat=True
        ),
        *Submission.objects.filter(resolved_at__gte=now - SETTLING).values_list("mint", flat=True),
    }
    rows = Position.objects.filter(status=PositionStatus.ACTIVE).order_by("opened_at")
    return [
        InCustody(
            position=row.pk,
            token_account=row.token_account,
            held_raw=row.held_raw,
            exit_generation=row.exit_generation,
        )
        for row in rows
        if row.mint not in moving
    ]


@transaction.atomic
def see_custody(seen: InCustody, *, chain_raw: int, now: datetime) -> bool:
    """Remember what the chain holds for a position; whether it is short, which two looks in a row must say.

    A shortage is an incident until it is over or booked. Nothing of the books changes here.
    """
    position = Position.objects.select_for_update().get(pk=seen.position)
    is_same = (position.held_raw, position.exit_generation) == (seen.held_raw, seen.exit_generation)
    if not is_same or position.status != PositionStatus.ACTIVE:
        return False
    was_short = position.chain_raw is not None and position.chain_raw < position.held_raw
    position.chain_raw, position.chain_seen_at = chain_raw, now
    position.save(update_fields=["chain_raw", "chain_seen_at"])
    if chain_raw >= position.held_raw:
        close_incidents(f"holding:{position.pk}", now=now)
        return False
    if was_short:
        _report(position, chain_raw, now)
    return was_short


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
