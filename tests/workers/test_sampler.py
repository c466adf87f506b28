"""Markets of tokens that were seen are sampled, with whatever the source says; a failure is no sample."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.platform import Platform
from trading.models import LiquiditySample, PriceTick, SampledToken
from trading.services.breaker import SolPrice
from workers.sampler import Sampler


@pytest.fixture
def mint(platform: Platform) -> str:
    listed = platform.sandbox.tokens("major")
    return next(str(each["mint"]) for each in listed if each["symbol"] == "WIF")


def sampler_of(platform: Platform) -> Sampler:
    return Sampler(
        market_data=platform.desk.gateways.market_data,
        writer=platform.desk.writer,
        clock=platform.clock,
        seen_sol=lambda: SolPrice(usd=Decimal(150), at=platform.clock()),
    )


async def samples(platform: Platform) -> list[LiquiditySample]:
    return await platform.see(lambda: list(LiquiditySample.objects.order_by("at")))


async def test_a_token_that_a_signal_named_is_sampled_at_once_and_again_later(
    platform: Platform, mint: str
) -> None:
    await platform.signal(mint)
    assert await sampler_of(platform).step() == 1
    [sample] = await samples(platform)
    assert sample.liquidity_usd is not None
    assert sample.liquidity_usd > 1_000
    assert sample.price_sol is not None
    assert sample.token_created_at is not None
    assert (sample.volume_24h_usd is not None, sample.sol_price_usd) == (True, Decimal(150))
    assert await sampler_of(platform).step() == 0, "a restarted one goes on where it was"
    platform.clock.advance(minutes=5, seconds=1)
    assert await sampler_of(platform).step() == 1


async def test_a_token_without_any_pair_is_answered_for_and_not_invented(
    platform: Platform, mint: str
) -> None:
    await platform.signal(mint)
    platform.sandbox.fault(plane="dexscreener", kind="no_route")
    assert await sampler_of(platform).step() == 1
    [sample] = await samples(platform)
    assert (sample.liquidity_usd, sample.price_sol) == (None, None)


@pytest.mark.parametrize("kind", ["http_error", "garbage"])
async def test_a_failure_leaves_no_sample_and_is_tried_again(
    platform: Platform, mint: str, kind: str
) -> None:
    await platform.signal(mint)
    platform.sandbox.fault(plane="dexscreener", kind=kind)
    sampler = sampler_of(platform)
    assert await sampler.step() == 0
    assert await samples(platform) == []
    platform.sandbox.clear()
    assert await sampler.step() == 0, "not at once"
    platform.clock.advance(hours=1, seconds=1)
    assert await sampler.step() == 1


async def test_what_we_hold_stays_seen(platform: Platform, mint: str) -> None:
    await platform.bought(mint)
    platform.clock.advance(days=20)
    await sampler_of(platform).step()
    token = await platform.see(SampledToken.objects.get)
    assert token.due_at is not None
    assert token.due_at - platform.clock() < timedelta(minutes=6)


async def test_prices_of_what_we_hold_are_kept_where_they_moved_or_time_went_by(
    platform: Platform, mint: str
) -> None:
    await platform.bought(mint)
    watcher = platform.watcher
    platform.clock.hold()

    async def ticks() -> list[PriceTick]:
        return await platform.see(lambda: list(PriceTick.objects.order_by("at")))

    for _ in range(4):
        await watcher.step()
        platform.clock.advance(seconds=6)
    assert len(await ticks()) == 1, "a price that stays the same is one"
    platform.sandbox.fault(plane="jupiter", method="price", kind="http_error")
    for _ in range(3):
        platform.clock.advance(seconds=31)
        await watcher.step()
    kept = await ticks()
    assert [tick.source for tick in kept] == ["jupiter", *["dexscreener"] * (len(kept) - 1)]
    assert len(kept) >= 3
