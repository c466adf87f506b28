"""Everything a buy is decided by that has to be asked outside, gathered at once within one deadline."""

import asyncio
from dataclasses import dataclass, replace

from trading.domain.decision import LeaderFill, QuoteFacts
from trading.domain.policy import Policy
from trading.domain.safety import SaleFacts, TokenFacts, judge
from trading.domain.signals import SignalRequest
from trading.domain.values import WSOL_MINT
from trading.facts.fills import leader_fill
from trading.facts.sales import Rehearsal
from trading.facts.shelf import ask_by, deadline
from trading.gateways.base import GatewayError
from trading.gateways.jupiter import NoRoute, Quote
from trading.gateways.transactions import SwapInstructions
from workers.desk import Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was found. `buying` are the instructions of exactly this quote, when they were needed already.

    A token that is refused by its own facts was not waited for any further: then there is no quote.
    """

    token: TokenFacts
    quote: Quote | QuoteFacts
    sale: SaleFacts | None = None
    fill: LeaderFill | None = None
    buying: SwapInstructions | None = None


async def inquire(
    desk: Desk, request: SignalRequest, policy: Policy, *, amount_lamports: int
) -> Findings:
    """All findings for a buy of this size, in 1.5 s at most; what did not come is named as such."""
    until = deadline()
    fill = asyncio.create_task(
        leader_fill(
            desk.gateways,
            request,
            is_needed=not policy.allow_unknown_leader_price,
            until=until,
        )
    )
    trying = asyncio.create_task(_try_sale(desk, request, policy, amount_lamports, until))
    try:
        token = await desk.tokens.facts(request.mint, policy=policy, until=until)
        if judge(token, strategy=request.strategy, policy=policy, now=desk.clock()):
            return Findings(token=token, quote=QuoteFacts(is_available=False))
        quote, rehearsal = await trying
        found = Findings(token=token, quote=quote, fill=await fill)
        return found if rehearsal is None else _with_rehearsal(found, rehearsal)
    finally:
        fill.cancel()
        trying.cancel()


def _with_rehearsal(found: Findings, rehearsal: Rehearsal) -> Findings:
    """A rehearsal that served another buy tells about the token, and nothing about our own quote."""
    quote = found.quote
    if rehearsal.quote is not None and rehearsal.replaces is quote:
        quote = rehearsal.quote
    is_ours = rehearsal.quote is quote
    buying = rehearsal.buying if is_ours else None
    return replace(found, quote=quote, sale=rehearsal.sale, buying=buying)


async def _try_sale(
    desk: Desk, request: SignalRequest, policy: Policy, amount_lamports: int, until: float
) -> tuple[Quote | QuoteFacts, Rehearsal | None]:
    quote = await _quote(desk, request, policy, amount_lamports, until)
    if not isinstance(quote, Quote):
        return quote, None
    return quote, await desk.sales.rehearse(quote, policy=policy, until=until)


async def _quote(
    desk: Desk, request: SignalRequest, policy: Policy, amount_lamports: int, until: float
) -> Quote | QuoteFacts:
    """The quote, or what is known instead of one; asked for again while there is time."""
    match await ask_by(lambda: _ask_quote(desk, request, policy, amount_lamports), until=until):
        case NoRoute():
            return QuoteFacts(is_found=False)
        case GatewayError():
            return QuoteFacts(is_available=False)
        case answer:
            return answer


async def _ask_quote(
    desk: Desk, request: SignalRequest, policy: Policy, amount_lamports: int
) -> Quote:
    return await desk.gateways.jupiter.quote(
        input_mint=WSOL_MINT,
        output_mint=request.mint,
        amount_raw=amount_lamports,
        slippage_bps=policy.slippage_bps,
    )
