"""Who works on which signal: claiming one, giving it back, and taking over what a dead process left."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from audit import services as audit
from trading import live
from trading.domain.lifecycle import SignalStatus
from trading.domain.signals import SignalRequest
from trading.domain.values import Action, Strategy
from trading.models import Signal, SignalEvent, SignalKey
from trading.rows import change, every, first, insert_many, marks, moment, parameter, update
from trading.services.steps import NotOurs, note, step

log = logging.getLogger("claims")
LEASE = timedelta(seconds=5)
"""How long a claimed signal without a submission may rest before somebody else takes it over."""


PATIENT_ATTEMPTS = 5
HOPELESS_ATTEMPTS = 30
"""An exit may go on for days after so many tries: its story then tells the same failure once, and what
has been answered with no is asked less often."""
OUTCOME_AWAITED = ("BUY_PENDING", "POSITION_EXITING")
"""Why an exit is put back until a trade that is on its way has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A signal in our hands; every later step proves it with `token`."""

    uuid: UUID
    token: str
    request: SignalRequest
    received_at: datetime
    attempt: int
    dead_submissions: int
    position: UUID | None
    exit_reason: str
    exit_tiers_taken: int
    is_first: bool
    """Neither tried before nor put back: what it took until now is our own latency."""

    @property
    def variant(self) -> int:
        """A number that is another one at each try, and most probably for each signal."""
        return self.uuid.int + self.attempt


def claim_due(*, token: str, is_exit: bool, at_most: int, now: datetime) -> list[Claim]:
    """Claim the next due signals, exits or entries: exits first come first, SHIELD before SPEAR.

    One conditional UPDATE: of several processes exactly one gets a row. A row that cannot be read is set
    aside as a dead letter: claimed with others it would keep all of them from ever being claimed.
    """
    taken = (_read(row, token, now) for row in _take(token, is_exit, at_most, now))
    claims = [claim for claim in taken if claim is not None]
    insert_many(
        SignalEvent,
        [
            {"signal": claim.uuid, "at": now, "status": SignalStatus.EXECUTING.value}
            for claim in claims
        ],
    )
    return sorted(claims, key=lambda claim: (claim.request.priority, claim.received_at))


@transaction.atomic(savepoint=False)
def retry_later(
    claim: Claim, *, code: str, text: str, delay: timedelta, maximum_attempts: int, now: datetime
) -> None:
    """Give a signal back for another try after `delay`, or set it aside when it has had its tries.

    Exits have no last try: they are owed until the position is closed.
    """
    if claim.request.action is Action.BUY and claim.attempt >= maximum_attempts:
        give_up(claim.uuid, code=code, text=text, now=now, token=claim.token)
        return
    if claim.attempt > HOPELESS_ATTEMPTS:
        _forget_the_same_try(claim.uuid, code=code)
    step(
        claim.uuid,
        to=SignalStatus.RETRY,
        now=now,
        claim=claim.token,
        code=code,
        text=text,
        next_attempt_at=now + delay,
        reserved_lamports=0,
    )


def _forget_the_same_try(uuid: UUID, *, code: str) -> None:
    """Let the line that is about to be written stand for the try before too, when that ended in the same way."""
    own = parameter(SignalEvent, "signal", uuid)
    last = every(
        "SELECT id, status, code FROM trading_signalevent WHERE signal_id = %s ORDER BY id DESC LIMIT 2",
        own,
    )
    again = [(SignalStatus.EXECUTING, ""), (SignalStatus.RETRY, code)]
    if [(status, of) for _, status, of in last] != again:
        return
    forgotten = change(
        "DELETE FROM trading_signalevent WHERE id IN (%s, %s)", *(row[0] for row in last)
    )
    if forgotten != len(last):
        raise NotOurs(f"the story of {uuid} is being written by somebody else")


def try_exits_now(*, leader_address: str, mint: str, now: datetime) -> int:
    """Let the exits after this leader in this token that wait for another try have it; how many there were."""
    return _make_exits_due(
        "status = 'RETRY'", (), leader_address=leader_address, mint=mint, now=now
    )


def hurry(*, leader_address: str, mint: str, now: datetime) -> int:
    """Let the exits that were put back until a trade after this leader in this token ends look again; how many."""
    awaits_outcome = f"status = 'QUEUED' AND code IN ({marks(OUTCOME_AWAITED)})"
    return _make_exits_due(
        awaits_outcome, OUTCOME_AWAITED, leader_address=leader_address, mint=mint, now=now
    )


def _make_exits_due(
    waiting: str, parameters: Sequence[str], *, leader_address: str, mint: str, now: datetime
) -> int:
    """Make the waiting exits after this leader in this token due now and wake the executors; how many there were."""
    moment_now = parameter(Signal, "next_attempt_at", now)
    due = change(
        "UPDATE trading_signal SET next_attempt_at = %s WHERE leader_address = %s AND mint = %s"  # noqa: S608
        # In the words of the index, so that it serves.
        " AND status IN ('QUEUED', 'EXECUTING', 'RETRY') AND priority = 0"
        f" AND {waiting} AND next_attempt_at > %s",
        *(moment_now, leader_address, mint, *parameters, moment_now),
    )
    if due:
        transaction.on_commit(partial(live.wake, what=live.EXIT))
    return due


@transaction.atomic(savepoint=False)
def wait_for(claim: Claim, *, code: str, text: str, delay: timedelta, now: datetime) -> None:
    """Put a signal back until something else is done; this does not count as a try."""
    waiting = update(
        Signal,
        {"uuid": claim.uuid, "status": SignalStatus.EXECUTING, "claim": claim.token},
        status=SignalStatus.QUEUED,
        attempts=claim.attempt - 1,
        code=code,
        text=text[:300],
        next_attempt_at=now + delay,
    )
    if waiting == 1:
        # It may be claimed and put back many times: the story keeps one line for all of it.
        own = parameter(SignalEvent, "signal", claim.uuid)
        change(
            "DELETE FROM trading_signalevent WHERE signal_id = %s AND (code = %s OR id ="
            " (SELECT max(id) FROM trading_signalevent WHERE signal_id = %s AND status = 'EXECUTING'))",
            *(own, code, own),
        )
        note(claim.uuid, status=SignalStatus.QUEUED, now=now, code=code, text=text)


@transaction.atomic(savepoint=False)
def skip(claim: Claim, *, code: str, text: str, now: datetime) -> None:
    """End a signal that asks for nothing we could do, such as a sell of what we do not hold."""
    step(claim.uuid, to=SignalStatus.SKIPPED, now=now, claim=claim.token, code=code, text=text)


@transaction.atomic(savepoint=False)
def give_up(uuid: UUID, *, code: str, text: str, now: datetime, token: str | None = None) -> None:
    """End a signal as a dead letter. Nothing of it was traded, so its identity may come again."""
    step(uuid, to=SignalStatus.DEAD_LETTER, now=now, claim=token, code=code, text=text)
    audit.set_aside(
        source="executor",
        code=code,
        text=text,
        payload={"signal": str(uuid)},
        is_retryable=False,
        now=now,
    )
    SignalKey.objects.filter(signal=uuid).delete()


def is_any_due(*, is_exit: bool, now: datetime) -> bool:
    """Whether a claim would find something: a look that takes no lock."""
    kind = "priority = 0" if is_exit else "priority > 0"
    due = first(
        "SELECT 1 FROM trading_signal WHERE status IN ('QUEUED', 'RETRY')"  # noqa: S608
        f" AND {kind} AND next_attempt_at <= %s LIMIT 1",
        parameter(Signal, "next_attempt_at", now),
    )
    return due is not None


def is_any_abandoned(*, now: datetime, lease: timedelta = LEASE) -> bool:
    """Whether a takeover might find something: a look that takes no lock."""
    expired = parameter(Signal, "claimed_at", now - lease)
    return (
        first(
            "SELECT 1 FROM trading_signal WHERE status = 'EXECUTING' AND claimed_at < %s LIMIT 1",
            expired,
        )
        is not None
    )


@transaction.atomic(savepoint=False)
def take_over_abandoned(*, now: datetime, lease: timedelta = LEASE) -> int:
    """Put back claimed signals whose process died before it signed anything; how many there were.

    A signal with a live submission is not abandoned: the chain will answer for it.
    """
    expired = parameter(Signal, "claimed_at", now - lease)
    # Who waited here for rows that others hold, renewing them above all, could wait for ever.
    unheld = " FOR NO KEY UPDATE OF s SKIP LOCKED" if connection.vendor == "postgresql" else ""
    abandoned = every(
        "SELECT s.uuid, s.claim FROM trading_signal s"  # noqa: S608
        " WHERE s.status = 'EXECUTING' AND s.claimed_at < %s AND NOT EXISTS"
        " (SELECT 1 FROM trading_submission b WHERE b.signal_id = s.uuid"
        f" AND b.status IN ('IN_FLIGHT', 'LANDED')){unheld}",
        expired,
    )
    text = f"whoever worked on it has not been heard of for {lease.total_seconds():g} s"
    return sum(_take_over(UUID(str(uuid)), claim, expired, text, now) for uuid, claim in abandoned)


def renew(tokens: Collection[str], *, now: datetime) -> int:
    """Keep the leases of the claims that a living process is working on; how many there were."""
    return Signal.objects.filter(status=SignalStatus.EXECUTING, claim__in=tokens).update(
        claimed_at=now
    )


def _take_over(uuid: UUID, claim: str, expired: Any, text: str, now: datetime) -> bool:
    """False when its owner has come back meanwhile: recording a submission renews the lease."""
    still_abandoned = change(
        "UPDATE trading_signal SET claimed_at = claimed_at"
        " WHERE uuid = %s AND claim = %s AND status = 'EXECUTING' AND claimed_at < %s",
        parameter(Signal, "uuid", uuid),
        claim,
        expired,
    )
    if still_abandoned != 1:
        return False
    step(
        uuid,
        to=SignalStatus.QUEUED,
        now=now,
        claim=claim,
        code="TAKEN_OVER",
        text=text,
        reserved_lamports=0,
    )
    return True


COLUMNS = (
    "uuid, strategy, action, symbol, mint, amount_lamports, leader_address, provider_trade_uuid,"
    " exit_fraction, source_signature, received_at, attempts, position_id, exit_reason,"
    " exit_tiers_taken, dead_submissions, code"
)


def _take(token: str, is_exit: bool, at_most: int, now: datetime) -> list[tuple[Any, ...]]:
    kind = "priority = 0" if is_exit else "priority > 0"
    due = (
        "SELECT uuid FROM trading_signal WHERE status IN ('QUEUED', 'RETRY')"  # noqa: S608
        f" AND {kind} AND next_attempt_at <= %s"
        # What keeps failing must not stand before a fresh stop.
        f" ORDER BY priority, attempts > {PATIENT_ATTEMPTS}, received_at LIMIT %s"
    )
    # An array: as a plain list PostgreSQL may ask for it again and again, and claim more than was asked for.
    chosen = f"= ANY(ARRAY({due} FOR UPDATE SKIP LOCKED))"
    if connection.vendor == "sqlite":
        chosen = f"IN ({due})"
    claimed_at = parameter(Signal, "claimed_at", now)
    return every(
        "UPDATE trading_signal SET status = 'EXECUTING', claim = %s, claimed_at = %s,"  # noqa: S608
        f" attempts = attempts + 1 WHERE uuid {chosen}"
        f" AND status IN ('QUEUED', 'RETRY') RETURNING {COLUMNS}",
        *(token, claimed_at, claimed_at, at_most),
    )


def _read(row: tuple[Any, ...], token: str, now: datetime) -> Claim | None:
    """The claim in a row, or None when nobody can read it and it was set aside."""
    try:
        return _claim(row, token)
    except Exception as error:
        log.exception("signal %s cannot be read", row[0])
        text = f"its row cannot be read: {error}"
        give_up(UUID(str(row[0])), code="UNREADABLE", text=text, now=now, token=token)
    return None


def _claim(row: tuple[Any, ...], token: str) -> Claim:
    uuid, strategy, action, symbol, mint, amount, leader, trade_uuid, *rest = row
    fraction, source_signature, received_at, attempts, position, exit_reason, tiers, dead, code = (
        rest
    )
    request = SignalRequest(
        strategy=Strategy(strategy),
        action=Action(action),
        symbol=symbol,
        mint=mint,
        amount_lamports=amount,
        leader_address=leader,
        trade_uuid=trade_uuid,
        # SQLite hands decimals out as numbers; nine decimals survive that.
        exit_fraction=Decimal(str(fraction)),
        source_signature=source_signature,
    )
    received = moment(received_at)
    assert received is not None
    return Claim(
        uuid=UUID(str(uuid)),
        token=token,
        request=request,
        received_at=received,
        attempt=attempts,
        position=None if position is None else UUID(str(position)),
        exit_reason=exit_reason,
        exit_tiers_taken=tiers,
        dead_submissions=dead,
        is_first=attempts == 1 and not code,
    )
