"""What is written down of a signed transaction: itself, before its first byte leaves, and where its bytes went."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from trading import live
from trading.domain.decision import DenialCode
from trading.domain.lifecycle import PositionStatus, SignalStatus, SubmissionStatus, sources
from trading.domain.values import Action, Route, Strategy
from trading.models import Position, Signal, Submission
from trading.rows import change, insert, parameter, serialise, update
from trading.services.claims import Claim
from trading.services.portfolio import is_held, privacy_in_flight
from trading.services.state import trading_state
from trading.services.steps import AlreadyHeld, EntriesHalted, NotOurs, PositionBusy, note

log = logging.getLogger("orders")
ENTRIES = "trading.entries"
"""What all decisions on buys take turns at, over all executors: two must not spend the same capital."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOrder:
    """A signed transaction about to be recorded; amounts as in Submission."""

    action: Action
    route: Route
    signature: str
    bundle_id: str
    wire: bytes
    last_valid_block_height: int
    tip_lamports: int
    in_amount_raw: int
    quoted_out_raw: int
    waited_microseconds: int
    minimum_out_raw: int | None = None


ORDER_FIELDS = tuple(field.name for field in fields(SignedOrder))


@transaction.atomic(savepoint=False)
def record_buy(claim: Claim, order: SignedOrder, *, now: datetime) -> int:
    """Store a signed buy before it is sent; the submission's id.

    NotOurs when the claim is lost; AlreadyHeld and EntriesHalted when the world has changed since the
    decision. In none of these cases may it be sent.
    """
    serialise(ENTRIES)
    state = trading_state()
    if state.are_entries_halted:
        raise EntriesHalted(DenialCode.ENTRIES_HALTED)
    if state.is_spear_paused and claim.request.strategy is Strategy.SPEAR:
        raise EntriesHalted(DenialCode.SPEAR_PAUSED)
    if is_held(claim.request.mint):
        raise AlreadyHeld(DenialCode.ALREADY_HELD)
    hold(claim, now=now)
    return store_submission(claim, order, position=None, now=now)


@transaction.atomic(savepoint=False)
def record_sell(
    claim: Claim, order: SignedOrder, *, position: UUID, exit_generation: int, now: datetime
) -> int:
    """Store a signed sell before it is sent and mark its position EXITING; the submission's id.

    `exit_generation` is the one the amount was computed from. NotOurs when the claim is lost,
    PositionBusy when another sell is under way or has landed since.
    """
    moved = update(
        Position,
        {
            "uuid": position,
            "status": tuple(sources(PositionStatus.EXITING)),
            "exit_generation": exit_generation,
        },
        status=PositionStatus.EXITING,
        exiting_since=now,
    )
    if moved != 1:
        raise PositionBusy(f"position {position} has changed since it was read")
    hold(claim, now=now)
    submission = store_submission(claim, order, position=position, now=now)
    transaction.on_commit(lambda: live.publish("positions"))
    return submission


def store_submission(
    claim: Claim, order: SignedOrder, *, position: UUID | None, now: datetime
) -> int:
    """Insert the row of a signed order of a claim that is ours in this transaction; its id.

    AlreadyHeld when the signal has a live submission: let it end the transaction.
    """
    try:
        return int(
            insert(
                Submission,
                **{field: getattr(order, field) for field in ORDER_FIELDS},
                signal=claim.uuid,
                position=position,
                attempt=claim.attempt,
                mint=claim.request.mint,
                status=SubmissionStatus.IN_FLIGHT.value,
                recorded_at=now,
            )
        )
    except IntegrityError as error:
        raise AlreadyHeld(f"{claim.request.symbol} is being traded already") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """That a submission's bytes have left, when and by which way; a remark is for its story."""

    submission: int
    route: Route
    at: datetime
    remark: str = ""


@transaction.atomic(savepoint=False)
def mark_sent(all_sent: Sequence[Sent]) -> list[None]:
    """Remember of submissions that their bytes have left. Only a record: what was sent the chain tells.

    Who has gone to the nodes never comes back: they may have been offered the bytes while the first way still hung.
    """
    # In one order: somebody else may be offering the same ones again.
    for sent in sorted(all_sent, key=lambda each: each.submission):
        public = {"route": Route.STANDARD} if sent.route is Route.STANDARD else {}
        marked = update(Submission, {"id": sent.submission}, sent_at=sent.at, **public)
        if marked != 1:
            log.error("submission %s is not on record", sent.submission)
        elif sent.remark:
            _remark(sent.submission, code="ENGINE_REFUSED", text=sent.remark, now=sent.at)
    return [None] * len(all_sent)


@transaction.atomic(savepoint=False)
def offering_again(submissions: Collection[int]) -> dict[int, bool]:
    """Note that these will be offered once more, before anybody gets their bytes a second time.

    Those of all submissions that may be: what is still in flight, and whether only the block engine may
    see its bytes. From now on a refusal of the first offer is no proof (see `book_refused`).
    """
    in_flight = {"id": tuple(submissions), "status": SubmissionStatus.IN_FLIGHT}
    # Any number of rows will do: most were offered again before.
    update(Submission, in_flight | {"is_offered_again": False}, is_offered_again=True)
    return privacy_in_flight()


@transaction.atomic(savepoint=False)
def go_public(submission: int, *, now: datetime) -> None:
    """Remember that a bundle's bytes go to the nodes from now on."""
    in_flight = Submission.objects.filter(pk=submission, status=SubmissionStatus.IN_FLIGHT)
    if in_flight.update(route=Route.STANDARD) == 1:
        text = "the bundle did not land in time: the same bytes go to the nodes"
        _remark(submission, code="GONE_PUBLIC", text=text, now=now)


@transaction.atomic(savepoint=False)
def tell_fate(submission: int, *, fate: str, now: datetime) -> None:
    """Write into the story what the block engine says of a bundle: a hint, never an outcome."""
    if Submission.objects.filter(pk=submission, status=SubmissionStatus.IN_FLIGHT).exists():
        _remark(submission, code="ENGINE_SAYS", text=f"the block engine says: {fate}", now=now)


def _remark(submission: int, *, code: str, text: str, now: datetime) -> None:
    signal = Submission.objects.values_list("signal", flat=True).get(pk=submission)
    note(signal, status=SignalStatus.EXECUTING, now=now, code=code, text=text)


def hold(claim: Claim, *, now: datetime, reserved_lamports: int | None = None) -> None:
    """Renew the lease on a claimed signal, lock its row and reserve so much, where that is said; NotOurs when
    it is no longer ours.
    """
    held = change(
        "UPDATE trading_signal SET claimed_at = %s, reserved_lamports = coalesce(%s, reserved_lamports)"
        " WHERE uuid = %s AND status = 'EXECUTING' AND claim = %s",
        parameter(Signal, "claimed_at", now),
        reserved_lamports,
        parameter(Signal, "uuid", claim.uuid),
        claim.token,
    )
    if held != 1:
        raise NotOurs(f"signal {claim.uuid} was taken over")
