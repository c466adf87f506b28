"""What we hold is watched, and dollars are counted, by five different answers: none is taken for another."""

from decimal import Decimal
from typing import Any

import pytest

from audit.models import Incident
from tests.platform import Platform
from trading.domain.trips import Rule
from trading.domain.values import WSOL_MINT
from trading.models import PriceTick
from trading.services.state import trading_state
from workers.guard import Guard

SOL = {"usdPrice": 150.0, "decimals": 9}
FAILED = {"kind": "http_error", "status": 503}


@pytest.fixture
def mint(platform: Platform) -> str:
    listed = platform.sandbox.tokens("major")
    return next(str(each["mint"]) for each in listed if each["symbol"] == "WIF")


def jupiter_tells(platform: Platform, prices: dict[str, Any]) -> int:
    return platform.sandbox.fault(
        plane="jupiter", method="price", kind="http_error", status=200, data=prices
    )


async def watched(platform: Platform, mint: str) -> list[str]:
    await platform.bought(mint)
    watcher = platform.watcher
    platform.clock.advance(seconds=6)
    await watcher.step()
    return await platform.see(lambda: list(PriceTick.objects.values_list("source", flat=True)))


async def test_known_by_the_first_source(platform: Platform, mint: str) -> None:
    assert await watched(platform, mint) == ["jupiter"]


@pytest.mark.parametrize("fault", [{"kind": "no_route"}, FAILED], ids=["missing", "failed"])
async def test_missing_and_failed_go_on_to_the_second_source(
    platform: Platform, mint: str, fault: dict[str, Any]
) -> None:
    position = await platform.bought(mint)
    platform.sandbox.fault(plane="jupiter", method="price", **fault)
    watcher = platform.watcher
    platform.clock.advance(seconds=6)
    await watcher.step()
    [tick] = await platform.see(lambda: list(PriceTick.objects.all()))
    assert tick.source == "dexscreener"
    assert abs(tick.price_sol / position.entry_price_sol - 1) < Decimal("0.05")
    seen = await platform.position(position)
    assert seen.quoted_since is None, "a price that somebody tells is no quote"


async def test_a_price_of_zero_is_not_believed_and_a_quote_decides(
    platform: Platform, mint: str
) -> None:
    position = await platform.bought(mint)
    jupiter_tells(platform, {WSOL_MINT: SOL, mint: {"usdPrice": 0, "decimals": 6}})
    watcher = platform.watcher
    platform.clock.advance(seconds=6)
    assert await watcher.step() == 0, "a token told to be worth nothing is not sold for that alone"
    [tick] = await platform.see(lambda: list(PriceTick.objects.all()))
    assert tick.source == "quote"
    assert abs(tick.price_sol / position.entry_price_sol - 1) < Decimal("0.05")


async def test_a_stale_second_price_is_not_acted_on(platform: Platform, mint: str) -> None:
    position = await platform.bought(mint)
    platform.sandbox.fault(plane="jupiter", kind="http_error")
    watcher = platform.watcher
    await watcher.step()
    first = await platform.position(position)
    platform.sandbox.fault(plane="dexscreener", kind="http_error")
    platform.clock.advance(seconds=11)
    await watcher.step()
    assert (await platform.position(position)).priced_at == first.priced_at
    platform.clock.advance(seconds=90)
    await watcher.step()
    assert await platform.see(Incident.objects.filter(key=f"price:{position.pk}").exists)


@pytest.mark.parametrize(
    ("liquidity", "left"),
    [(0.0, 0), (None, None)],
    ids=["zero", "missing"],
)
async def test_an_empty_pool_is_a_drop_and_an_untold_one_is_none(
    platform: Platform, mint: str, liquidity: float | None, left: int | None
) -> None:
    position = await platform.bought(mint)
    price = float(position.entry_price_sol) * SOL["usdPrice"]
    entry = {"usdPrice": price, "decimals": 6, "liquidity": liquidity}
    jupiter_tells(platform, {WSOL_MINT: SOL, mint: entry})
    platform.sandbox.fault(plane="dexscreener", kind="no_route")
    watcher = platform.watcher
    exits = []
    for _ in range(3):
        platform.clock.advance(seconds=1)
        exits.append(await watcher.step())
    assert sum(exits) == (0 if left is None else 1)
    assert (await platform.position(position)).liquidity_left_bps == left


def guard_of(platform: Platform) -> Guard:
    return Guard(
        sources=platform.watcher.sources,
        writer=platform.desk.writer,
        clock=platform.clock,
        seen_price=lambda: None,
    )


@pytest.mark.parametrize(
    "prices", [{}, {WSOL_MINT: {**SOL, "usdPrice": 0}}], ids=["missing", "zero"]
)
async def test_a_price_of_sol_that_is_missing_or_zero_halts_where_none_was_ever_known(
    platform: Platform, prices: dict[str, Any]
) -> None:
    jupiter_tells(platform, prices)
    platform.sandbox.fault(plane="dexscreener", kind="no_route")
    await guard_of(platform).step()
    state = await platform.see(trading_state)
    assert [trip.rule for trip in state.trips] == [Rule.SOL_PRICE_UNKNOWN]


async def test_a_stale_price_of_sol_goes_on_counting_and_is_an_incident(platform: Platform) -> None:
    await guard_of(platform).step()
    for plane in ("jupiter", "dexscreener"):
        platform.sandbox.fault(plane=plane, kind="http_error")
    platform.clock.advance(minutes=6)
    await guard_of(platform).step()
    state = await platform.see(trading_state)
    assert state.trips == ()
    incident = await platform.see(lambda: Incident.objects.get(key="sol_price"))
    assert incident.resolved_at is None
    platform.sandbox.clear()
    await guard_of(platform).step()
    incident = await platform.see(lambda: Incident.objects.get(key="sol_price"))
    assert incident.resolved_at is not None
