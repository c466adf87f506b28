"""A claimed buy becomes one landed transaction and a position whose numbers are the chain's."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from tests import factories
from tests.cluster import Sandbox
from tests.platform import SOL, Platform
from trading.domain.decision import Order
from trading.domain.lifecycle import PositionStatus, SignalStatus, SubmissionStatus
from trading.domain.policy import Policy
from trading.domain.swaps import read_balance_change
from trading.domain.tips import price_tip
from trading.domain.values import WSOL_MINT, Action, Route, Strategy
from trading.gateways.jito import TIP_ACCOUNTS
from trading.models import Decision, Fill, Position, Submission, Token, TradingState
from workers.passage import Passage
from workers.purchase import Purchase

SIZE = SOL // 4


@pytest.fixture
def mint(sandbox: Sandbox) -> str:
    return next(str(each["mint"]) for each in sandbox.tokens("major") if each["symbol"] == "JUP")


async def test_a_buy_ends_completed_with_the_chains_own_numbers(
    platform: Platform, mint: str
) -> None:
    uuid = await platform.signal(mint)
    assert await platform.work()
    assert await platform.resolver.step() == 1

    signal = await platform.row(uuid)
    assert (signal.status, signal.code) == (SignalStatus.COMPLETED, "BOUGHT")
    assert signal.reserved_lamports == 0
    [submission] = await platform.submissions(uuid)
    assert submission.status == SubmissionStatus.LANDED
    [landed] = await platform.landed()
    assert landed["transaction"]["signatures"] == [submission.signature]
    change = read_balance_change(
        landed, wallet=platform.desk.address, mint=mint, tip_accounts=TIP_ACCOUNTS
    )
    position = await platform.see(lambda: Position.objects.get(signal=uuid))
    fill = await platform.see(lambda: Fill.objects.get(position=position))
    assert position.status == PositionStatus.ACTIVE
    assert position.held_raw == position.bought_raw == await platform.held_raw(mint)
    assert position.cost_lamports == SIZE == fill.sol_lamports
    assert (fill.network_fee_lamports, fill.tip_lamports, fill.rent_lamports) == (
        landed["meta"]["fee"],
        submission.tip_lamports,
        change.rent_lamports,
    )
    assert submission.balance_change_lamports == -(
        SIZE + fill.network_fee_lamports + fill.tip_lamports + fill.rent_lamports
    )
    assert position.realised_pnl_lamports == -(fill.network_fee_lamports + fill.tip_lamports)
    assert position.entry_price_sol == position.peak_price_sol == position.last_price_sol > 0


async def test_the_submission_was_stored_before_its_first_byte_left(
    platform: Platform, mint: str
) -> None:
    uuid = await platform.signal(mint)
    await platform.work()
    [submission] = await platform.submissions(uuid)
    assert submission.sent_at is not None
    assert submission.recorded_at <= submission.sent_at
    assert submission.waited_microseconds > 0
    assert submission.status == SubmissionStatus.IN_FLIGHT


async def test_a_denied_signal_never_reaches_the_gateway(platform: Platform, mint: str) -> None:
    stranger = "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU"
    uuid = await platform.signal(mint, leader_address=stranger)
    await platform.work()
    signal = await platform.row(uuid)
    assert (signal.status, signal.code) == (SignalStatus.REJECTED, "LEADER_UNKNOWN")
    assert await platform.submissions(uuid) == []
    assert await platform.landed() == []


async def test_a_decision_is_stored_with_its_gates_and_facts(platform: Platform, mint: str) -> None:
    uuid = await platform.signal(mint)
    await platform.work()
    decision = await platform.see(lambda: Decision.objects.get(signal=uuid))
    assert decision.is_order
    assert decision.size_lamports == SIZE
    assert decision.policy_revision == 1
    assert [gate["code"] for gate in decision.gates if not gate["is_passed"]] == []
    assert len(decision.gates) > 15
    assert Decimal(decision.facts["liquidity_usd"]) > 10_000
    assert decision.facts["tip_lamports"] == 1_000_000


async def test_the_size_is_cut_to_the_policys_maximum(platform: Platform, mint: str) -> None:
    await platform.policy(maximum_trade_lamports=SOL // 5)
    position = await platform.bought(mint, amount_lamports=50 * SOL)
    assert position.cost_lamports == SOL // 5


async def test_a_cap_below_what_was_quoted_is_quoted_again(platform: Platform, mint: str) -> None:
    await platform.policy(maximum_per_token_lamports=SOL // 5)
    position = await platform.bought(mint, amount_lamports=SOL // 2)
    assert position.cost_lamports == SOL // 5


async def test_a_route_that_is_changed_after_the_claim_is_the_one_that_is_gone(
    platform: Platform, mint: str
) -> None:
    """What was signed ahead, with a tip, is for another order than the one decided on."""
    platform.sandbox.fault(plane="jupiter", method="quote", kind="latency", seconds=0.3)
    uuid = await platform.signal(mint)
    work = asyncio.create_task(platform.work())
    while (await platform.row(uuid)).status != "EXECUTING":
        await asyncio.sleep(0.01)
    await platform.see(lambda: TradingState.objects.update(route=Route.STANDARD))
    assert await work
    [submission] = await platform.submissions(uuid)
    assert (submission.route, submission.tip_lamports) == (Route.STANDARD, 0)


@pytest.mark.parametrize(("factor", "status"), [(1.02, "EXECUTING"), (1.2, "RETRY")])
async def test_what_is_quoted_again_costs_no_more_than_the_decision_allowed(
    platform: Platform, mint: str, factor: float, status: str
) -> None:
    """A price that ran away between the two quotes is decided upon anew, gates and all."""
    uuid = await platform.signal(mint)
    claim = await platform.see(
        lambda: factories.claim_one(token="me", is_exit=False, now=platform.clock())
    )
    judged = await platform.desk.gateways.jupiter.quote(
        input_mint=WSOL_MINT, output_mint=mint, amount_raw=SOL // 4, slippage_bps=500
    )
    purchase = Purchase(
        desk=platform.desk,
        claim=claim,
        policy=replace(Policy(), slippage_bps=500),
        tip=price_tip(policy=Policy(), percentile=50, market=None),
        reachable=Route.STANDARD,
        watch=Passage(claim, clock=platform.clock),
    )
    platform.sandbox.control("POST", f"market/{mint}/price", {"factor": factor})
    try:
        order = Order(size_lamports=SOL // 5, route=Route.STANDARD, gates=())
        await purchase.build_and_send(order, judged)
    finally:
        platform.sandbox.control("POST", f"market/{mint}/price", {"factor": 1 / factor})
    assert (await platform.row(uuid)).status == status
    assert len(await platform.submissions(uuid)) == (status == "EXECUTING")


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("freeze_honeypot", "FREEZE_AUTHORITY"),
        ("mint_authority", "MINT_AUTHORITY"),
        ("concentrated", "HOLDER_CONCENTRATION"),
        ("transfer_fee", "TRANSFER_FEE"),
        ("permanent_delegate", "UNSAFE_EXTENSION"),
        ("transfer_hook", "UNSAFE_EXTENSION"),
        ("stable", "NOT_SPECULATIVE"),
    ],
)
async def test_a_trap_is_refused_and_the_door_remembers_it(
    platform: Platform, kind: str, code: str
) -> None:
    mint = str(platform.sandbox.tokens(kind)[0]["mint"])
    uuid = await platform.signal(mint)
    await platform.work()
    signal = await platform.row(uuid)
    assert (signal.status, signal.code) == (SignalStatus.REJECTED, code)
    token = await platform.see(lambda: Token.objects.get(mint=mint))
    assert token.refusal_code == code
    assert token.symbol == ""
    assert token.refused_until is not None
    assert token.refused_until > platform.clock()


async def test_a_pool_too_shallow_is_refused_but_not_remembered(platform: Platform) -> None:
    mint = str(platform.sandbox.tokens("thin")[0]["mint"])
    uuid = await platform.signal(mint)
    await platform.work()
    assert (await platform.row(uuid)).code == "LIQUIDITY_TOO_LOW"
    assert not await platform.see(Token.objects.exists)


async def test_an_address_without_a_mint_is_refused(platform: Platform) -> None:
    uuid = await platform.signal(platform.leader)
    await platform.work()
    assert (await platform.row(uuid)).code == "MINT_NOT_FOUND"


async def test_a_wallet_given_as_the_mint_is_not_a_mint(platform: Platform) -> None:
    uuid = await platform.signal(platform.desk.address)
    await platform.work()
    assert (await platform.row(uuid)).code == "NOT_A_MINT"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"plane": "jupiter", "kind": "no_route"}, "NO_PRICE_SOURCE"),
        ({"plane": "dexscreener", "kind": "no_route"}, "LIQUIDITY_UNKNOWN"),
        ({"plane": "dexscreener", "kind": "http_error", "status": 429}, "SAFETY_UNAVAILABLE"),
        ({"plane": "rpc", "method": "getAccountInfo", "kind": "garbage"}, "SAFETY_UNAVAILABLE"),
        ({"plane": "dexscreener", "kind": "timeout", "seconds": 9}, "SAFETY_UNAVAILABLE"),
    ],
)
async def test_a_fact_that_does_not_come_is_a_denial_with_its_own_code(
    platform: Platform, mint: str, fault: dict, code: str
) -> None:
    platform.sandbox.fault(**fault)
    uuid = await platform.signal(mint)
    await platform.work()
    signal = await platform.row(uuid)
    assert (signal.status, signal.code) == (SignalStatus.REJECTED, code)


async def test_a_source_that_fails_once_is_asked_again(platform: Platform, mint: str) -> None:
    for plane in ({"plane": "dexscreener"}, {"plane": "jupiter", "method": "quote"}):
        platform.sandbox.fault(**plane, kind="http_error", status=503, count=1)
    assert (await platform.bought(mint)).status == PositionStatus.ACTIVE


async def test_instructions_that_do_not_come_are_tried_again_later(
    platform: Platform, mint: str
) -> None:
    await platform.rehearse(mint)
    platform.sandbox.fault(plane="jupiter", method="swap-instructions", kind="http_error", count=2)
    uuid = await platform.signal(mint)
    await platform.work()
    waiting = await platform.row(uuid)
    assert (waiting.status, waiting.code) == (SignalStatus.RETRY, "BUILD_FAILED")
    assert waiting.reserved_lamports == 0
    assert not await platform.work(), "the pause is not over"
    platform.clock.advance(seconds=1)
    assert await platform.work()
    await platform.settle()
    assert (await platform.row(uuid)).status == SignalStatus.COMPLETED


async def test_a_buy_that_can_never_be_built_ends_as_a_dead_letter(
    platform: Platform, mint: str
) -> None:
    await platform.rehearse(mint)
    platform.sandbox.fault(plane="jupiter", method="swap-instructions", kind="http_error")
    uuid = await platform.signal(mint)
    for _ in range(3):
        assert await platform.work()
        platform.clock.advance(seconds=1)
    assert (await platform.row(uuid)).status == SignalStatus.DEAD_LETTER
    assert not await platform.work()


async def test_spear_is_refused_where_no_bundle_can_be_sent(platform: Platform, mint: str) -> None:
    await platform.see(lambda: TradingState.objects.update(route=Route.STANDARD))
    uuid = await platform.signal(mint, strategy=Strategy.SPEAR)
    await platform.work()
    assert (await platform.row(uuid)).code == "STRATEGY_NEEDS_BUNDLES"


async def test_shield_is_sent_by_the_nodes_and_without_a_tip_where_bundles_are_off(
    platform: Platform, mint: str
) -> None:
    await platform.see(lambda: TradingState.objects.update(route=Route.STANDARD))
    position = await platform.bought(mint)
    submission = await platform.see(lambda: Submission.objects.get(position=position))
    assert submission.route == Route.STANDARD
    assert submission.tip_lamports == 0
    assert submission.bundle_id == ""
    fill = await platform.see(lambda: Fill.objects.get(position=position))
    assert fill.tip_lamports == 0


async def test_two_buys_of_one_mint_at_once_are_one_purchase(platform: Platform, mint: str) -> None:
    first, second = await platform.signal(mint), await platform.signal(mint)
    assert await platform.work()
    assert await platform.work()
    await platform.settle(steps=2)
    states = {(await platform.row(uuid)).status for uuid in (first, second)}
    assert states == {SignalStatus.COMPLETED, SignalStatus.REJECTED}
    assert len(await platform.landed()) == 1


async def test_a_spear_buy_reads_as_spear_to_the_end(platform: Platform, mint: str) -> None:
    position = await platform.bought(mint, strategy=Strategy.SPEAR)
    assert position.strategy == Strategy.SPEAR
    submission = await platform.see(lambda: Submission.objects.get(position=position))
    assert (submission.route, submission.action) == (Route.JITO, Action.BUY)


async def test_the_tip_joins_the_market_with_our_own_landed_bundles_and_the_decision_says_so(
    platform: Platform, mint: str
) -> None:
    def land(tip_lamports: int, **fields: object) -> None:
        past = factories.make_signal(status=SignalStatus.COMPLETED, mint=factories.address())
        factories.make_submission(past, tip_lamports=tip_lamports, **fields)

    def history() -> None:
        for _ in range(12):
            land(5_000_001)
        land(9_000_000, status="FAILED")
        land(9_000_000, route=Route.STANDARD)
        land(0)

    await platform.see(history)
    await platform.desk.conditions.refresh_once()
    uuid = await platform.signal(mint, amount_lamports=SOL // 2)
    await platform.work()
    decision = await platform.see(lambda: Decision.objects.get(signal=uuid))
    told = decision.facts["tip"]
    assert (told["own_samples"], told["own_lamports"]) == (12, 5_000_001)
    assert told["market_lamports"] == platform.desk.conditions.tip_floor.p25_lamports
    mean = -(-(told["market_lamports"] + 5_000_001) // 2)
    assert told["lamports"] == min(max(mean, told["floor_lamports"]), told["ceiling_lamports"])
    [submission] = await platform.submissions(uuid)
    assert submission.tip_lamports == told["lamports"]
    [gate] = [each for each in decision.gates if each["code"] == "TIP_TOO_HIGH"]
    assert (gate["limit"], gate["is_passed"]) == ("0.050000000 SOL", True)
