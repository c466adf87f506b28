"""One claimed sell, from the position it means to its first byte sent. No gate stands in its way."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from solders.pubkey import Pubkey

from audit import services as audit
from trading.domain.exits import amount_to_sell
from trading.domain.policy import Policy
from trading.domain.tips import exit_tip_lamports, price_tip
from trading.domain.values import TOKEN_2022_PROGRAM, WSOL_MINT, Action
from trading.gateways.base import GatewayError, Refused, Unavailable
from trading.gateways.chain_facts import AccountData
from trading.gateways.transactions import Closing
from trading.metrics import Stage
from trading.models import Position
from trading.services.claims import HOPELESS_ATTEMPTS, Claim, retry_later
from trading.services.orders import SignedOrder, record_sell
from trading.services.plans import SellPlan, Work, plan_sell, put_back
from trading.services.portfolio import is_as_read
from trading.services.steps import PositionBusy
from workers.desk import Desk
from workers.passage import Passage
from workers.sending import send

log = logging.getLogger("selling")
RETRY_DELAYS = (
    timedelta(milliseconds=500),
    timedelta(seconds=2),
    timedelta(seconds=2),
    timedelta(seconds=10),
)
HOPELESS_DELAY = timedelta(seconds=30)
"""What nobody takes spends the allowance of everybody's exits with every try. The exit watcher has it
tried at once when a price is back; an outage is no such answer, and never waits for so long."""
MAXIMUM_SLIPPAGE_BPS = 5_000
WITHHELD_FEES_TYPE = 2
TOKEN_ACCOUNT_LENGTH = 165


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holding:
    """What our token account really holds now."""

    amount_raw: int
    closing: Closing | None


async def sell(desk: Desk, work: Work) -> None:
    """Sell what the signal asks for, by the plan it was claimed with.

    A sell that cannot be built is tried again for as long as the position is open.
    """
    claim, policy = work.claim, work.policy
    watch, plan = Passage(claim, clock=desk.clock), work.plan
    if not isinstance(plan, SellPlan):
        plan = await desk.writer.run(lambda: plan_sell(claim, policy, now=desk.clock()))
        if plan is None:
            return
    await _sell_position(desk, claim, policy, plan, watch)


async def _sell_position(
    desk: Desk, claim: Claim, policy: Policy, plan: SellPlan, watch: Passage
) -> None:
    position = plan.position
    try:
        holding = await _holding(desk, position)
        watch.reached(Stage.FACTS)
        wanted = amount_to_sell(held_raw=position.held_raw, fraction=plan.fraction)
        amount = min(wanted, holding.amount_raw)
        if amount == 0:
            await _missing(desk, claim, policy, position)
            return
        order = await _build(desk, claim, policy, plan, holding, amount, watch)
    except GatewayError as error:
        is_answer = isinstance(error, Refused)
        await _retry(desk, claim, policy, "BUILD_FAILED", str(error), is_answer=is_answer)
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
        text = "another sell of the position came first"
        await desk.writer.run(lambda: put_back(claim, text, now=desk.clock()))
        return
    await send(desk, submission, order, watch=watch)


async def _build(
    desk: Desk,
    claim: Claim,
    policy: Policy,
    plan: SellPlan,
    holding: _Holding,
    amount_raw: int,
    watch: Passage,
) -> SignedOrder:
    quote = await desk.gateways.jupiter.quote(
        input_mint=plan.position.mint,
        output_mint=WSOL_MINT,
        amount_raw=amount_raw,
        slippage_bps=_slippage_bps(policy, claim.dead_submissions),
    )
    paid = desk.choose_tip(
        route=plan.route, lamports=_tip(desk, policy, quote.out_amount_raw, claim.dead_submissions)
    )
    # Anybody may send us dust and make the closing fail, so only the first try risks it.
    is_last = amount_raw == holding.amount_raw and not claim.dead_submissions
    materials = await desk.materials(quote)
    return desk.sign_order(
        action=Action.SELL,
        quote=quote,
        materials=materials,
        tip=paid,
        variant=claim.variant,
        waited_microseconds=watch.waited_microseconds,
        closing=holding.closing if is_last else None,
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
    """The books say that we hold tokens and the chain says that we do not: a person has to look, unless
    another sell of ours came first.
    """
    text = f"{position.symbol}: the books hold {position.held_raw} raw, our account holds none"

    def tell() -> None:
        if is_as_read(position):
            audit.open_incident(
                key=f"holding:{position.pk}",
                title=f"{position.symbol} is gone from our wallet",
                detail=text,
                now=desk.clock(),
            )

    await desk.writer.run(tell)
    await _retry(desk, claim, policy, "NOT_HELD", text, is_answer=True)


async def _retry(
    desk: Desk, claim: Claim, policy: Policy, code: str, text: str, *, is_answer: bool
) -> None:
    """Try again soon; less often what has been answered with no, `is_answer`, for very long."""
    log.warning("%s: %s: %s", claim.request.symbol, code, text)
    delay = RETRY_DELAYS[min(claim.attempt, len(RETRY_DELAYS)) - 1]
    if is_answer and claim.attempt > HOPELESS_ATTEMPTS:
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
