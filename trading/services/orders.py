"""Deciding and writing down: a decision with its facts, and the signed transaction before its first byte leaves."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from trading import live
from trading.domain.decision import Denial, DenialCode, Facts, Order, decide
from trading.domain.lifecycle import PositionStatus, SignalStatus, SubmissionStatus, sources
from trading.domain.safety import PERMANENT_REFUSALS, TokenFacts
from trading.domain.values import Action, Route
from trading.models import Decision, Position, Signal, Submission, Token
from trading.rows import change, first, insert, parameter, serialise, update
from trading.services.claims import Claim
from trading.services.leaders import leader_facts
from trading.services.policy import active_policy
from trading.services.portfolio import snapshot
from trading.services.state import trading_state
from trading.services.steps import AlreadyHeld, EntriesHalted, NotOurs, PositionBusy, note, step
from trading.version import CODE_VERSION

REFUSAL_CACHE = timedelta(minutes=10)


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


FactsBuilder = Callable[..., Facts]


@transaction.atomic
def decide_buy(
    claim: Claim,
    *,
    build_facts: FactsBuilder,
    balance_lamports: int | None,
    balance_at: datetime | None = None,
    now: datetime,
) -> Order | Denial:
    """Decide on a claimed buy, store the decision, and reserve its capital or end the signal.

    Everything our own rows say is read inside this one transaction, so two buys cannot spend the same
    capital. `build_facts(leader=…, portfolio=…, state=…, policy=…)` adds what was gathered
    outside. NotOurs when somebody else has taken the signal over.
    """
    serialise("trading.entries")
    _hold(claim, now)
    policy, revision = active_policy()
    state = trading_state()
    facts = build_facts(
        leader=leader_facts(
            claim.request.leader_address, signal=claim.uuid, mint=claim.request.mint, now=now
        ),
        portfolio=snapshot(
            signal=claim.uuid,
            mint=claim.request.mint,
            balance_lamports=balance_lamports,
            balance_at=balance_at,
        ),
        state=state,
        policy=policy,
    )
    decision = decide(facts, policy=policy, now=now)
    _store_decision(claim.uuid, decision, facts, revision, now)
    if isinstance(decision, Order):
        change(
            "UPDATE trading_signal SET reserved_lamports = %s WHERE uuid = %s",
            decision.size_lamports,
            parameter(Signal, "uuid", claim.uuid),
        )
    else:
        _remember_refusal(claim, decision, facts.token, now)
        step(
            claim.uuid,
            to=SignalStatus.REJECTED,
            now=now,
            claim=claim.token,
            code=decision.code,
            text=decision.text,
        )
    return decision


@transaction.atomic
def record_buy(claim: Claim, order: SignedOrder, *, now: datetime) -> int:
    """Store a signed buy before it is sent; the submission's id.

    NotOurs when the claim is lost; AlreadyHeld and EntriesHalted when the world has changed since the
    decision. In none of these cases may it be sent.
    """
    serialise("trading.entries")
    if trading_state().are_entries_halted:
        raise EntriesHalted(DenialCode.ENTRIES_HALTED)
    held = first(
        "SELECT 1 FROM trading_position WHERE mint = %s AND status IN ('ACTIVE', 'EXITING')",
        claim.request.mint,
    )
    if held is not None:
        raise AlreadyHeld(DenialCode.ALREADY_HELD)
    return _record(claim, order, position=None, now=now)


@transaction.atomic
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
    submission = _record(claim, order, position=position, now=now)
    transaction.on_commit(lambda: live.publish("positions"))
    return submission


@transaction.atomic
def deny(claim: Claim, *, code: str, text: str, now: datetime) -> None:
    """End a buy that was decided on but must not be made any more."""
    step(claim.uuid, to=SignalStatus.REJECTED, now=now, claim=claim.token, code=code, text=text)


@transaction.atomic
def mark_sent(submission: int, *, route: Route, now: datetime, remark: str = "") -> None:
    """Remember that bytes have left, and by which way; a remark goes into the story."""
    update(Submission, {"id": submission}, sent_at=now, route=route)
    if remark:
        _remark(submission, code="ENGINE_REFUSED", text=remark, now=now)


@transaction.atomic
def go_public(submission: int, *, now: datetime) -> None:
    """Remember that a bundle's bytes go to the nodes from now on."""
    in_flight = Submission.objects.filter(pk=submission, status=SubmissionStatus.IN_FLIGHT)
    if in_flight.update(route=Route.STANDARD) == 1:
        text = "the bundle did not land in time: the same bytes go to the nodes"
        _remark(submission, code="GONE_PUBLIC", text=text, now=now)


@transaction.atomic
def tell_fate(submission: int, *, fate: str, now: datetime) -> None:
    """Write into the story what the block engine says of a bundle: a hint, never an outcome."""
    if Submission.objects.filter(pk=submission, status=SubmissionStatus.IN_FLIGHT).exists():
        _remark(submission, code="ENGINE_SAYS", text=f"the block engine says: {fate}", now=now)


def _remark(submission: int, *, code: str, text: str, now: datetime) -> None:
    signal = Submission.objects.values_list("signal", flat=True).get(pk=submission)
    note(signal, status=SignalStatus.EXECUTING, now=now, code=code, text=text)


def _record(claim: Claim, order: SignedOrder, *, position: UUID | None, now: datetime) -> int:
    _hold(claim, now)
    try:
        with transaction.atomic():
            return int(
                insert(
                    Submission,
                    **asdict(order),
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


def _hold(claim: Claim, now: datetime) -> None:
    """Renew the lease on a claimed signal and lock its row; NotOurs when it is no longer ours."""
    held = change(
        "UPDATE trading_signal SET claimed_at = %s WHERE uuid = %s AND status = 'EXECUTING' AND claim = %s",
        parameter(Signal, "claimed_at", now),
        parameter(Signal, "uuid", claim.uuid),
        claim.token,
    )
    if held != 1:
        raise NotOurs(f"signal {claim.uuid} was taken over")


def _store_decision(
    signal: UUID, decision: Order | Denial, facts: Facts, revision: int, now: datetime
) -> None:
    is_order = isinstance(decision, Order)
    insert(
        Decision,
        signal=signal,
        at=now,
        is_order=is_order,
        code="" if isinstance(decision, Order) else decision.code,
        text="" if isinstance(decision, Order) else decision.text[:300],
        size_lamports=decision.size_lamports if isinstance(decision, Order) else None,
        gates=[gate.as_json() for gate in decision.gates],
        facts=_facts_json(facts),
        policy_revision=revision,
        code_version=CODE_VERSION,
    )


def _facts_json(facts: Facts) -> dict[str, Any]:
    token = facts.token.facts
    return {
        "decimals": None if token is None else token.decimals,
        "liquidity_usd": _text(facts.token.liquidity_usd),
        "routable_liquidity_usd": _text(facts.token.routable_liquidity_usd),
        "holder_bps": facts.token.holder_bps,
        "created_at": _text(facts.token.created_at),
        "price_sol": _text(facts.token.price_sol),
        "unavailable": facts.token.unavailable,
        "quoted_out_raw": str(facts.quote.out_amount_raw),
        "price_impact": str(facts.quote.price_impact),
        "sale": None if facts.sale is None else asdict(facts.sale),
        "leader_price": None if facts.fill is None else _text(facts.fill.lamports_per_raw),
        "balance_lamports": facts.portfolio.balance_lamports,
        "open_positions": facts.portfolio.open_positions,
        "size_mode": facts.copying.size_mode,
        "capital_lamports": facts.portfolio.capital_lamports,
        "tip_lamports": facts.tip_lamports,
        "tip": None if facts.tip is None else asdict(facts.tip),
        "network_fee_lamports": facts.network_fee_lamports,
        "sol_price_usd": _text(facts.sol_price_usd),
        "route": facts.route,
    }


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _remember_refusal(claim: Claim, denial: Denial, token: TokenFacts, now: datetime) -> None:
    """Let the ingress repeat a refusal that lies in the mint itself.

    A mint that is not in the registry gets no symbol: the provider's word for it must never become a name
    under which it could be looked up.
    """
    if denial.code not in PERMANENT_REFUSALS:
        return
    Token.objects.update_or_create(
        mint=token.mint,
        defaults={"refusal_code": denial.code, "refused_until": now + REFUSAL_CACHE},
        create_defaults={
            "symbol": "",
            "refusal_code": denial.code,
            "refused_until": now + REFUSAL_CACHE,
        },
    )
