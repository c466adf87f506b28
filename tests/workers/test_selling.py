"""A claimed sell: what it means, when it waits, how it closes a position; no gate stands in its way."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from audit.models import Incident
from tests.cluster import Sandbox
from tests.platform import SOL, Platform
from trading.domain.exits import ExitReason
from trading.domain.lifecycle import PositionStatus, SignalStatus, SubmissionStatus
from trading.domain.policy import Policy
from trading.domain.values import Action, Route
from trading.models import Fill, Position, Signal, Submission, Token, TradingState
from trading.services.control import halt_entries, request_exit, request_exit_of
from wallets import services as roster
from workers.selling import _slippage_bps


@pytest.fixture
def mint(sandbox: Sandbox) -> str:
    return next(str(each["mint"]) for each in sandbox.tokens("major") if each["symbol"] == "JUP")


async def _manual_exit(platform: Platform, position: Position) -> None:
    await platform.see(
        lambda: request_exit(position.pk, actor="ada", reason="enough", now=platform.clock())
    )


async def test_the_leaders_sell_closes_the_position_and_the_books_equal_the_chain(
    platform: Platform, mint: str
) -> None:
    began_with = await platform.desk.gateways.rpc.balance(platform.desk.address)
    position = await platform.bought(mint)
    uuid = await platform.sell_signal(mint)
    assert await platform.work(is_exit=True)
    await platform.settle()
    signal = await platform.row(uuid)
    assert (signal.status, signal.code) == (SignalStatus.COMPLETED, "SOLD")
    closed = await platform.position(position)
    assert (closed.status, closed.held_raw) == (PositionStatus.CLOSED, 0)
    assert closed.exit_reason == ExitReason.LEADER_SOLD
    assert closed.closed_at is not None
    assert await platform.held_raw(mint) == 0
    ends_with = await platform.desk.gateways.rpc.balance(platform.desk.address)
    assert closed.realised_pnl_lamports == ends_with - began_with
    assert closed.realised_pnl_lamports < 0, "two tips, two fees and the pool's fee"


async def test_a_full_exit_closes_the_token_account_and_brings_its_rent_back(
    platform: Platform, mint: str
) -> None:
    position = await platform.bought(mint)
    await platform.sell_signal(mint)
    await platform.work(is_exit=True)
    await platform.settle()
    bought, sold = await platform.see(lambda: list(Fill.objects.filter(position=position)))
    assert bought.rent_lamports > 0
    assert sold.rent_lamports == -bought.rent_lamports
    assert await platform.desk.gateways.rpc.account(position.token_account) is None


async def test_a_partial_sell_leaves_the_rest_and_its_cost(platform: Platform, mint: str) -> None:
    position = await platform.bought(mint)
    await platform.sell_signal(mint, fraction="0.25")
    await platform.work(is_exit=True)
    await platform.settle()
    left = await platform.position(position)
    assert left.status == PositionStatus.ACTIVE
    assert left.held_raw == position.bought_raw - position.bought_raw // 4
    assert left.held_raw == await platform.held_raw(mint)
    assert left.exit_generation == position.exit_generation + 1
    assert await platform.desk.gateways.rpc.account(position.token_account) is not None


async def test_a_sell_of_what_we_do_not_hold_is_skipped(platform: Platform, mint: str) -> None:
    uuid = await platform.sell_signal(mint)
    await platform.work(is_exit=True)
    signal = await platform.row(uuid)
    assert (signal.status, signal.code) == (SignalStatus.SKIPPED, "NO_POSITION")


async def test_a_sell_waits_for_the_buy_that_came_before_it(platform: Platform, mint: str) -> None:
    buy = await platform.signal(mint)
    sell = await platform.sell_signal(mint)
    await platform.work(is_exit=True)
    waiting = await platform.row(sell)
    assert (waiting.status, waiting.code, waiting.attempts) == (
        SignalStatus.QUEUED,
        "BUY_PENDING",
        0,
    )
    await platform.work()
    await platform.settle()
    platform.clock.advance(seconds=1)
    assert await platform.work(is_exit=True)
    await platform.settle()
    assert (await platform.row(buy)).status == SignalStatus.COMPLETED
    assert (await platform.row(sell)).status == SignalStatus.COMPLETED
    assert await platform.held_raw(mint) == 0


async def test_a_sell_whose_buy_was_denied_is_skipped_in_the_end(
    platform: Platform, mint: str
) -> None:
    await platform.see(lambda: TradingState.objects.update(entries_halted=True))
    await platform.signal(mint)
    sell = await platform.sell_signal(mint)
    await platform.work(is_exit=True)
    await platform.work()
    platform.clock.advance(seconds=1)
    await platform.work(is_exit=True)
    assert (await platform.row(sell)).code == "NO_POSITION"


async def test_a_sell_does_not_wait_for_a_buy_that_came_later(
    platform: Platform, mint: str
) -> None:
    sell = await platform.sell_signal(mint)
    platform.clock.advance(seconds=1)
    await platform.signal(mint)
    await platform.work(is_exit=True)
    assert (await platform.row(sell)).code == "NO_POSITION"


async def test_a_sell_waits_while_another_one_is_under_way(platform: Platform, mint: str) -> None:
    position = await platform.bought(mint)
    first = await platform.sell_signal(mint, fraction="0.5")
    await platform.work(is_exit=True)
    assert (await platform.position(position)).status == PositionStatus.EXITING
    second = await platform.sell_signal(mint)
    await platform.work(is_exit=True)
    waiting = await platform.row(second)
    assert (waiting.status, waiting.code) == (SignalStatus.QUEUED, "POSITION_EXITING")
    await platform.settle()
    platform.clock.advance(seconds=1)
    await platform.work(is_exit=True)
    await platform.settle()
    assert (await platform.row(first)).status == SignalStatus.COMPLETED
    assert (await platform.row(second)).status == SignalStatus.COMPLETED
    assert (await platform.position(position)).status == PositionStatus.CLOSED


async def test_two_sells_at_the_same_moment_sell_once(platform: Platform, mint: str) -> None:
    position = await platform.bought(mint)
    await platform.sell_signal(mint)
    await _manual_exit(platform, position)
    await asyncio.gather(platform.work(is_exit=True), platform.work(is_exit=True))
    live = await platform.see(
        Submission.objects.filter(action=Action.SELL, status=SubmissionStatus.IN_FLIGHT).count
    )
    assert live == 1
    for _ in range(4):
        await platform.settle()
        platform.clock.advance(seconds=6)
        await platform.work(is_exit=True)
    assert (await platform.position(position)).status == PositionStatus.CLOSED
    sells = await platform.see(
        Submission.objects.filter(action=Action.SELL, status=SubmissionStatus.LANDED).count
    )
    assert sells == 1


async def test_the_leaders_sell_is_not_followed_where_the_policy_says_so(
    platform: Platform, mint: str
) -> None:
    position = await platform.bought(mint)
    await platform.policy(mirror_exits=False)
    uuid = await platform.sell_signal(mint)
    await platform.work(is_exit=True)
    assert (await platform.row(uuid)).code == "MIRROR_OFF"
    await _manual_exit(platform, position)
    await platform.work(is_exit=True)
    await platform.settle()
    assert (await platform.position(position)).status == PositionStatus.CLOSED


async def test_no_gate_stops_a_sell(platform: Platform, mint: str) -> None:
    """Halted, the leader rejected and muted, the mint refused, the balance unknown, an hour late."""
    position = await platform.bought(mint)
    uuid = await platform.sell_signal(mint)
    now = platform.clock()

    def forbid_everything() -> None:
        halt_entries(actor="ada", reason="storm", now=now)
        roster.reject(platform.leader, actor="ada", reason="no", now=now)
        roster.mute(platform.leader, actor="ada", reason="no", now=now)
        Token.objects.create(mint=mint, symbol="JUP", refusal_code="FREEZE_AUTHORITY")

    await platform.see(forbid_everything)
    platform.clock.advance(hours=1)
    await platform.work(is_exit=True)
    await platform.settle()
    assert (await platform.row(uuid)).status == SignalStatus.COMPLETED
    assert (await platform.position(position)).status == PositionStatus.CLOSED


async def test_a_holding_that_is_gone_opens_an_incident_and_stays_owed(
    platform: Platform, mint: str
) -> None:
    position = await platform.bought(mint)
    await platform.see(
        lambda: Position.objects.filter(pk=position.pk).update(token_account=platform.leader)
    )
    uuid = await platform.sell_signal(mint)
    for _ in range(4):
        await platform.work(is_exit=True)
        platform.clock.advance(seconds=11)
    signal = await platform.row(uuid)
    assert (signal.status, signal.code) == (SignalStatus.RETRY, "NOT_HELD")
    incident = await platform.see(lambda: Incident.objects.get(key=f"holding:{position.pk}"))
    assert incident.times_seen == 4


async def test_an_exit_is_tried_for_as_long_as_it_takes(platform: Platform, mint: str) -> None:
    position = await platform.bought(mint)
    platform.sandbox.fault(plane="jupiter", method="swap-instructions", kind="http_error", count=6)
    uuid = await platform.sell_signal(mint)
    for _ in range(6):
        assert await platform.work(is_exit=True)
        assert (await platform.row(uuid)).status == SignalStatus.RETRY
        platform.clock.advance(seconds=11)
    await platform.work(is_exit=True)
    await platform.settle()
    assert (await platform.position(position)).status == PositionStatus.CLOSED


@pytest.mark.parametrize(
    ("method", "kind", "seconds"),
    [("quote", "no_route", 30), ("quote", "http_error", 10), ("swap-instructions", "garbage", 10)],
)
async def test_a_sell_that_failed_for_long_is_still_tried_soon(
    platform: Platform, mint: str, method: str, kind: str, seconds: int
) -> None:
    """What nobody takes half a minute later, what nobody answered after ten seconds, for ever."""
    await platform.bought(mint)
    platform.sandbox.fault(plane="jupiter", method=method, kind=kind)
    platform.clock.hold()
    uuid = await platform.sell_signal(mint)
    await platform.see(lambda: Signal.objects.filter(pk=uuid).update(attempts=500))
    await platform.work(is_exit=True)
    waiting = await platform.row(uuid)
    assert (waiting.status, waiting.code) == (SignalStatus.RETRY, "BUILD_FAILED")
    assert waiting.next_attempt_at - platform.clock() == timedelta(seconds=seconds)


async def test_a_sell_that_expired_frees_its_position_and_is_signed_anew(
    platform: Platform, mint: str
) -> None:
    position = await platform.bought(mint)
    platform.sandbox.fault(plane="jito", kind="bundle_drop")
    platform.sandbox.fault(plane="chain", kind="drop_tx")
    uuid = await platform.sell_signal(mint)
    await platform.work(is_exit=True)
    assert (await platform.position(position)).status == PositionStatus.EXITING
    platform.sandbox.advance(slots=200)
    await platform.settle()
    freed = await platform.position(position)
    assert (freed.status, freed.exiting_since) == (PositionStatus.ACTIVE, None)
    platform.sandbox.clear()
    platform.clock.advance(seconds=2)
    await platform.desk.conditions.refresh_once()
    await platform.work(is_exit=True)
    await platform.settle()
    assert (await platform.position(position)).status == PositionStatus.CLOSED
    first, second = await platform.submissions(uuid)
    assert (first.status, second.status) == (SubmissionStatus.EXPIRED, SubmissionStatus.LANDED)


async def test_an_exit_whose_bundle_is_dropped_leaves_by_the_nodes(
    platform: Platform, mint: str
) -> None:
    position = await platform.bought(mint)
    platform.sandbox.fault(plane="jito", kind="bundle_drop")
    await platform.sell_signal(mint)
    await platform.work(is_exit=True)
    platform.clock.advance(seconds=3)
    await platform.settle(steps=2)
    assert (await platform.position(position)).status == PositionStatus.CLOSED


async def test_an_exit_takes_the_global_route(platform: Platform, mint: str) -> None:
    position = await platform.bought(mint)
    await platform.see(lambda: TradingState.objects.update(route=Route.STANDARD))
    await platform.sell_signal(mint)
    await platform.work(is_exit=True)
    [sell] = await platform.see(
        lambda: list(Submission.objects.filter(position=position, action=Action.SELL))
    )
    assert (sell.route, sell.tip_lamports) == (Route.STANDARD, 0)


async def test_two_take_profits_asked_one_after_the_other_sell_no_tier_twice(
    platform: Platform, mint: str
) -> None:
    """The price passed the second tier while the sale of the first one was still waiting."""
    position = await platform.bought(mint)
    for fraction, tiers in (("0.333333333", 1), ("0.555555556", 2)):
        await platform.see(
            lambda fraction=fraction, tiers=tiers: request_exit_of(
                position,
                reason=ExitReason.TAKE_PROFIT,
                fraction=Decimal(fraction),
                source="exit_watcher",
                now=platform.clock(),
                tiers_taken=tiers,
            )
        )
    for _ in range(3):
        await platform.work(is_exit=True)
        await platform.settle()
        platform.clock.advance(seconds=1)
    after = await platform.position(position)
    assert after.tiers_taken == 2
    assert abs(after.held_raw - position.bought_raw * 4 // 9) < 10


async def test_a_take_profit_of_a_tier_that_is_taken_is_skipped(
    platform: Platform, mint: str
) -> None:
    position = await platform.bought(mint)
    receipt = await platform.see(
        lambda: request_exit_of(
            position,
            reason=ExitReason.TAKE_PROFIT,
            fraction=Decimal("0.333333333"),
            source="exit_watcher",
            now=platform.clock(),
            tiers_taken=1,
        )
    )
    await platform.see(lambda: Position.objects.update(tiers_taken=1))
    await platform.work(is_exit=True)
    signal = await platform.row(receipt.uuid)
    assert (signal.status, signal.code) == (SignalStatus.SKIPPED, "TIER_TAKEN")
    assert (await platform.position(position)).status == PositionStatus.ACTIVE


async def test_dust_that_somebody_sends_does_not_stop_the_exit(
    platform: Platform, mint: str
) -> None:
    """Our account holds more than the books: the account stays open, the position closes."""
    position = await platform.bought(mint)
    await platform.see(
        lambda: Position.objects.filter(pk=position.pk).update(
            held_raw=position.held_raw - 5, bought_raw=position.bought_raw - 5
        )
    )
    await platform.sell_signal(mint)
    await platform.work(is_exit=True)
    await platform.settle()
    assert (await platform.position(position)).status == PositionStatus.CLOSED
    assert await platform.held_raw(mint) == 5


def test_the_tolerance_of_an_exit_doubles_with_every_try_up_to_half() -> None:
    policy = Policy()
    taken = [_slippage_bps(policy, dead) for dead in (0, 1, 2, 3, 4, 50, 30_000)]
    assert taken == [500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000]


async def test_a_small_exit_tips_no_more_than_the_policys_share(
    platform: Platform, mint: str
) -> None:
    position = await platform.bought(mint, amount_lamports=SOL // 10)
    await platform.sell_signal(mint, fraction="0.01")
    await platform.work(is_exit=True)
    sell = await platform.see(lambda: Submission.objects.get(position=position, action=Action.SELL))
    assert 1_000 <= sell.tip_lamports <= sell.quoted_out_raw // 10
