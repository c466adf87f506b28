"""The decision on a claimed buy, on the rows: stored with every gate, its capital reserved, its order recorded."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from trading.domain.decision import Denial, Facts, Order, Portfolio, decide, deny_early
from trading.domain.leaders import LeaderFacts
from trading.domain.lifecycle import SignalStatus
from trading.domain.policy import Policy
from trading.domain.safety import PERMANENT_REFUSALS, SaleFacts, TokenFacts
from trading.domain.tips import TipPrice
from trading.models import Decision, Token
from trading.rows import firsts, insert
from trading.services.claims import Claim
from trading.services.leaders import leader_facts
from trading.services.orders import ENTRIES, SignedOrder, hold, store_submission
from trading.services.policy import ACTIVE_POLICY, policy_in
from trading.services.portfolio import is_held, snapshot
from trading.services.state import TRADING_STATE, TradingNow, state_in
from trading.services.steps import step
from trading.version import CODE_VERSION

REFUSAL_CACHE = timedelta(minutes=10)
FactsBuilder = Callable[..., Facts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Our SOL as the chain told it at that moment; None: not lately."""

    lamports: int | None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a buy before anything is asked: the facts' builder, the token's facts in it or not."""

    build_facts: FactsBuilder
    is_token_known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What every decision of one moment goes by."""

    policy: Policy
    revision: int
    state: TradingNow


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A verdict, and for an order that could be signed at once what is on record of it."""

    verdict: Order | Denial
    order: SignedOrder | None = None
    submission: int | None = None


def rules(*, turn: str = "") -> Rules:
    """The active policy and the trading state; PolicyMissing when there is no policy.

    With `turn` only one transaction at a time gets them, as by `serialise`.
    """
    active, state = firsts(ACTIVE_POLICY, TRADING_STATE, turn=turn)
    policy, revision = policy_in(active)
    return Rules(policy=policy, revision=revision, state=state_in(state))


@transaction.atomic(savepoint=False)
def decide_buy(
    claim: Claim,
    *,
    build_facts: FactsBuilder,
    sign: Callable[[Order], SignedOrder | None],
    balance: Balance,
    now: datetime,
) -> Decided:
    """Decide on a claimed buy, store the decision, and end the signal or reserve its capital.

    Everything our own rows say is read inside this one transaction, so two buys cannot spend the same
    capital. `build_facts(leader=…, portfolio=…, state=…, policy=…)` adds what was gathered outside. What
    `sign` makes of an order without asking anybody is recorded here as well; where it makes nothing, the
    caller has to build it and `record_buy`. NotOurs when somebody else has taken the signal over: then
    nothing may be sent.
    """
    by = rules(turn=ENTRIES)
    leader = leader_facts(
        claim.request.leader_address, signal=claim.uuid, mint=claim.request.mint, now=now
    )
    facts = _facts(claim, build_facts, by, leader, balance)
    verdict = decide(facts, policy=by.policy, now=now)
    _store_decision(claim.uuid, verdict, facts, by.revision, now)
    if isinstance(verdict, Denial):
        _reject(claim, verdict, facts.token, now)
        return Decided(verdict=verdict)
    hold(claim, now=now, reserved_lamports=verdict.size_lamports)
    order = sign(verdict)
    if order is None:
        return Decided(verdict=verdict)
    submission = store_submission(claim, order, position=None, now=now)
    return Decided(verdict=verdict, order=order, submission=submission)


def is_denied_at_once(
    claim: Claim, *, by: Rules, leader: LeaderFacts | None, known: Known, now: datetime
) -> bool:
    """Whether our own rows speak against a claimed buy, before anything is asked; only reads, and little."""
    outline = known.build_facts(
        leader=leader, portfolio=_outline(claim.request.mint), state=by.state, policy=by.policy
    )
    return _judged_early(outline, by, known, now) is not None


def deny_at_once(
    claim: Claim,
    *,
    by: Rules,
    leader: LeaderFacts | None,
    known: Known,
    balance: Balance,
    now: datetime,
) -> Denial | None:
    """Deny a claimed buy that our own rows speak against, before anything is asked; None when they do not.

    The verdict is the one that asking would have led to: only gates that stand before every unknown fact
    are judged. Call inside a transaction.
    """
    facts = _facts(claim, known.build_facts, by, leader, balance)
    denial = _judged_early(facts, by, known, now)
    if denial is not None:
        _store_decision(claim.uuid, denial, facts, by.revision, now)
        _reject(claim, denial, facts.token, now)
    return denial


def _judged_early(facts: Facts, by: Rules, known: Known, now: datetime) -> Denial | None:
    return deny_early(facts, policy=by.policy, now=now, is_token_known=known.is_token_known)


@transaction.atomic(savepoint=False)
def deny(claim: Claim, *, code: str, text: str, now: datetime) -> None:
    """End a buy that was decided on but must not be made any more."""
    step(claim.uuid, to=SignalStatus.REJECTED, now=now, claim=claim.token, code=code, text=text)


def _facts(
    claim: Claim,
    build_facts: FactsBuilder,
    by: Rules,
    leader: LeaderFacts | None,
    balance: Balance,
) -> Facts:
    portfolio = snapshot(
        signal=claim.uuid,
        mint=claim.request.mint,
        balance_lamports=balance.lamports,
        balance_at=balance.at,
    )
    return build_facts(leader=leader, portfolio=portfolio, state=by.state, policy=by.policy)


def _outline(mint: str) -> Portfolio:
    """Only whether the token is held: enough to see whether the whole portfolio has to be read."""
    return Portfolio(
        balance_lamports=None,
        open_positions=0,
        shield_lamports=0,
        spear_lamports=0,
        token_lamports=0,
        is_held=is_held(mint),
    )


def _reject(claim: Claim, denial: Denial, token: TokenFacts, now: datetime) -> None:
    _remember_refusal(claim, denial, token, now)
    step(
        claim.uuid,
        to=SignalStatus.REJECTED,
        now=now,
        claim=claim.token,
        code=denial.code,
        text=denial.text,
    )


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
        roster_run="" if facts.leader is None else facts.leader.roster_run,
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
        "sale": _fields(facts.sale),
        "leader_price": None if facts.fill is None else _text(facts.fill.lamports_per_raw),
        "balance_lamports": facts.portfolio.balance_lamports,
        "open_positions": facts.portfolio.open_positions,
        "size_mode": facts.copying.size_mode,
        "quality_bps": facts.quality_bps,
        "capital_lamports": facts.portfolio.capital_lamports,
        "tip_lamports": facts.tip_lamports,
        "tip": _fields(facts.tip),
        "network_fee_lamports": facts.network_fee_lamports,
        "sol_price_usd": _text(facts.sol_price_usd),
        "route": facts.route,
    }


def _fields(value: SaleFacts | TipPrice | None) -> dict[str, Any] | None:
    """A flat dataclass as a dict; dataclasses.asdict would copy each value deeply."""
    return None if value is None else {each: getattr(value, each) for each in value.__slots__}


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
