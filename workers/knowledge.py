"""What an executor knows of a buy: of its own rows nothing, of the outside what it has asked already."""

from collections.abc import Callable
from functools import partial

from trading.domain.decision import Facts, LeaderFacts, Portfolio, QuoteFacts
from trading.domain.policy import Policy
from trading.domain.safety import TokenFacts
from trading.domain.tips import TipPrice
from trading.domain.values import Route
from trading.gateways.jupiter import Quote
from trading.services.claims import Claim
from trading.services.decisions import Balance, Known
from trading.services.state import TradingNow
from workers.desk import NETWORK_FEE_LAMPORTS, Desk
from workers.inquiry import Findings


def know(desk: Desk) -> Callable[[Claim, Policy], Known]:
    """What this process knows of a buy that it has not asked anybody about yet."""

    def known(claim: Claim, policy: Policy) -> Known:
        token = desk.tokens.kept(claim.request.mint, policy=policy)
        findings = Findings(token=token or TokenFacts(mint=claim.request.mint), quote=QuoteFacts())
        return Known(
            build_facts=partial(facts_of, desk, claim, findings, None, reachable_route(desk)),
            is_token_known=token is not None,
        )

    return known


def balance(desk: Desk) -> Balance:
    """Our SOL as this process knows it."""
    conditions = desk.conditions
    return Balance(lamports=conditions.balance_lamports, at=conditions.balance_at)


def reachable_route(desk: Desk) -> Route:
    """The route that can be gone at this moment."""
    return Route.JITO if desk.conditions.tip_account() else Route.STANDARD


def effective_route(wanted: Route, reachable: Route) -> Route:
    """The route that is gone: bundles only where they are wanted and can be sent."""
    return Route.JITO if wanted is reachable is Route.JITO else Route.STANDARD


def facts_of(
    desk: Desk,
    claim: Claim,
    found: Findings,
    tip: TipPrice | None,
    reachable: Route,
    *,
    leader: LeaderFacts | None,
    portfolio: Portfolio,
    state: TradingNow,
    policy: Policy,
) -> Facts:
    """What a decision rests on: our rows as they were read, and what was found outside."""
    quote = found.quote
    if isinstance(quote, Quote):
        quote = QuoteFacts(
            in_amount_lamports=quote.in_amount_raw,
            out_amount_raw=quote.out_amount_raw,
            price_impact=quote.price_impact,
        )
    effective = effective_route(state.route, reachable)
    paid = tip if effective is Route.JITO else None
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
        tip_lamports=0 if paid is None else paid.lamports,
        tip=paid,
        network_fee_lamports=NETWORK_FEE_LAMPORTS,
        sol_price_usd=desk.conditions.sol_price_usd,
    )
