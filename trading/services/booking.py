"""What the chain answered, written into the books. Every verb here is harmless when called twice."""

import logging
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar
from uuid import UUID, uuid4

from django.db import connection, models, transaction

from audit import services as audit
from trading import live, metrics
from trading.domain.lifecycle import PositionStatus, SignalStatus, SubmissionStatus, sources
from trading.domain.pnl import price_sol
from trading.domain.swaps import BalanceChange
from trading.domain.values import Action
from trading.models import Fill, Position, Signal, Submission
from trading.rows import add, load, load_all, parameter, update
from trading.services.breaker import SolPrice, evaluate_breaker
from trading.services.claims import give_up, hurry
from trading.services.incidents import close_incidents
from trading.services.liquidity import entry_liquidity
from trading.services.losses import book_shortfall
from trading.services.lots import BooksChanged, open_lot, pnl_of, recompute_pnl, sell_lots
from trading.services.policy import policy_for_exits
from trading.services.steps import step

log = logging.getLogger("booking")
Row = TypeVar("Row", bound=models.Model)
SOL_PRICE_LIFETIME = timedelta(minutes=5)
BACKOFF = (timedelta(seconds=1), timedelta(seconds=3), timedelta(seconds=10))
REDUCED_BY_A_SALE = (
    "held_raw", "status", "closed_at", "exiting_since", "exit_generation", "exit_reason",
    "tiers_taken", "realised_pnl_lamports",
)  # fmt: skip
# Waiting longer would be a gate before an exit.
EXIT_BACKOFF = (timedelta(seconds=1), timedelta(seconds=3))


@transaction.atomic(savepoint=False)
def book_landed(
    submission_id: int, *, change: BalanceChange, sol_price_usd: Decimal | None, now: datetime
) -> bool:
    """Book a landed transaction from its own balance changes; False when it was booked before.

    A buy opens its position, a sell reduces or closes it; a transaction that failed on chain costs its
    fee and frees its signal for another try.
    """
    status = SubmissionStatus.FAILED if change.error else SubmissionStatus.LANDED
    submission = _resolve(
        submission_id,
        status,
        now,
        opens_position=not change.error,
        slot=change.slot,
        error=change.error[:300],
        network_fee_lamports=change.network_fee_lamports,
        balance_change_lamports=change.native_lamports,
    )
    if submission is None:
        return False
    hurry(leader_address=submission.signal.leader_address, mint=submission.mint, now=now)
    # A chain whose clock runs ahead of ours must not put a close into the future: cooldowns count from it.
    filled_at = min(change.block_time or now, now)
    if change.error:
        _release(submission, code="FAILED_ON_CHAIN", text=change.error, now=now)
    elif submission.action == Action.BUY:
        _open_position(submission, change, sol_price_usd, filled_at, now)
    else:
        _reduce_position(submission, change, sol_price_usd, filled_at, now)
        _evaluate_breaker(sol_price_usd, now)
    transaction.on_commit(lambda: live.publish("positions", "signals"))
    return True


@transaction.atomic(savepoint=False)
def book_dead(
    submission_id: int, *, status: SubmissionStatus, code: str, text: str, now: datetime
) -> bool:
    """Book a transaction that provably never landed (EXPIRED), or was taken by nobody (REFUSED)."""
    submission = _resolve(submission_id, status, now, error=text[:300])
    if submission is None:
        return False
    hurry(leader_address=submission.signal.leader_address, mint=submission.mint, now=now)
    _release(submission, code=code, text=text, now=now)
    transaction.on_commit(lambda: live.publish("positions", "signals"))
    return True


@transaction.atomic(savepoint=False)
def book_refused(submission_id: int, *, text: str, now: datetime) -> bool:
    """Book a transaction that everybody refused at its first offer; False once somebody offers it again.

    Whichever of the two is committed first keeps the other from happening, however late either comes.
    """
    untouched = {
        "id": submission_id, "status": SubmissionStatus.IN_FLIGHT, "is_offered_again": False,
    }  # fmt: skip
    if update(Submission, untouched, error=text[:300]) != 1:
        return False
    return book_dead(
        submission_id, status=SubmissionStatus.REFUSED, code="REFUSED", text=text, now=now
    )


def _resolve(
    submission_id: int,
    status: SubmissionStatus,
    now: datetime,
    *,
    opens_position: bool = False,
    **columns: Any,
) -> Submission | None:
    """The submission if it is resolved just now; that it was unknown before is over then.

    A buy that `opens_position` gets that position's key at once: its row follows in this transaction.
    """
    submission = _locked(Submission, "id", submission_id)
    if submission is None:
        return None
    if opens_position and submission.action == Action.BUY:
        submission.position_id = columns["position"] = uuid4()
    resolved = update(
        Submission,
        {"id": submission_id, "status": tuple(sources(status))},
        status=status,
        resolved_at=now,
        unknown_since=None,
        unknown_text="",
        **columns,
    )
    if resolved != 1:
        return None
    if submission.unknown_since is not None:
        close_incidents(f"submission:{submission_id}", now=now)
    submission.signal = _signal(submission)
    transaction.on_commit(partial(metrics.count_submission, submission.action, status.lower()))
    return submission


def _signal(submission: Submission) -> Signal:
    signal = load(Signal, uuid=submission.signal_id)
    assert signal is not None, "submissions keep their signals"
    return signal


def _locked(model: type[Row], name: str, value: Any) -> Row | None:
    """The row with that key, locked where others could change it before this transaction ends."""
    lock = " FOR UPDATE" if connection.vendor == "postgresql" else ""
    rows = load_all(model, f"{name} = %s{lock}", parameter(model, name, value))
    return rows[0] if rows else None


def _open_position(
    submission: Submission,
    change: BalanceChange,
    sol_price_usd: Decimal | None,
    filled_at: datetime,
    now: datetime,
) -> None:
    signal = submission.signal
    price = price_sol(
        lamports=-change.sol_lamports, token_raw=change.token_raw, decimals=change.decimals
    )
    position = Position(
        uuid=submission.position_id,
        signal=signal,
        strategy=signal.strategy,
        leader_address=signal.leader_address,
        mint=signal.mint,
        symbol=signal.symbol,
        decimals=change.decimals,
        token_account=change.token_account,
        status=PositionStatus.ACTIVE,
        bought_raw=change.token_raw,
        held_raw=change.token_raw,
        cost_lamports=-change.sol_lamports,
        entry_price_sol=price,
        peak_price_sol=price,
        last_price_sol=price,
        priced_at=now,
        opened_at=filled_at,
        **entry_liquidity(signal),
    )
    # Nothing of it was sold yet: its result so far is what its fill and the tries before it cost.
    before = pnl_of(position) if signal.dead_submissions else 0
    position.realised_pnl_lamports = before - change.network_fee_lamports - change.tip_lamports
    add(position)
    open_lot(_store_fill(submission, position, change, sol_price_usd, filled_at))
    _complete(signal, code="BOUGHT", now=now)


def _reduce_position(
    submission: Submission,
    change: BalanceChange,
    sol_price_usd: Decimal | None,
    filled_at: datetime,
    now: datetime,
) -> None:
    position = _locked(Position, "uuid", submission.position_id)
    assert position is not None, "submissions keep their positions"
    fill = _store_fill(submission, position, change, sol_price_usd, filled_at)
    sell_lots(fill)
    signal = submission.signal
    position.held_raw = max(0, position.held_raw + change.token_raw)
    if change.token_left_raw is not None and change.token_left_raw < position.held_raw:
        book_shortfall(position, left_raw=change.token_left_raw, fill=fill, now=now)
    position.status = PositionStatus.ACTIVE if position.held_raw else PositionStatus.CLOSED
    position.closed_at = None if position.held_raw else filled_at
    position.exiting_since = None
    position.exit_generation += 1
    position.exit_reason = signal.exit_reason or "LEADER_SOLD"
    position.tiers_taken = max(position.tiers_taken, signal.exit_tiers_taken)
    position.realised_pnl_lamports = pnl_of(position)
    reduced = {name: getattr(position, name) for name in REDUCED_BY_A_SALE}
    if update(Position, {"uuid": position.pk}, **reduced) != 1:
        raise BooksChanged(f"position {position.pk} is gone")
    # Nobody prices what is sold: a silence that was told of would never end.
    troubles = ("exit", "holding") if position.held_raw else ("exit", "holding", "price")
    close_incidents(*(f"{trouble}:{position.pk}" for trouble in troubles), now=now)
    _complete(signal, code="SOLD", now=now)


def _evaluate_breaker(sol_price_usd: Decimal | None, now: datetime) -> None:
    """The next buy must know of this close. What lands is booked even if the breaker cannot be evaluated."""
    # The price may be as old as its lifetime, so it never replaces one that was seen since.
    seen_at = now - SOL_PRICE_LIFETIME
    price = None if sol_price_usd is None else SolPrice(usd=sol_price_usd, at=seen_at)
    try:
        with transaction.atomic():
            evaluate_breaker(now=now, sol_price=price, is_equity_new=False)
    except Exception:
        log.exception("the circuit breaker could not be evaluated at a close")


def _store_fill(
    submission: Submission,
    position: Position,
    change: BalanceChange,
    sol_price_usd: Decimal | None,
    filled_at: datetime,
) -> Fill:
    return add(
        Fill(
            submission=submission,
            position=position,
            action=submission.action,
            sol_lamports=abs(change.sol_lamports),
            token_raw=abs(change.token_raw),
            network_fee_lamports=change.network_fee_lamports,
            tip_lamports=change.tip_lamports,
            rent_lamports=change.rent_lamports,
            sol_price_usd=sol_price_usd,
            slot=change.slot,
            filled_at=filled_at,
        )
    )


def _keep(position_id: UUID) -> None:
    """The position of a sell that did not happen may be sold again, and what the try cost is booked."""
    exiting = {"uuid": position_id, "status": tuple(sources(PositionStatus.ACTIVE))}
    if update(Position, exiting, status=PositionStatus.ACTIVE, exiting_since=None) != 1:
        # No reason to keep the sell's next try from happening.
        log.error("position %s was not being sold", position_id)
    position = load(Position, uuid=position_id)
    assert position is not None, "submissions keep their positions"
    recompute_pnl(position)


def _complete(signal: Signal, *, code: str, now: datetime) -> None:
    step(signal.uuid, to=SignalStatus.COMPLETED, now=now, code=code)


def _release(submission: Submission, *, code: str, text: str, now: datetime) -> None:
    """Free what a dead transaction held: its position may be sold again, its signal tried again."""
    if submission.position_id is not None and submission.action == Action.SELL:
        _keep(submission.position_id)
    signal = submission.signal
    is_last = signal.attempts >= policy_for_exits().maximum_attempts
    if signal.action == Action.BUY and is_last:
        give_up(signal.uuid, code=code, text=text, now=now)
        return
    if is_last:
        audit.open_incident(
            key=f"exit:{submission.position_id}",
            title=f"Selling {signal.symbol} keeps failing",
            detail=f"{code}: {text}",
            now=now,
        )
    delays = EXIT_BACKOFF if signal.action == Action.SELL else BACKOFF
    delay = delays[min(signal.dead_submissions, len(delays) - 1)]
    step(
        signal.uuid,
        to=SignalStatus.RETRY,
        now=now,
        code=code,
        text=text,
        next_attempt_at=now + delay,
        reserved_lamports=0,
        dead_submissions=signal.dead_submissions + 1,
    )
