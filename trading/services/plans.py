"""Claims signals and plans them: what needs nothing from outside ends, or waits, right here.

A claim is all that its transaction does, because SQLite has one write lock for everybody: the plan is made
once that is committed, in the same turn of the writer. Most plans only read. Those by which a signal would
end, or wait, are made again in a transaction of their own, and count as made there.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db import transaction

from trading import metrics
from trading.domain.exits import ExitReason, ladder_fraction
from trading.domain.leaders import Following, LeaderFacts
from trading.domain.lifecycle import PositionStatus
from trading.domain.policy import Policy
from trading.domain.values import Route
from trading.models import Position
from trading.services.claims import Claim, claim_due, skip, wait_for
from trading.services.decisions import (
    Balance,
    Known,
    Rules,
    deny_at_once,
    is_denied_at_once,
    rules,
)
from trading.services.leaders import BuyPlan, following, leader_facts, plan_buy
from trading.services.policy import policy_for_exits
from trading.services.portfolio import position_to_sell
from trading.services.state import trading_state

log = logging.getLogger("plans")
WAIT = timedelta(milliseconds=500)
"""Booking the trade that is waited for ends the waiting at once; this is for when nothing is booked."""


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
    """How many signals were claimed, and what of them is to be worked on now: known after the COMMIT.

    `may_be_more`: there was no room for all that is due.
    """

    claimed: int
    work: list[Work]
    may_be_more: bool


Know = Callable[[Claim, Policy], Known]
Plan = Callable[[Claim], BuyPlan | SellPlan | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planner:
    """How claims of one kind are planned. Where `look`, which only reads, has no plan, `settle` has the last
    word in a transaction: a plan after all, or None when it ended the signal or put it back.
    """

    policy: Policy
    look: Plan
    settle: Plan


def take_exits(*, token: str, at_most: int, now: datetime) -> Taken:
    """Claim due exits, at most so many; those with nothing to sell are ended or put back."""
    policy = policy_for_exits()

    def look(claim: Claim) -> SellPlan | None:
        found = _sale(claim, policy)
        return found if isinstance(found, SellPlan) else None

    def settle(claim: Claim) -> SellPlan | None:
        return plan_sell(claim, policy, now=now)

    planner = _Planner(policy=policy, look=look, settle=settle)
    return _take(planner, token=token, is_exit=True, at_most=at_most, now=now)


def take_entries(*, token: str, at_most: int, know: Know, balance: Balance, now: datetime) -> Taken:
    """Claim due entries, at most so many; those that our own rows speak against are denied.

    PolicyMissing without a policy to judge by: then nothing is claimed.
    """
    by = rules()

    def look(claim: Claim) -> BuyPlan | None:
        return _look_at_entry(claim, by, known=know(claim, by.policy), balance=balance, now=now)

    def settle(claim: Claim) -> BuyPlan | None:
        return settle_entry(claim, by, known=know(claim, by.policy), balance=balance, now=now)

    planner = _Planner(policy=by.policy, look=look, settle=settle)
    return _take(planner, token=token, is_exit=False, at_most=at_most, now=now)


def _take(planner: _Planner, *, token: str, is_exit: bool, at_most: int, now: datetime) -> Taken:
    claims = claim_due(token=token, is_exit=is_exit, at_most=at_most, now=now)
    work: list[Work] = []
    if claims:
        transaction.on_commit(lambda: work.extend(_plan(claims, planner)))
    return Taken(claimed=len(claims), work=work, may_be_more=len(claims) == at_most)


def _plan(claims: Sequence[Claim], planner: _Planner) -> list[Work]:
    """What of the committed claims is to be worked on. Never raises: who would work on them then?"""
    work: list[Work] = []
    rest: list[Claim] = []
    for claim in claims:
        planned = _tried(planner.look, claim, planner)
        if planned is None:
            rest.append(claim)
        else:
            work.append(planned)
    return work + _settled(rest, planner) if rest else work


def _settled(claims: Sequence[Claim], planner: _Planner) -> list[Work]:
    undone_alone = transaction.atomic(planner.settle)
    try:
        with transaction.atomic():
            settled = [_tried(undone_alone, claim, planner) for claim in claims]
    except Exception:
        log.exception("%s signals cannot be settled", len(claims))
        return [Work(claim=claim, policy=planner.policy, plan=None) for claim in claims]
    return [each for each in settled if each is not None]


def _tried(plan: Plan, claim: Claim, planner: _Planner) -> Work | None:
    """One that cannot be planned must not keep the others from being worked on."""
    try:
        planned = plan(claim)
    except Exception:
        log.exception("%s cannot be planned", claim.uuid)
        return Work(claim=claim, policy=planner.policy, plan=None)
    return None if planned is None else Work(claim=claim, policy=planner.policy, plan=planned)


def _look_at_entry(
    claim: Claim, by: Rules, *, known: Known, balance: Balance, now: datetime
) -> BuyPlan | None:
    """What a claimed buy asks for, or None when our own rows speak against it."""
    leader = _leader(claim, now)
    if is_denied_at_once(claim, by=by, leader=leader, known=known, now=now):
        return None
    return _buy(claim, leader, by, balance)


def settle_entry(
    claim: Claim, by: Rules, *, known: Known, balance: Balance, now: datetime
) -> BuyPlan | None:
    """What a claimed buy asks for, or None when it was denied at once. Call inside a transaction."""
    leader = _leader(claim, now)
    denial = deny_at_once(claim, by=by, leader=leader, known=known, balance=balance, now=now)
    if denial is not None:
        log.info("%s denied: %s", claim.request.symbol, denial.text)
        transaction.on_commit(lambda: metrics.count_decision(denial.code))
        return None
    return _buy(claim, leader, by, balance)


def _buy(claim: Claim, leader: LeaderFacts | None, by: Rules, balance: Balance) -> BuyPlan:
    return plan_buy(
        claim,
        leader=leader,
        route=by.state.route,
        balance_lamports=balance.lamports,
        balance_at=balance.at,
    )


def _leader(claim: Claim, now: datetime) -> LeaderFacts | None:
    request = claim.request
    return leader_facts(request.leader_address, signal=claim.uuid, mint=request.mint, now=now)


class _Hindrance(NamedTuple):
    """Why a sell is not made: it waits while that `is_passing`, else it ends."""

    code: str
    text: str
    is_passing: bool = False


def plan_sell(claim: Claim, policy: Policy, *, now: datetime) -> SellPlan | None:
    """What a claimed sell sells, or None when it was ended, or put back until another trade is done.

    Call inside a transaction.
    """
    found = _sale(claim, policy)
    if isinstance(found, SellPlan):
        return found
    if found.is_passing:
        wait_for(claim, code=found.code, text=found.text, delay=WAIT, now=now)
    else:
        skip(claim, code=found.code, text=found.text, now=now)
    return None


def _sale(claim: Claim, policy: Policy) -> SellPlan | _Hindrance:
    request = claim.request
    found = position_to_sell(
        leader_address=request.leader_address,
        mint=request.mint,
        position=claim.position,
        received_at=claim.received_at,
    )
    position = found.position
    if position is None and found.is_buy_pending:
        text = "the buy it would close is still on its way"
        return _Hindrance("BUY_PENDING", text, is_passing=True)
    # Only the leader's own sell asks how it is followed: an exit that names its position is owed.
    follow = following(request.leader_address) if claim.position is None else Following()
    needless = _why_not(claim, policy, position, follow)
    if needless is not None:
        return needless
    assert position is not None, "what has no position is needless"
    if position.status == PositionStatus.EXITING:
        text = "another sell of the position is under way"
        return _Hindrance("POSITION_EXITING", text, is_passing=True)
    return SellPlan(
        position=position,
        route=trading_state().route,
        fraction=_fraction(claim, position, follow),
    )


def put_back(claim: Claim, text: str, *, now: datetime) -> None:
    """Have a sell wait because another sell of its position came before it."""
    wait_for(claim, code="POSITION_EXITING", text=text, delay=WAIT, now=now)


def _why_not(
    claim: Claim, policy: Policy, position: Position | None, follow: Following
) -> _Hindrance | None:
    """Why a sell asks for nothing we could do."""
    if position is None:
        return _Hindrance("NO_POSITION", "we hold nothing from this leader in this token")
    if position.status == PositionStatus.CLOSED:
        return _Hindrance("POSITION_CLOSED", "the position is closed already")
    is_followed = follow.sells_with_leader(policy, strategy=position.strategy)
    if claim.position is None and not is_followed:
        return _Hindrance("MIRROR_OFF", _why_not_followed(policy, position))
    if position.status != PositionStatus.EXITING and _is_tier_taken(claim, position):
        return _Hindrance("TIER_TAKEN", "this tier of the ladder is sold already")
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
