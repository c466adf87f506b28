"""Outcomes that nobody can tell: marked for people to see, and ruled upon by people, once and audited."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from audit import services as audit
from trading import live
from trading.domain.figures import Figures, change_of, contradictions
from trading.domain.lifecycle import SignalStatus, SubmissionStatus
from trading.domain.swaps import BalanceChange
from trading.domain.values import Action
from trading.models import UNKNOWN, Submission, UnknownOutcome
from trading.services.booking import book_dead, book_landed
from trading.services.portfolio import held_raw
from trading.services.steps import note


class UnableToRule(Exception):
    """It is not a person's to decide: the chain has answered, or still may."""


class FiguresImpossible(UnableToRule):
    """These cannot be the figures of the transaction that was signed; `errors` says why by field."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.errors = errors


@transaction.atomic
def mark_unknown(submission_id: int, *, text: str, now: datetime) -> bool:
    """Show people that nobody can tell what became of a submission; False when it is known by now.

    It stays in flight: its capital and its mint stay reserved, and the chain may still answer by itself.
    """
    in_flight = Submission.objects.filter(pk=submission_id, status=SubmissionStatus.IN_FLIGHT)
    is_new = in_flight.filter(unknown_since__isnull=True).update(unknown_since=now) == 1
    if in_flight.update(unknown_text=text[:300]) != 1:
        return False
    row = Submission.objects.get(pk=submission_id)
    audit.open_incident(
        key=f"submission:{row.pk}",
        title=f"{row.action} {row.signature[:8]}: outcome unknown",
        detail=text,
        now=now,
    )
    if is_new:
        note(row.signal_id, status=SignalStatus.EXECUTING, now=now, code=UNKNOWN, text=text)
        transaction.on_commit(lambda: live.publish("health"))
    return True


@transaction.atomic
def rule_landed(
    submission_id: int,
    *,
    change: BalanceChange | None,
    figures: Figures | None,
    sol_price_usd: Decimal | None,
    actor: str,
    reason: str,
    now: datetime,
) -> str:
    """Book an unknown submission as landed: from its own transaction if there is one, else from figures.

    A sentence that says what was booked. UnableToRule when it is no longer unknown, FiguresImpossible when
    they contradict what was signed. A transaction that failed on chain is booked as failed.
    """
    row = _unknown(submission_id)
    booked = change if change is not None else _from_figures(row, figures)
    if not book_landed(row.pk, change=booked, sol_price_usd=sol_price_usd, now=now):
        raise UnableToRule("the chain has answered meanwhile")
    source = "figures entered by hand" if change is None else "its own transaction"
    _record(
        row,
        "submission.ruled_landed",
        after={
            "source": source,
            "sol_lamports": booked.sol_lamports,
            "token_raw": str(booked.token_raw),
            "network_fee_lamports": booked.network_fee_lamports,
            "tip_lamports": booked.tip_lamports,
            "rent_lamports": booked.rent_lamports,
            "error": booked.error,
        },
        actor=actor,
        reason=reason,
        now=now,
    )
    verdict = "failed on chain" if booked.error else "landed"
    return f"Booked as {verdict}, from {source}."


@transaction.atomic
def rule_never_landed(
    submission_id: int,
    *,
    finalized_block_height: int | None,
    known_by: str = "",
    actor: str,
    reason: str,
    now: datetime,
) -> None:
    """Book an unknown submission as dead, so that its signal goes on: tried again, or a dead letter.

    UnableToRule while it may still land: the lowest finalized height that any node tells must be above its
    last valid one, and no node (`known_by`) may know the signature.
    """
    row = _unknown(submission_id)
    if known_by:
        raise UnableToRule(f"{known_by} knows the signature: it has landed")
    if finalized_block_height is None:
        raise UnableToRule("no node tells the block height, so it may still land")
    if finalized_block_height <= row.last_valid_block_height:
        raise UnableToRule(
            f"it may still land: block height {finalized_block_height} is not above "
            f"{row.last_valid_block_height}"
        )
    text = f"never landed, ruled by {actor}"
    if not book_dead(
        row.pk, status=SubmissionStatus.EXPIRED, code="RULED_DEAD", text=text, now=now
    ):
        raise UnableToRule("the chain has answered meanwhile")
    _record(
        row,
        "submission.ruled_never_landed",
        after={"finalized_block_height": finalized_block_height},
        actor=actor,
        reason=reason,
        now=now,
    )


def figures_contradictions(row: Submission, figures: Figures) -> dict[str, str]:
    """Why these cannot be the figures of this submission, by field."""
    return contradictions(
        figures,
        action=Action(row.action),
        in_amount_raw=int(row.in_amount_raw),
        held_raw=held_raw(row.mint),
        tip_lamports=row.tip_lamports,
    )


def _unknown(submission_id: int) -> Submission:
    row = UnknownOutcome.objects.select_for_update().filter(pk=submission_id).first()
    if row is None:
        raise UnableToRule("its outcome is not unknown any more")
    return row


def _from_figures(row: Submission, figures: Figures | None) -> BalanceChange:
    if figures is None:
        raise UnableToRule("no node gives the transaction: its figures are needed")
    errors = figures_contradictions(row, figures)
    if errors:
        raise FiguresImpossible(errors)
    return change_of(figures, action=Action(row.action))


def _record(
    row: Submission, action: str, *, after: dict[str, Any], actor: str, reason: str, now: datetime
) -> None:
    audit.record(
        actor=actor,
        action=action,
        target=row.signature,
        now=now,
        before={"unknown_since": row.unknown_since.isoformat(), "unknown": row.unknown_text},  # type: ignore[union-attr]
        after=after,
        reason=reason,
    )
