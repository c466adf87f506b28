"""Liquidity that leaves a pool sells what we hold of its token; what nobody tells, and one odd reading, do not."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.cluster import Sandbox, running
from tests.platform import Platform, open_platform, until
from trading.domain.lifecycle import PositionStatus
from trading.domain.policy import SHIELD_DEFAULTS
from trading.domain.values import WSOL_MINT as WSOL
from trading.models import Decision, Position, Signal
from workers.exit_watcher import ExitWatcher


@pytest.fixture(scope="module")
def thinning(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A sandbox of its own: what is taken out of its pools does not come back."""
    with running(tmp_path_factory.mktemp("thinning")) as started:
        started.control("POST", "market", {"running": False})
        yield started


@pytest.fixture
async def desk(thinning: Sandbox, database: Any, writer: Any) -> Any:
    thinning.clear()
    async with open_platform(thinning, database, writer) as opened:
        yield opened
    thinning.clear()


def mint_of(sandbox: Sandbox, symbol: str) -> str:
    return next(str(each["mint"]) for each in sandbox.tokens() if each["symbol"] == symbol)


def take_out(desk: Platform, mint: str, fraction: float) -> None:
    """The pool's admin takes both sides in their proportion, so that the price stays."""
    body = {"fraction": fraction, "balanced": True}
    desk.sandbox.control("POST", f"market/{mint}/withdraw", body)


async def look(desk: Platform, watcher: ExitWatcher | None = None) -> int:
    """A look one second after the last; a new watcher each time unless one is given."""
    desk.clock.advance(seconds=1)
    return await (watcher or desk.watcher).step()


async def exits(desk: Platform) -> list[Signal]:
    return await desk.see(lambda: list(Signal.objects.filter(priority=0)))


async def test_more_than_half_of_it_gone_sells_all_by_two_looks_of_any_watcher(
    desk: Platform,
) -> None:
    mint = mint_of(desk.sandbox, "WIF")
    position = await desk.bought(mint)
    decision = await desk.see(lambda: Decision.objects.get(is_order=True))
    assert str(position.entry_liquidity_usd)[:8] == decision.facts["liquidity_usd"][:8]
    assert position.entry_routable_usd is not None
    take_out(desk, mint, 0.45)
    assert [await look(desk) for _ in range(3)] == [0, 0, 0]
    take_out(desk, mint, 0.5)
    assert [await look(desk) for _ in range(3)] == [0, 1, 0]
    seen = await desk.position(position)
    assert seen.liquidity_left_bps is not None
    assert 2_500 < seen.liquidity_left_bps < 3_000
    assert abs(seen.last_price_sol / position.entry_price_sol - 1) < Decimal("0.05")
    assert await desk.work(is_exit=True)
    await desk.settle()
    closed = await desk.position(position)
    assert (closed.status, closed.exit_reason) == (PositionStatus.CLOSED, "LIQUIDITY_DROP")
    assert await desk.held_raw(mint) == 0


async def test_one_absurd_reading_of_the_price_source_sells_nothing(desk: Platform) -> None:
    mint = mint_of(desk.sandbox, "JUP")
    position = await desk.bought(mint)
    prices = await desk.desk.gateways.jupiter.prices_usd([mint])
    sol = (await desk.desk.gateways.jupiter.prices_usd([WSOL]))[WSOL]
    absurd = {
        mint: {"usdPrice": float(prices[mint].usd), "liquidity": 1.0, "decimals": 6},
        WSOL: {"usdPrice": float(sol.usd), "liquidity": 1.0, "decimals": 9},
    }
    desk.sandbox.fault(
        plane="jupiter", method="price", kind="http_error", status=200, data=absurd, count=1
    )
    assert await look(desk) == 0
    row = await desk.position(position)
    assert row.liquidity_low_since is not None
    assert await look(desk) == 0
    row = await desk.position(position)
    assert row.liquidity_low_since is None
    assert not await exits(desk)


async def test_where_the_price_source_says_nothing_the_pairs_are_asked_beside_the_looks(
    desk: Platform,
) -> None:
    mint = mint_of(desk.sandbox, "BONK")
    position = await desk.bought(mint)
    await desk.see(lambda: Position.objects.update(entry_routable_usd=None))
    take_out(desk, mint, 0.7)
    watcher = desk.watcher
    assert await look(desk, watcher) == 0
    await _answered(watcher)
    assert await look(desk, watcher) == 0
    assert await look(desk, watcher) == 0, "the same answer is one reading"
    assert [await look(desk, watcher) for _ in range(7)] == [0] * 7
    # Ten seconds after the first question the second one is due; its answer is a second reading.
    later = []
    for _ in range(3):
        later.append(await look(desk, watcher))
        await _answered(watcher)
    assert sum(later) == 1
    assert (await exits(desk))[0].position_id == position.pk


async def test_liquidity_that_nobody_tells_is_no_drop(desk: Platform) -> None:
    mint = mint_of(desk.sandbox, "MANGO")
    position = await desk.bought(mint)
    await desk.see(lambda: Position.objects.update(entry_routable_usd=None))
    take_out(desk, mint, 0.9)
    desk.sandbox.fault(plane="dexscreener", kind="http_error")
    watcher = desk.watcher
    for _ in range(25):
        assert await look(desk, watcher) == 0
        await _answered(watcher)
    assert (await desk.position(position)).liquidity_left_bps is None


async def test_the_policy_says_how_much_is_a_drop(desk: Platform) -> None:
    mint = mint_of(desk.sandbox, "PIXEL")
    await desk.bought(mint)
    await desk.policy(shield=replace(SHIELD_DEFAULTS, liquidity_drop_bps=10_000))
    take_out(desk, mint, 0.9)
    assert [await look(desk) for _ in range(3)] == [0, 0, 0]
    await desk.policy(shield=replace(SHIELD_DEFAULTS, liquidity_drop_bps=8_000))
    assert [await look(desk) for _ in range(2)] == [0, 1]


async def _answered(watcher: ExitWatcher) -> None:
    async def is_done() -> bool:
        return not watcher.depths.is_asking

    await asyncio.sleep(0)
    await until(is_done)
