"""Every open position is priced and judged, whatever is silent; exits come in by the common door."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from audit.models import Incident
from tests.cluster import Sandbox
from tests.platform import SOL, Platform, until
from trading.domain.lifecycle import PositionStatus
from trading.domain.policy import SHIELD_DEFAULTS
from trading.models import EquityPoint, Position, Signal
from trading.writer import StorageUnavailable


@pytest.fixture
def mint(sandbox: Sandbox) -> str:
    return next(str(each["mint"]) for each in sandbox.tokens("major") if each["symbol"] == "WIF")


class Market:
    """Moves one token's price and puts it back."""

    def __init__(self, sandbox: Sandbox, mint: str) -> None:
        self._sandbox, self._mint, self._moved = sandbox, mint, 1.0

    def move(self, factor: float) -> None:
        self._sandbox.control("POST", f"market/{self._mint}/price", {"factor": factor})
        self._moved *= factor


@pytest.fixture
def market(sandbox: Sandbox, mint: str) -> Iterator[Market]:
    opened = Market(sandbox, mint)
    yield opened
    sandbox.clear()
    opened.move(1 / opened._moved)


def silence_prices(platform: Platform) -> None:
    """Both sources answer that they know of no price."""
    platform.sandbox.fault(plane="jupiter", method="price", kind="no_route")
    platform.sandbox.fault(plane="dexscreener", kind="no_route")


async def exits(platform: Platform) -> list[Signal]:
    return await platform.see(lambda: list(Signal.objects.filter(priority=0)))


async def sold(platform: Platform, position: Position) -> Position:
    assert await platform.work(is_exit=True)
    await platform.settle()
    return await platform.position(position)


async def test_a_price_is_seen_and_kept(platform: Platform, mint: str, market: Market) -> None:
    position = await platform.bought(mint)
    market.move(1.1)
    assert await platform.watcher.step() == 0
    seen = await platform.position(position)
    assert seen.last_price_sol == seen.peak_price_sol
    assert Decimal("1.05") < seen.last_price_sol / position.entry_price_sol < Decimal("1.12")
    market.move(0.97)
    await platform.watcher.step()
    later = await platform.position(position)
    assert later.last_price_sol < later.peak_price_sol == seen.peak_price_sol
    assert later.priced_at > seen.priced_at


async def test_a_price_that_falls_to_the_stop_sells_everything_once(
    platform: Platform, mint: str, market: Market
) -> None:
    position = await platform.bought(mint)
    market.move(0.85)
    assert await platform.watcher.step() == 1
    assert await platform.watcher.step() == 0, "the same exit is asked for once"
    closed = await sold(platform, position)
    assert (closed.status, closed.exit_reason) == (PositionStatus.CLOSED, "HARD_STOP")
    assert await platform.held_raw(mint) == 0
    assert await platform.watcher.step() == 0


async def test_each_tier_of_the_ladder_sells_its_third_once(
    platform: Platform, mint: str, market: Market
) -> None:
    position = await platform.bought(mint)
    market.move(1.3)
    assert await platform.watcher.step() == 1
    third = await sold(platform, position)
    assert (third.status, third.tiers_taken) == (PositionStatus.ACTIVE, 1)
    assert abs(third.held_raw - position.bought_raw * 2 // 3) <= 1
    assert await platform.watcher.step() == 0
    market.move(1.2)
    assert await platform.watcher.step() == 1
    second = await sold(platform, position)
    assert second.tiers_taken == 2
    assert abs(second.held_raw - position.bought_raw * 4 // 9) <= 2
    assert second.held_raw == await platform.held_raw(mint)


async def test_a_price_that_comes_back_from_its_peak_sells_the_rest(
    platform: Platform, mint: str, market: Market
) -> None:
    position = await platform.bought(mint)
    market.move(1.3)
    await platform.watcher.step()
    await sold(platform, position)
    market.move(0.88)
    assert await platform.watcher.step() == 1
    closed = await sold(platform, position)
    assert (closed.status, closed.exit_reason) == (PositionStatus.CLOSED, "TRAILING_STOP")


async def test_a_day_later_the_position_is_sold_whatever_its_price(
    platform: Platform, mint: str
) -> None:
    position = await platform.bought(mint)
    platform.clock.advance(days=1, hours=2)
    assert await platform.watcher.step() == 1
    await platform.desk.conditions.refresh_once()
    closed = await sold(platform, position)
    assert (closed.status, closed.exit_reason) == (PositionStatus.CLOSED, "TIME_LIMIT")


async def test_a_restarted_watcher_remembers_peak_and_tiers(
    platform: Platform, mint: str, market: Market
) -> None:
    """Every look in these tests is a new watcher's: all that it knows is in the rows."""
    position = await platform.bought(mint)
    market.move(1.3)
    await platform.watcher.step()
    await sold(platform, position)
    market.move(0.99)
    assert await platform.watcher.step() == 0
    assert len(await exits(platform)) == 1


async def test_a_position_that_is_being_sold_is_priced_but_not_judged(
    platform: Platform, mint: str, market: Market
) -> None:
    position = await platform.bought(mint)
    await platform.see(lambda: Position.objects.update(status=PositionStatus.EXITING))
    market.move(0.5)
    assert await platform.watcher.step() == 0
    assert (await platform.position(position)).last_price_sol < position.entry_price_sol


async def test_without_a_price_the_position_is_priced_by_what_it_would_bring(
    platform: Platform, mint: str, market: Market
) -> None:
    position = await platform.bought(mint)
    market.move(0.8)
    silence_prices(platform)
    assert await platform.watcher.step() == 1
    assert (await platform.position(position)).last_price_sol < position.entry_price_sol
    assert (await exits(platform))[0].exit_reason == "HARD_STOP"


async def test_a_silence_of_prices_is_an_incident_and_ends_with_it(
    platform: Platform, mint: str, market: Market
) -> None:
    await platform.bought(mint)
    platform.sandbox.fault(plane="jupiter", kind="http_error")
    platform.sandbox.fault(plane="dexscreener", kind="http_error")
    platform.clock.advance(seconds=80)
    await platform.watcher.step()
    assert not await platform.see(Incident.objects.exists)
    platform.clock.advance(seconds=15)
    for _ in range(2):
        await platform.watcher.step()
    incident = await platform.see(Incident.objects.get)
    assert (incident.title, incident.times_seen) == ("No price for TOKEN", 2)
    platform.sandbox.clear()
    await platform.watcher.step()
    incident = await platform.see(Incident.objects.get)
    assert incident.resolved_at is not None


@pytest.mark.parametrize("by_quotes", [False, True])
async def test_a_price_that_is_back_has_what_could_not_be_sold_tried_at_once(
    platform: Platform, mint: str, market: Market, by_quotes: bool
) -> None:
    position = await platform.bought(mint)
    platform.sandbox.fault(plane="jupiter", kind="http_error")
    platform.sandbox.fault(plane="dexscreener", kind="http_error")
    uuid = await platform.sell_signal(mint)
    await platform.see(lambda: Signal.objects.filter(pk=uuid).update(attempts=20))
    platform.clock.hold()
    await platform.work(is_exit=True)
    platform.clock.advance(seconds=7)
    await platform.watcher.step()
    assert not await platform.work(is_exit=True), "it waits for ten seconds"
    platform.sandbox.clear()
    if by_quotes:
        silence_prices(platform)
    await platform.watcher.step()
    assert (await sold(platform, position)).status == PositionStatus.CLOSED


async def test_a_price_that_only_quotes_tell_is_an_incident_after_a_while_whoever_watches(
    platform: Platform, mint: str, market: Market
) -> None:
    position = await platform.bought(mint)
    silence_prices(platform)
    for seconds, is_told in ((1, False), (80, False), (15, True)):
        platform.clock.advance(seconds=seconds)
        assert await platform.watcher.step() == 0
        assert await platform.see(Incident.objects.exists) is is_told
        assert (await platform.position(position)).priced_at > position.priced_at
    incident = await platform.see(Incident.objects.get)
    assert "marked from sell quotes" in incident.detail
    platform.sandbox.clear()
    await platform.watcher.step()
    assert (await platform.see(Incident.objects.get)).resolved_at is not None
    assert (await platform.position(position)).quoted_since is None


async def test_a_quote_that_hangs_keeps_nobody_elses_stop_waiting(
    platform: Platform, mint: str, market: Market
) -> None:
    await platform.bought(mint)
    silence_prices(platform)
    platform.sandbox.fault(plane="jupiter", method="quote", kind="latency", seconds=1.2, count=1)
    watcher = platform.watcher
    market.move(0.8)
    assert await watcher.step() == 0, "the look is over before the answer is there"

    async def is_sold() -> bool:
        return await watcher.step() == 1

    await until(is_sold)
    assert (await exits(platform))[0].exit_reason == "HARD_STOP"


async def test_a_first_source_that_hangs_keeps_no_stop_waiting(
    platform: Platform, mint: str, market: Market
) -> None:
    """The second one tells the price meanwhile; what the first says at last is heard all the same."""
    position = await platform.bought(mint)
    watcher = platform.watcher
    finder = watcher._finder
    await watcher.step()
    platform.sandbox.fault(plane="jupiter", method="price", kind="latency", seconds=2.5, count=1)
    market.move(0.8)
    assert await watcher.step() == 1
    assert finder.is_asking, "the look is over before the answer is there"
    assert (await exits(platform))[0].exit_reason == "HARD_STOP"

    async def is_answered() -> bool:
        await watcher.step()
        return not finder.is_asking

    await until(is_answered)
    assert (await platform.position(position)).quoted_since is None


async def test_time_goes_on_without_a_price(platform: Platform, mint: str, market: Market) -> None:
    await platform.bought(mint)
    platform.sandbox.fault(plane="jupiter", kind="http_error")
    platform.sandbox.fault(plane="dexscreener", kind="http_error")
    platform.clock.advance(days=2)
    assert await platform.watcher.step() == 1
    assert (await exits(platform))[0].exit_reason == "TIME_LIMIT"


async def test_one_position_that_breaks_the_rules_blinds_nobody_to_the_others(
    platform: Platform, mint: str, market: Market
) -> None:
    other = next(
        str(each["mint"]) for each in platform.sandbox.tokens("major") if each["symbol"] == "JUP"
    )
    broken = await platform.bought(other)
    sound = await platform.bought(mint)
    await platform.see(
        lambda: Position.objects.filter(pk=broken.pk).update(entry_price_sol=Decimal(0))
    )
    market.move(0.8)
    assert await platform.watcher.step() == 1
    [due] = await exits(platform)
    assert due.position_id == sound.pk


async def test_storage_that_is_locked_is_a_line_in_the_log_and_judged_at_the_next_look(
    platform: Platform, mint: str, market: Market, caplog: pytest.LogCaptureFixture
) -> None:
    await platform.bought(mint)
    await platform.see(lambda: connection.settings_dict["OPTIONS"].update(timeout=0.05))
    market.move(0.8)
    with closing(sqlite3.connect(platform.database.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with suppress(StorageUnavailable):
            await platform.watcher.step()
    assert any("locked" in record.getMessage() for record in caplog.records)
    assert [record for record in caplog.records if record.exc_info] == []
    assert await platform.watcher.step() == 1


async def test_the_policy_in_force_decides(platform: Platform, mint: str, market: Market) -> None:
    await platform.bought(mint)
    await platform.policy(shield=replace(SHIELD_DEFAULTS, hard_stop_bps=5_000))
    market.move(0.8)
    assert await platform.watcher.step() == 0
    await platform.policy()
    assert await platform.watcher.step() == 1


async def test_the_curve_is_drawn_every_five_seconds(platform: Platform, mint: str) -> None:
    position = await platform.bought(mint)
    watcher = platform.watcher
    for _ in range(3):
        await watcher.step()
    assert await platform.see(EquityPoint.objects.count) == 1
    platform.clock.advance(seconds=5)
    await watcher.step()
    points = await platform.see(lambda: list(EquityPoint.objects.order_by("at")))
    assert len(points) == 2
    assert points[1].at - points[0].at >= timedelta(seconds=5)
    held = await platform.position(position)
    balance = await platform.desk.gateways.rpc.balance(platform.desk.address)
    point = points[1]
    assert point.balance_lamports == balance
    assert abs(point.positions_lamports - SOL // 4) < SOL // 50
    assert point.realised_pnl_lamports == held.realised_pnl_lamports


async def test_a_balance_that_hangs_keeps_no_stop_waiting(
    platform: Platform, mint: str, market: Market
) -> None:
    await platform.bought(mint)
    platform.sandbox.fault(plane="rpc", method="getBalance", kind="latency", seconds=2.5, count=1)
    watcher = platform.watcher
    assert await watcher.step() == 0
    assert not await platform.see(EquityPoint.objects.exists), "the look is over before the answer"
    market.move(0.8)
    assert await watcher.step() == 1
    assert (await exits(platform))[0].exit_reason == "HARD_STOP"

    async def is_recorded() -> bool:
        await watcher.step()
        return await platform.see(EquityPoint.objects.exists)

    await until(is_recorded)
