"""One claimed buy, from its facts to its first byte sent."""

import logging
from dataclasses import replace
from datetime import timedelta

from trading import metrics
from trading.domain.decision import (
    SENTENCES,
    Denial,
    DenialCode,
    Facts,
    LeaderFacts,
    Order,
    Portfolio,
    QuoteFacts,
)
from trading.domain.policy import Policy
from trading.domain.tips import TipPrice, price_tip
from trading.domain.values import WSOL_MINT, Action, Route, Strategy
from trading.gateways.base import GatewayError, Unavailable
from trading.gateways.jupiter import Quote
from trading.gateways.transactions import SwapInstructions
from trading.metrics import Stage
from trading.services.claims import Claim, retry_later
from trading.services.leaders import plan_buy
from trading.services.orders import SignedOrder, decide_buy, deny, record_buy
from trading.services.state import TradingNow
from trading.services.steps import AlreadyHeld, EntriesHalted
from workers.desk import NETWORK_FEE_LAMPORTS, Desk
from workers.inquiry import Findings, inquire
from workers.passage import Passage
from workers.sending import send

log = logging.getLogger("buying")
RETRY_DELAY = timedelta(milliseconds=500)


async def buy(desk: Desk, claim: Claim, policy: Policy) -> None:
    """Decide on the signal and, on an order, sign, record and send it.

    NotOurs when somebody else took the signal over meanwhile; nothing is sent then.
    """
    watch, conditions = Passage(claim, clock=desk.clock), desk.conditions
    plan = await desk.writer.read(
        lambda: plan_buy(
            claim,
            balance_lamports=conditions.balance_lamports,
            balance_at=conditions.balance_at,
        )
    )
    if plan.copying.slippage_bps is not None:
        policy = replace(policy, slippage_bps=plan.copying.slippage_bps)
    asked = _amount_to_ask(desk, plan.wanted_lamports, policy)
    found = await inquire(desk, claim.request, policy, amount_lamports=asked)
    watch.reached(Stage.FACTS)
    tip = price_tip(
        policy=policy,
        percentile=policy.for_strategy(claim.request.strategy).tip_percentile,
        market=desk.conditions.tip_floor,
        own_landed=desk.conditions.landed_tips,
        attempt=claim.dead_submissions + 1,
        fixed_lamports=plan.copying.tip_lamports,
    )
    route = Route.JITO if desk.conditions.tip_account() else Route.STANDARD
    decision = await desk.writer.run(
        lambda: decide_buy(
            claim,
            build_facts=lambda **own: _facts(desk, claim, found, tip, route, **own),
            balance_lamports=desk.conditions.balance_lamports,
            balance_at=desk.conditions.balance_at,
            now=desk.clock(),
        )
    )
    watch.reached(Stage.DECIDED)
    metrics.count_decision(decision.code if isinstance(decision, Denial) else "ORDER")
    if isinstance(decision, Denial):
        log.info("%s denied: %s", claim.request.symbol, decision.text)
        return
    if isinstance(found.quote, Quote):
        await _execute(
            desk, claim, policy, found.quote, found.buying, decision, tip.lamports, watch
        )


def _amount_to_ask(desk: Desk, wanted_lamports: int, policy: Policy) -> int:
    """What is quoted and rehearsed: no more than our wallet could pay, if it can pay anything worth it.

    Nobody quotes nothing, so a buy that comes out at 0 is asked for as one lamport, and denied by its size.
    """
    wanted = max(1, min(wanted_lamports, policy.maximum_trade_lamports))
    affordable = (desk.conditions.balance_lamports or 0) - policy.reserve_lamports
    return min(wanted, affordable) if affordable >= policy.minimum_trade_lamports else wanted


async def _execute(
    desk: Desk,
    claim: Claim,
    policy: Policy,
    quote: Quote,
    buying: SwapInstructions | None,
    decision: Order,
    tip: int,
    watch: Passage,
) -> None:
    try:
        order = await _build(desk, claim, policy, quote, buying, decision, tip, watch)
    except GatewayError as error:
        text = str(error)
        await desk.writer.run(
            lambda: retry_later(
                claim,
                code="BUILD_FAILED",
                text=text,
                delay=RETRY_DELAY,
                maximum_attempts=policy.maximum_attempts,
                now=desk.clock(),
            )
        )
        return
    watch.reached(Stage.SIGNED)
    try:
        submission = await desk.writer.run(lambda: record_buy(claim, order, now=desk.clock()))
    except (AlreadyHeld, EntriesHalted) as change:
        code = (
            DenialCode.ALREADY_HELD
            if isinstance(change, AlreadyHeld)
            else DenialCode.ENTRIES_HALTED
        )
        text = f"{SENTENCES[code]}: since the decision"
        await desk.writer.run(lambda: deny(claim, code=code, text=text, now=desk.clock()))
        return
    may_go_public = claim.request.strategy is not Strategy.SPEAR
    await send(desk, submission, order, watch=watch, may_go_public=may_go_public)


async def _build(
    desk: Desk,
    claim: Claim,
    policy: Policy,
    quote: Quote,
    buying: SwapInstructions | None,
    decision: Order,
    tip: int,
    watch: Passage,
) -> SignedOrder:
    if quote.in_amount_raw != decision.size_lamports:
        buying = None
        # The caps came out lower than what was asked: the quote must be for what is really bought.
        quote = await desk.gateways.jupiter.quote(
            input_mint=WSOL_MINT,
            output_mint=claim.request.mint,
            amount_raw=decision.size_lamports,
            slippage_bps=policy.slippage_bps,
        )
    paid = desk.choose_tip(route=decision.route, lamports=tip)
    if paid is None and claim.request.strategy is Strategy.SPEAR:
        # Decided for a bundle, and by now none can be sent: the next try decides anew.
        raise Unavailable("no tip account is known any more")
    signed, last_valid = await desk.build_swap(
        quote, tip=paid, variant=claim.variant, instructions=buying
    )
    return SignedOrder(
        action=Action.BUY,
        route=decision.route if paid else Route.STANDARD,
        signature=signed.signature,
        bundle_id=desk.gateways.block_engine.bundle_id([signed.signature]) if paid else "",
        wire=signed.wire,
        last_valid_block_height=last_valid,
        tip_lamports=paid.lamports if paid else 0,
        in_amount_raw=decision.size_lamports,
        quoted_out_raw=quote.out_amount_raw,
        minimum_out_raw=quote.minimum_out_raw,
        waited_microseconds=watch.waited_microseconds,
    )


def _facts(
    desk: Desk,
    claim: Claim,
    found: Findings,
    tip: TipPrice,
    reachable: Route,
    *,
    leader: LeaderFacts | None,
    portfolio: Portfolio,
    state: TradingNow,
    policy: Policy,
) -> Facts:
    quote = found.quote
    if isinstance(quote, Quote):
        quote = QuoteFacts(
            in_amount_lamports=quote.in_amount_raw,
            out_amount_raw=quote.out_amount_raw,
            price_impact=quote.price_impact,
        )
    effective = Route.JITO if state.route is reachable is Route.JITO else Route.STANDARD
    return Facts(
        signal=claim.request,
        received_at=claim.received_at,
        leader=leader,
        token=found.token,
        quote=quote,
        sale=found.sale,
        fill=found.fill,
        portfolio=portfolio,
        are_entries_halted=state.are_entries_halted,
        is_spear_paused=state.is_spear_paused,
        held_back_by=state.held_back_by,
        route=effective,
        tip_lamports=tip.lamports if effective is Route.JITO else 0,
        tip=tip if effective is Route.JITO else None,
        network_fee_lamports=NETWORK_FEE_LAMPORTS,
        sol_price_usd=desk.conditions.sol_price_usd,
    )
