"""The circuit breaker on a whole desk: trips at a close, sells losers, keeps winners, and never stops an exit."""

from datetime import timedelta
from decimal import Decimal

import pytest

from audit.models import Heartbeat
from tests.cluster import Sandbox
from tests.platform import SOL, Platform
from trading.domain.exits import ExitReason
from trading.domain.lifecycle import PositionStatus, SignalStatus
from trading.domain.policy import BreakerPolicy
from trading.domain.trips import Breaker, Closing, Phase, Rule, TradingMode, Trip, as_json
from trading.domain.values import Strategy
from trading.models import EquityPoint, Position, Signal, TradingState
from trading.services.breaker import evaluate_breaker
from trading.services.control import close_everything, resume_entries
from trading.services.state import TradingNow, trading_state
from workers.guard import Guard, rpc_weather
from workers.heartbeat import Heart


@pytest.fixture
def mint(sandbox: Sandbox) -> str:
    return _mint(sandbox, "JUP")


@pytest.fixture
def other_mint(sandbox: Sandbox) -> str:
    return _mint(sandbox, "WIF")


def _mint(sandbox: Sandbox, symbol: str) -> str:
    return next(str(each["mint"]) for each in sandbox.tokens("major") if each["symbol"] == symbol)


def guard_of(platform: Platform) -> Guard:
    watcher = platform.watcher
    return Guard(
        sources=watcher.sources,
        writer=platform.desk.writer,
        clock=platform.clock,
        seen_price=lambda: watcher.sol_price,
    )


async def state_of(platform: Platform) -> TradingNow:
    return await platform.see(trading_state)


async def fall(platform: Platform) -> None:
    """An hour ago trading had made ten SOL more than it has now."""
    an_hour_ago = platform.clock() - timedelta(hours=1)
    await platform.see(
        lambda: EquityPoint.objects.create(
            at=an_hour_ago,
            balance_lamports=30 * SOL,
            positions_lamports=0,
            outside_lamports=20 * SOL,
            realised_pnl_lamports=0,
        )
    )
    await guard_of(platform).step()


async def price(platform: Platform, mint: str, factor: float) -> None:
    platform.sandbox.control("POST", f"market/{mint}/price", {"factor": factor})


async def exits_of(platform: Platform, position: Position) -> list[Signal]:
    return await platform.see(lambda: list(Signal.objects.filter(position=position)))


async def sold(platform: Platform, position: Position) -> Position:
    """The position once the exit that is waiting has been worked on."""
    assert await platform.work(is_exit=True)
    await platform.settle()
    return await platform.position(position)


async def test_the_close_that_reaches_a_limit_stops_the_very_next_buy(
    platform: Platform, mint: str, other_mint: str
) -> None:
    await platform.policy(breaker=BreakerPolicy(maximum_consecutive_losses=1))
    await platform.bought(mint)
    await platform.sell_signal(mint)
    await platform.work(is_exit=True)
    await platform.settle()
    spear = await platform.signal(other_mint, strategy=Strategy.SPEAR)
    await platform.work()
    denied = await platform.row(spear)
    assert (denied.status, denied.code) == (SignalStatus.REJECTED, "SPEAR_PAUSED")
    assert "1 losing closes in a row (limit 1)" in denied.text
    shield = await platform.signal(other_mint)
    await platform.work()
    assert (await platform.row(shield)).code not in ("SPEAR_PAUSED", "ENTRIES_HALTED")


@pytest.mark.parametrize("rule", list(Rule))
async def test_no_rule_keeps_an_exit_from_being_sold(
    platform: Platform, mint: str, rule: Rule
) -> None:
    position = await platform.bought(mint)
    trip = Trip(
        rule=rule,
        phase=Phase.TRIPPED,
        tripped_at=platform.clock(),
        measured=Decimal(9),
        limit=Decimal(5),
    )
    stored = as_json(Breaker(trips=(trip,)))
    await platform.see(lambda: TradingState.objects.update(trips=stored))
    uuid = await platform.sell_signal(mint)
    assert (await sold(platform, position)).status == PositionStatus.CLOSED
    assert (await platform.row(uuid)).status == SignalStatus.COMPLETED


async def test_a_drawdown_sells_the_loser_and_keeps_the_winner(
    platform: Platform, mint: str, other_mint: str
) -> None:
    loser, winner = await platform.bought(mint), await platform.bought(other_mint)
    await price(platform, mint, 0.96)
    await price(platform, other_mint, 1.1)
    assert await platform.watcher.step() == 0, "no rule of their own is due"
    await fall(platform)
    assert (await state_of(platform)).mode is TradingMode.HALTED
    assert await platform.watcher.step() == 1
    closed = await sold(platform, loser)
    assert (closed.status, closed.exit_reason) == (PositionStatus.CLOSED, ExitReason.BREAKER)
    assert await exits_of(platform, winner) == []
    await price(platform, other_mint, 0.94)
    assert await platform.watcher.step() == 1, "the tightened stop"
    closed = await sold(platform, winner)
    assert (closed.status, closed.exit_reason) == (PositionStatus.CLOSED, ExitReason.TRAILING_STOP)
    assert closed.realised_pnl_lamports > 0 or closed.last_price_sol > closed.entry_price_sol


async def test_a_drawdown_is_measured_from_what_the_watcher_records(
    platform: Platform, mint: str
) -> None:
    policy = BreakerPolicy(maximum_drawdown_bps=50)
    await platform.policy(breaker=policy)
    watcher = platform.watcher
    await watcher.step()
    await guard_of(platform).step()
    assert (await state_of(platform)).mode is TradingMode.ACTIVE
    await platform.bought(mint, amount_lamports=SOL)
    platform.sandbox.fund(platform.desk.address, 5 * SOL)
    await price(platform, mint, 0.85)
    platform.clock.advance(seconds=6)
    await watcher.step()
    await guard_of(platform).step()
    trip = (await state_of(platform)).trips[0]
    assert trip.rule is Rule.DRAWDOWN
    assert 50 <= trip.measured < 90, "the deposit of 5 SOL hides no loss of 0.15 SOL out of 25"


async def test_closing_everything_sells_what_is_held_and_what_still_comes(
    platform: Platform, mint: str, other_mint: str
) -> None:
    held = await platform.bought(mint)
    await platform.signal(other_mint)
    assert await platform.work()
    asked = await platform.see(
        lambda: close_everything(actor="ada", reason="a storm", now=platform.clock())
    )
    assert asked == 1
    closed = await sold(platform, held)
    assert (closed.status, closed.exit_reason) == (PositionStatus.CLOSED, ExitReason.KILL_SWITCH)
    late = await platform.see(lambda: Position.objects.get(mint=other_mint))
    assert late.status == PositionStatus.ACTIVE, "its buy was on the way already"
    platform.restart()
    await platform.watcher.step()
    assert (await sold(platform, late)).status == PositionStatus.CLOSED
    buy = await platform.signal(mint)
    await platform.work()
    assert (await platform.row(buy)).code == "ENTRIES_HALTED"
    await platform.see(lambda: resume_entries(actor="ada", reason="calm", now=platform.clock()))
    state = await state_of(platform)
    assert (state.mode, state.closing) == (TradingMode.ACTIVE, Closing.NONE)


async def test_the_guard_asks_for_a_price_where_the_watcher_has_none(platform: Platform) -> None:
    await guard_of(platform).step()
    assert (await state_of(platform)).mode is TradingMode.ACTIVE
    stored = await platform.see(lambda: TradingState.objects.get().sol_price_usd)
    assert stored is not None
    assert 50 < stored < 500


async def test_where_nobody_ever_told_a_price_entries_halt_until_somebody_does(
    platform: Platform, mint: str
) -> None:
    for plane in ("jupiter", "dexscreener"):
        platform.sandbox.fault(plane=plane, kind="http_error", status=500)
    await guard_of(platform).step()
    state = await state_of(platform)
    assert [trip.rule for trip in state.trips] == [Rule.SOL_PRICE_UNKNOWN]
    platform.sandbox.clear()
    await guard_of(platform).step()
    assert (await state_of(platform)).mode is TradingMode.ACTIVE
    assert await platform.bought(mint)


async def test_an_rpc_that_fails_too_often_pauses_spear(platform: Platform, mint: str) -> None:
    rpc = platform.desk.gateways.rpc
    heart = Heart(
        "executor",
        writer=platform.desk.writer,
        clock=platform.clock,
        detail=lambda: {"rpc": rpc_weather(rpc, now=platform.clock())},
    )
    for _ in range(10):
        await rpc.slot("confirmed")
    await heart.beat()
    await guard_of(platform).step()
    assert not (await state_of(platform)).is_spear_paused
    platform.sandbox.fault(plane="rpc", kind="http_error", status=503, count=6)
    for _ in range(6):
        with pytest.raises(Exception, match="503"):
            await rpc.slot("confirmed")
    await heart.beat()
    await guard_of(platform).step()
    assert [trip.rule for trip in (await state_of(platform)).trips] == [Rule.RPC_ERRORS]
    spear = await platform.signal(mint, strategy=Strategy.SPEAR)
    await platform.work()
    assert (await platform.row(spear)).code == "SPEAR_PAUSED"


async def test_a_breaker_that_cannot_be_evaluated_does_not_keep_a_sale_from_being_booked(
    platform: Platform, mint: str
) -> None:
    position = await platform.bought(mint)

    def spoil() -> None:
        Heartbeat.objects.create(
            name="odd",
            host="here",
            pid=1,
            started_at=platform.clock(),
            beat_at=platform.clock(),
            detail={"rpc": "fine"},
        )

    await platform.see(spoil)
    await platform.sell_signal(mint)
    assert (await sold(platform, position)).status == PositionStatus.CLOSED
    with pytest.raises(TypeError):
        await platform.see(lambda: evaluate_breaker(now=platform.clock()))
