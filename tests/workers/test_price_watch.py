"""The price some seconds after each leader's swap is kept with it; a window that passed is a miss with its reason."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from tests import factories
from tests.platform import Platform
from trading.domain.market_readings import Failed, Known, Zero
from trading.models import LeaderLeg, LeaderTrade, PriceAfter
from trading.services.prices_after import prices_after
from workers.price_watch import PriceWatch

SECOND = timedelta(seconds=1)


@pytest.fixture
def mint(platform: Platform) -> str:
    listed = platform.sandbox.tokens("major")
    platform.clock.hold()
    return next(str(each["mint"]) for each in listed if each["symbol"] == "WIF")


def watch_of(platform: Platform) -> PriceWatch:
    return PriceWatch(
        sources=platform.watcher.sources, writer=platform.desk.writer, clock=platform.clock
    )


async def swapped(
    platform: Platform, mint: str, *, ago: float = 0, heard_ago: float = 0, has_time: bool = True
) -> str:
    """A leader's swap that somebody told of; its signature."""
    signature, now = factories.signature(), platform.clock()

    def store() -> None:
        trade = LeaderTrade.objects.create(
            leader_address=platform.leader,
            signature=signature,
            traded_at=now - ago * SECOND if has_time else None,
            first_heard_at=now - heard_ago * SECOND,
        )
        LeaderLeg.objects.create(
            trade=trade, action="BUY", mint=mint, amount_raw=1, decimals=5, code="X", decided_at=now
        )

    await platform.see(store)
    return signature


async def stored(platform: Platform) -> list[PriceAfter]:
    return await platform.see(lambda: list(PriceAfter.objects.order_by("swapped_at")))


async def test_a_price_is_taken_when_the_window_opens_and_only_once(
    platform: Platform, mint: str
) -> None:
    await swapped(platform, mint)
    watch = watch_of(platform)
    platform.clock.advance(seconds=3)
    assert await watch.step() == 0, "too early to say anything"
    platform.clock.advance(seconds=2)
    assert await watch.step() == 1
    [seen] = await stored(platform)
    assert (seen.after_milliseconds, seen.source, seen.missed) == (5_000, "jupiter", "")
    assert seen.price_sol is not None
    assert await watch_of(platform).step() == 0


async def test_two_tokens_of_one_swap_are_two_rows_and_one_question(
    platform: Platform, mint: str
) -> None:
    other = next(str(e["mint"]) for e in platform.sandbox.tokens("major") if e["symbol"] == "JUP")
    await swapped(platform, mint)
    trade = await platform.see(LeaderTrade.objects.get)
    await platform.see(
        lambda: LeaderLeg.objects.create(
            trade=trade,
            action="SELL",
            mint=other,
            amount_raw=1,
            decimals=6,
            code="X",
            decided_at=platform.clock(),
        )
    )
    platform.clock.advance(seconds=5)
    assert await watch_of(platform).step() == 2
    assert {row.mint for row in await stored(platform)} == {mint, other}


async def test_a_swap_that_only_a_signal_names_is_looked_at_too(
    platform: Platform, mint: str
) -> None:
    signature = factories.signature()
    await platform.signal(mint, source_signature=signature)
    await platform.see(
        lambda: LeaderTrade.objects.create(
            leader_address=platform.leader,
            signature=signature,
            traded_at=platform.clock() - 5 * SECOND,
            first_heard_at=platform.clock(),
        )
    )
    assert await watch_of(platform).step() == 1
    [seen] = await stored(platform)
    assert (seen.signature, seen.wallet, seen.mint) == (signature, platform.leader, mint)


async def test_the_second_source_tells_where_the_first_does_not(
    platform: Platform, mint: str
) -> None:
    await swapped(platform, mint, ago=5)
    platform.sandbox.fault(plane="jupiter", kind="http_error")
    assert await watch_of(platform).step() == 1
    [seen] = await stored(platform)
    assert seen.source == "dexscreener"


async def test_what_nobody_tells_in_time_is_missed_and_no_later_price_is_taken(
    platform: Platform, mint: str
) -> None:
    await swapped(platform, mint, ago=5)
    for plane in ("jupiter", "dexscreener"):
        platform.sandbox.fault(plane=plane, kind="http_error")
    watch = watch_of(platform)
    assert await watch.step() == 0
    platform.sandbox.clear()
    platform.clock.advance(seconds=11)
    assert await watch.step() == 1
    [seen] = await stored(platform)
    assert (seen.price_sol, seen.missed) == (None, "NOT_TOLD")


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ({"ago": 20, "heard_ago": 19}, "NOT_RUNNING"),
        ({"ago": 20, "heard_ago": 1}, "HEARD_LATE"),
        ({"heard_ago": 20, "has_time": False}, "NO_TIME"),
        ({"ago": 20 * 3600, "heard_ago": 20 * 3600 - 1}, "NOT_RUNNING"),
    ],
)
async def test_what_passed_unseen_is_a_miss_with_its_reason(
    platform: Platform, mint: str, times: dict[str, float], reason: str
) -> None:
    await swapped(platform, mint, **times)
    assert await watch_of(platform).step() == 1
    [seen] = await stored(platform)
    assert (seen.price_sol, seen.missed) == (None, reason)
    assert await watch_of(platform).step() == 0


async def test_a_time_that_is_learnt_within_the_window_is_used(
    platform: Platform, mint: str
) -> None:
    await swapped(platform, mint, has_time=False)
    watch = watch_of(platform)
    platform.clock.advance(seconds=5)
    assert await watch.step() == 0
    await platform.see(lambda: LeaderTrade.objects.update(traded_at=platform.clock() - 6 * SECOND))
    assert await watch.step() == 1
    [seen] = await stored(platform)
    assert seen.after_milliseconds == 6_000


async def test_scout_reads_price_zero_and_miss_as_three_answers(
    platform: Platform, mint: str
) -> None:
    start: datetime = platform.clock()
    signatures = [await swapped(platform, mint, ago=5) for _ in range(1)]
    await watch_of(platform).step()

    def more() -> None:
        for number, missed in enumerate(("WORTHLESS", "NOT_RUNNING"), start=1):
            PriceAfter.objects.create(
                signature=f"s{number}",
                wallet=platform.leader,
                mint=mint,
                swapped_at=start + number * SECOND,
                missed=missed,
            )

    await platform.see(more)
    read = await platform.see(
        lambda: prices_after(platform.leader, since=start - 60 * SECOND, until=start + 60 * SECOND)
    )
    assert [type(each.price_sol) for each in read] == [Known, Zero, Failed]
    assert (read[0].signature, read[0].after_seconds) == (signatures[0], Decimal(5))
    assert isinstance(read[2].price_sol, Failed)
    assert read[2].price_sol.text == "NOT_RUNNING"
