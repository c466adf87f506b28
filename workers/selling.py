"""One claimed sell, from the position it means to its first byte sent. No gate stands in its way."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from solders.pubkey import Pubkey

from audit import services as audit
from trading.domain.exits import ExitReason, amount_to_sell, ladder_fraction
from trading.domain.leaders import Following
from trading.domain.lifecycle import PositionStatus
from trading.domain.policy import Policy
from trading.domain.tips import exit_tip_lamports, price_tip
from trading.domain.values import TOKEN_2022_PROGRAM, WSOL_MINT, Action, Route
from trading.gateways.base import GatewayError, Unavailable
from trading.gateways.chain_facts import AccountData
from trading.gateways.transactions import Closing
from trading.metrics import Stage
from trading.models import Position
from trading.services.claims import Claim, retry_later, skip, wait_for
from trading.services.leaders import following
from trading.services.orders import SignedOrder, record_sell
from trading.services.portfolio import ToSell, position_to_sell
from trading.services.state import trading_state
from trading.services.steps import PositionBusy
from workers.desk import Desk
from workers.passage import Passage
from workers.sending import send

log = logging.getLogger("selling")
WAIT = timedelta(milliseconds=500)
"""Booking the trade that is waited for ends the waiting at once; this is for when nothing is booked."""
RETRY_DELAYS = (
    timedelta(milliseconds=500),
    timedelta(seconds=2),
    timedelta(seconds=2),
    timedelta(seconds=10),
)
HOPELESS_ATTEMPTS = 30
HOPELESS_DELAY = timedelta(minutes=2)
MAXIMUM_SLIPPAGE_BPS = 5_000
WITHHELD_FEES_TYPE = 2
TOKEN_ACCOUNT_LENGTH = 165


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holding:
    """What our token account really holds now."""

    amount_raw: int
    closing: Closing | None


async def sell(desk: Desk, claim: Claim, policy: Policy) -> None:
    """Sell what the signal asks for, or say why there is nothing to sell.

    A sell whose position is being sold or bought right now waits; one that cannot be built is tried
    again for as long as the position is open.
    """
    watch, request = Passage(claim, clock=desk.clock), claim.request
    found, state, follow = await desk.writer.read(
        lambda: (
            position_to_sell(
                leader_address=request.leader_address,
                mint=request.mint,
                position=claim.position,
                received_at=claim.received_at,
            ),
            trading_state(),
            # Only the leader's own sell asks how it is followed: an exit that names its position is owed.
            following(request.leader_address) if claim.position is None else Following(),
        )
    )
    position = found.position
    if position is None or position.status == PositionStatus.CLOSED:
        await _nothing_to_sell(desk, claim, found)
    elif claim.position is None and not follow.sells_with_leader(
        policy, strategy=position.strategy
    ):
        await _skip(desk, claim, "MIRROR_OFF", _why_not_followed(policy, position))
    elif position.status == PositionStatus.EXITING:
        await _wait(desk, claim, "POSITION_EXITING", "another sell of the position is under way")
    elif _is_tier_taken(claim, position):
        await _skip(desk, claim, "TIER_TAKEN", "this tier of the ladder is sold already")
    else:
        fraction = _fraction(claim, position, follow)
        await _sell_position(desk, claim, policy, position, state.route, fraction, watch)


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


async def _nothing_to_sell(desk: Desk, claim: Claim, found: ToSell) -> None:
    if found.is_buy_pending:
        await _wait(desk, claim, "BUY_PENDING", "the buy it would close is still on its way")
    elif found.position is not None:
        await _skip(desk, claim, "POSITION_CLOSED", "the position is closed already")
    else:
        await _skip(desk, claim, "NO_POSITION", "we hold nothing from this leader in this token")


async def _sell_position(
    desk: Desk,
    claim: Claim,
    policy: Policy,
    position: Position,
    route: Route,
    fraction: Decimal,
    watch: Passage,
) -> None:
    try:
        holding = await _holding(desk, position)
        watch.reached(Stage.FACTS)
        wanted = amount_to_sell(held_raw=position.held_raw, fraction=fraction)
        amount = min(wanted, holding.amount_raw)
        if amount == 0:
            await _missing(desk, claim, policy, position)
            return
        order = await _build(desk, claim, policy, position, route, holding, amount, watch)
    except GatewayError as error:
        await _retry(desk, claim, policy, "BUILD_FAILED", str(error))
        return
    watch.reached(Stage.SIGNED)
    try:
        submission = await desk.writer.run(
            lambda: record_sell(
                claim,
                order,
                position=position.pk,
                exit_generation=position.exit_generation,
                now=desk.clock(),
            )
        )
    except PositionBusy:
        await _wait(desk, claim, "POSITION_EXITING", "another sell of the position came first")
        return
    await send(desk, submission, order, watch=watch)


async def _build(
    desk: Desk,
    claim: Claim,
    policy: Policy,
    position: Position,
    route: Route,
    holding: _Holding,
    amount_raw: int,
    watch: Passage,
) -> SignedOrder:
    quote = await desk.gateways.jupiter.quote(
        input_mint=position.mint,
        output_mint=WSOL_MINT,
        amount_raw=amount_raw,
        slippage_bps=_slippage_bps(policy, claim.dead_submissions),
    )
    paid = desk.choose_tip(
        route=route, lamports=_tip(desk, policy, quote.out_amount_raw, claim.dead_submissions)
    )
    # Anybody may send us dust and make the closing fail, so only the first try risks it.
    is_last = amount_raw == holding.amount_raw and not claim.dead_submissions
    signed, last_valid = await desk.build_swap(
        quote,
        tip=paid,
        variant=claim.variant,
        closing=holding.closing if is_last else None,
    )
    return SignedOrder(
        action=Action.SELL,
        route=Route.JITO if paid else Route.STANDARD,
        signature=signed.signature,
        bundle_id=desk.gateways.block_engine.bundle_id([signed.signature]) if paid else "",
        wire=signed.wire,
        last_valid_block_height=last_valid,
        tip_lamports=paid.lamports if paid else 0,
        in_amount_raw=amount_raw,
        quoted_out_raw=quote.out_amount_raw,
        minimum_out_raw=quote.minimum_out_raw,
        waited_microseconds=watch.waited_microseconds,
    )


def _slippage_bps(policy: Policy, dead_submissions: int) -> int:
    """The policy's tolerance for exits, doubled with every transaction that died: getting out matters
    more than the price. What could not even be built costs nothing and doubles nothing.
    """
    return min(policy.exit_slippage_bps << min(dead_submissions, 8), MAXIMUM_SLIPPAGE_BPS)


def _tip(desk: Desk, policy: Policy, proceeds_lamports: int, dead_submissions: int) -> int:
    price = price_tip(
        policy=policy,
        percentile=policy.exit_tip_percentile,
        market=desk.conditions.tip_floor,
        own_landed=desk.conditions.landed_tips,
        attempt=dead_submissions + 1,
    )
    return exit_tip_lamports(price, proceeds_lamports=proceeds_lamports, policy=policy)


async def _holding(desk: Desk, position: Position) -> _Holding:
    account = await desk.gateways.rpc.account(position.token_account)
    if account is None:
        return _Holding(amount_raw=0, closing=None)
    if len(account.data) < TOKEN_ACCOUNT_LENGTH:
        raise Unavailable("our token account is not a token account")
    return _Holding(
        amount_raw=int.from_bytes(account.data[64:72], "little"),
        closing=Closing(
            account=Pubkey.from_string(position.token_account),
            program=Pubkey.from_string(account.owner),
            withheld_of=Pubkey.from_string(position.mint) if _may_withhold(account) else None,
        ),
    )


def _may_withhold(account: AccountData) -> bool:
    """Whether transfer fees are withheld in a Token-2022 account (extension 2), as our own buy leaves them.

    Even with nothing withheld now: somebody's dust may bring a fee before the closing lands.
    """
    if account.owner != TOKEN_2022_PROGRAM:
        return False
    extensions = account.data[TOKEN_ACCOUNT_LENGTH + 1 :]
    offset = 0
    while offset + 4 <= len(extensions):
        kind = int.from_bytes(extensions[offset : offset + 2], "little")
        if kind == WITHHELD_FEES_TYPE:
            return True
        offset += 4 + int.from_bytes(extensions[offset + 2 : offset + 4], "little")
    return False


async def _missing(desk: Desk, claim: Claim, policy: Policy, position: Position) -> None:
    """The books say that we hold tokens and the chain says that we do not: a person has to look."""
    text = f"{position.symbol}: the books hold {position.held_raw} raw, our account holds none"
    await desk.writer.run(
        lambda: audit.open_incident(
            key=f"holding:{position.pk}",
            title=f"{position.symbol} is gone from our wallet",
            detail=text,
            now=desk.clock(),
        )
    )
    await _retry(desk, claim, policy, "NOT_HELD", text)


async def _retry(desk: Desk, claim: Claim, policy: Policy, code: str, text: str) -> None:
    log.warning("%s: %s: %s", claim.request.symbol, code, text)
    delay = RETRY_DELAYS[min(claim.attempt, len(RETRY_DELAYS)) - 1]
    if claim.attempt > HOPELESS_ATTEMPTS:
        delay = HOPELESS_DELAY
    await desk.writer.run(
        lambda: retry_later(
            claim,
            code=code,
            text=text,
            delay=delay,
            maximum_attempts=policy.maximum_attempts,
            now=desk.clock(),
        )
    )


async def _wait(desk: Desk, claim: Claim, code: str, text: str) -> None:
    await desk.writer.run(
        lambda: wait_for(claim, code=code, text=text, delay=WAIT, now=desk.clock())
    )


async def _skip(desk: Desk, claim: Claim, code: str, text: str) -> None:
    await desk.writer.run(lambda: skip(claim, code=code, text=text, now=desk.clock()))
