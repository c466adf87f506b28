"""One claimed buy, from its plan to what it is decided by; the rest is its purchase's."""

import logging
from dataclasses import replace

from trading.domain.policy import Policy
from trading.domain.tips import price_tip
from trading.gateways.base import GatewayError
from trading.gateways.jupiter import Quote
from trading.metrics import Stage
from trading.services.claims import Claim
from trading.services.decisions import rules
from trading.services.leaders import BuyPlan
from trading.services.plans import Work, settle_entry
from workers.desk import Desk, Materials
from workers.inquiry import Findings, inquire
from workers.knowledge import balance, know, reachable_route
from workers.passage import Passage
from workers.purchase import Purchase

log = logging.getLogger("buying")


async def buy(desk: Desk, work: Work) -> None:
    """Decide on the signal by the plan it was claimed with and, on an order, sign, record and send it.

    NotOurs when somebody else took the signal over meanwhile; nothing is sent then.
    """
    claim, policy = work.claim, work.policy
    watch, plan = Passage(claim, clock=desk.clock), work.plan
    if not isinstance(plan, BuyPlan):
        plan = await desk.writer.run(lambda: _plan(desk, claim))
        if plan is None:
            return
    if plan.copying.slippage_bps is not None:
        policy = replace(policy, slippage_bps=plan.copying.slippage_bps)
    asked = _amount_to_ask(desk, plan.wanted_lamports, policy)
    found = await inquire(desk, claim.request, policy, amount_lamports=asked)
    materials = await _materials(desk, found)
    watch.reached(Stage.FACTS)
    tip = price_tip(
        policy=policy,
        percentile=policy.for_strategy(claim.request.strategy).tip_percentile,
        market=desk.conditions.tip_floor,
        own_landed=desk.conditions.landed_tips,
        attempt=claim.dead_submissions + 1,
        fixed_lamports=plan.copying.tip_lamports,
    )
    purchase = Purchase(
        desk=desk,
        claim=claim,
        policy=policy,
        tip=tip,
        reachable=reachable_route(desk),
        watch=watch,
    )
    ahead = purchase.sign_ahead(plan.route, found.quote, materials)
    await purchase.decide(found, ahead)


def _plan(desk: Desk, claim: Claim) -> BuyPlan | None:
    return settle_entry(
        claim,
        by := rules(),
        known=know(desk)(claim, by.policy),
        balance=balance(desk),
        now=desk.clock(),
    )


def _amount_to_ask(desk: Desk, wanted_lamports: int, policy: Policy) -> int:
    """What is quoted and rehearsed: no more than our wallet could pay, if it can pay anything worth it.

    Nobody quotes nothing, so a buy that comes out at 0 is asked for as one lamport, and denied by its size.
    """
    wanted = max(1, min(wanted_lamports, policy.maximum_trade_lamports))
    affordable = (desk.conditions.balance_lamports or 0) - policy.reserve_lamports
    return min(wanted, affordable) if affordable >= policy.minimum_trade_lamports else wanted


async def _materials(desk: Desk, found: Findings) -> Materials | None:
    """What the quoted swap is built from; None when there is no quote or somebody did not answer."""
    if not isinstance(found.quote, Quote):
        return None
    try:
        return await desk.materials(found.quote, instructions=found.buying)
    except GatewayError as error:
        log.warning("not built ahead: %s", error)
        return None
