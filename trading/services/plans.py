"""Claims signals and plans them in one transaction: what needs nothing from outside ends, or waits, right here."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction

from trading import metrics
from trading.domain.exits import ExitReason, ladder_fraction
from trading.domain.leaders import Following
from trading.domain.lifecycle import PositionStatus
from trading.domain.policy import Policy
from trading.domain.values import Route
from trading.models import Position
from trading.services.claims import Claim, claim_due, skip, wait_for
from trading.services.decisions import Balance, Known, Rules, deny_at_once, rules
from trading.services.leaders import BuyPlan, following, leader_facts, plan_buy
from trading.services.policy import policy_for_exits
from trading.services.portfolio import position_to_sell
from trading.services.state import trading_state

log = logging.getLogger("plans")
WAIT = timedelta(milliseconds=500)
"""Booking the trade that is waited for ends the waiting at once; this is for when nothing is booked."""
ROUNDS = 4
"""How often one transaction claims again what those that ended left room for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SellPlan:
    """What a claimed sell sells: this fraction of what the position holds, by this route."""

    position: Position
    route: Route
    fraction: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A claimed signal and what it goes by; without a plan its planning failed and has to be tried alone."""

    claim: Claim
    policy: Policy
    plan: BuyPlan | SellPlan | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """How many signals were claimed, and what of them is to be worked on now.

    `may_be_more`: there was no room for all that is due.
    """

    claimed: int
    work: tuple[Work, ...]
    may_be_more: bool


Know = Callable[[Claim, Policy], Known]


def take_exits(*, token: str, at_most: int, now: datetime) -> Taken:
    """Claim due exits, at most so many to work on; those with nothing to sell are ended or put back."""
    policy = policy_for_exits()

    def plan(claim: Claim) -> SellPlan | None:
        return plan_sell(claim, policy, now=now)

    return _take(policy, plan, token=token, is_exit=True, at_most=at_most, now=now)


def take_entries(*, token: str, at_most: int, know: Know, balance: Balance, now: datetime) -> Taken:
    """Claim due entries, at most so many to work on; those that our own rows speak against are denied.

    PolicyMissing without a policy to judge by: then nothing is claimed.
    """
    by = rules()

    def plan(claim: Claim) -> BuyPlan | None:
        return plan_entry(claim, by, known=know(claim, by.policy), balance=balance, now=now)

    return _take(by.policy, plan, token=token, is_exit=False, at_most=at_most, now=now)


def _take(
    policy: Policy,
    plan: Callable[[Claim], BuyPlan | SellPlan | None],
    *,
    token: str,
    is_exit: bool,
    at_most: int,
    now: datetime,
) -> Taken:
    work: list[Work] = []
    claimed, may_be_more = 0, True
    for _ in range(ROUNDS):
        room = at_most - len(work)
        claims = claim_due(token=token, is_exit=is_exit, at_most=room, now=now)
        work += [each for claim in claims if (each := _planned(claim, policy, plan)) is not None]
        claimed, may_be_more = claimed + len(claims), len(claims) == room
        if not may_be_more or len(work) == at_most:
            break
    return Taken(claimed=claimed, work=tuple(work), may_be_more=may_be_more)


def _planned(
    claim: Claim, policy: Policy, plan: Callable[[Claim], BuyPlan | SellPlan | None]
) -> Work | None:
    """One that cannot be planned must not keep the others from being claimed."""
    try:
        with transaction.atomic():
            planned = plan(claim)
    except Exception:
        log.exception("%s cannot be planned", claim.uuid)
        return Work(claim=claim, policy=policy, plan=None)
    return None if planned is None else Work(claim=claim, policy=policy, plan=planned)


def plan_entry(
    claim: Claim, by: Rules, *, known: Known, balance: Balance, now: datetime
) -> BuyPlan | None:
    """What a claimed buy asks for, or None when it was denied at once."""
    request = claim.request
    leader = leader_facts(request.leader_address, signal=claim.uuid, mint=request.mint, now=now)
    denial = deny_at_once(claim, by=by, leader=leader, known=known, balance=balance, now=now)
    if denial is not None:
        log.info("%s denied: %s", request.symbol, denial.text)
        transaction.on_commit(lambda: metrics.count_decision(denial.code))
        return None
    return plan_buy(claim, leader=leader, balance_lamports=balance.lamports, balance_at=balance.at)


def plan_sell(claim: Claim, policy: Policy, *, now: datetime) -> SellPlan | None:
    """What a claimed sell sells, or None when it was ended, or put back until another trade is done."""
    request = claim.request
    found = position_to_sell(
        leader_address=request.leader_address,
        mint=request.mint,
        position=claim.position,
        received_at=claim.received_at,
    )
    position = found.position
    if position is None and found.is_buy_pending:
        wait_for(
            claim,
            code="BUY_PENDING",
            text="the buy it would close is still on its way",
            delay=WAIT,
            now=now,
        )
        return None
    # Only the leader's own sell asks how it is followed: an exit that names its position is owed.
    follow = following(request.leader_address) if claim.position is None else Following()
    needless = _why_not(claim, policy, position, follow)
    if needless is not None:
        code, text = needless
        skip(claim, code=code, text=text, now=now)
        return None
    assert position is not None, "what has no position is needless"
    if position.status == PositionStatus.EXITING:
        put_back(claim, "another sell of the position is under way", now=now)
        return None
    return SellPlan(
        position=position,
        route=trading_state().route,
        fraction=_fraction(claim, position, follow),
    )


def put_back(claim: Claim, text: str, *, now: datetime) -> None:
    """Have a sell wait until the other sell of its position has ended."""
    wait_for(claim, code="POSITION_EXITING", text=text, delay=WAIT, now=now)


def _why_not(
    claim: Claim, policy: Policy, position: Position | None, follow: Following
) -> tuple[str, str] | None:
    """Code and sentence of a sell that asks for nothing we could do."""
    if position is None:
        return "NO_POSITION", "we hold nothing from this leader in this token"
    if position.status == PositionStatus.CLOSED:
        return "POSITION_CLOSED", "the position is closed already"
    is_followed = follow.sells_with_leader(policy, strategy=position.strategy)
    if claim.position is None and not is_followed:
        return "MIRROR_OFF", _why_not_followed(policy, position)
    if position.status != PositionStatus.EXITING and _is_tier_taken(claim, position):
        return "TIER_TAKEN", "this tier of the ladder is sold already"
    return None


def _why_not_followed(policy: Policy, position: Position) -> str:
    if policy.mirrors(position.strategy):
        return "the leader's copy settings leave exits to our own rules"
    return f"the policy does not follow leaders' sells of {position.strategy} positions"


def _is_tier_taken(claim: Claim, position: Position) -> bool:
    is_rung = claim.exit_reason == ExitReason.TAKE_PROFIT
    return is_rung and position.tiers_taken >= claim.exit_tiers_taken


def _fraction(claim: Claim, position: Position, follow: Following) -> Decimal:
    """What was asked for, of the leader's own sells as much as we follow; of the ladder, only the rungs
    that nobody has sold meanwhile.
    """
    if claim.position is None:
        return follow.share(claim.request.exit_fraction)
    if claim.exit_reason != ExitReason.TAKE_PROFIT:
        return claim.request.exit_fraction
    return ladder_fraction(tiers_taken=position.tiers_taken, tiers_passed=claim.exit_tiers_taken)
