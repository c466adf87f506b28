"""Prices by Jupiter, by DexScreener where it says nothing; who told it, and why nobody did, is in the reading."""

import json as standard_json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from solders.pubkey import Pubkey

from tests.gateways.conftest import endpoints
from tests.gateways.outside import Answer, Outside, Script, Seen, json, raw
from tests.gateways.samples import BONK, SAMPLES, WSOL
from trading.domain.market_readings import Failed, Known, Missing, Source, Zero
from trading.gateways.base import RateLimited
from trading.gateways.connect import Gateways, connect
from trading.gateways.prices import PriceSources
from trading.gateways.quota import Urgency, urgent

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
SOL_PRICE = {"usdPrice": 150, "decimals": 9}
BONK_PRICE = {"usdPrice": 0.003, "decimals": 5, "liquidity": 1000}
BROKEN = raw(b"", status=503)


def pair(base: str, *, against: str = WSOL, **fields: Any) -> dict[str, Any]:
    return {
        **SAMPLES["pairs"]["pairs"][0],
        "baseToken": {"address": base},
        "quoteToken": {"address": against},
        "liquidity": {"usd": 2000},
        **fields,
    }


def pairs(*found: dict[str, Any]) -> Script:
    return json({"schemaVersion": "1.0.0", "pairs": list(found) or None})


BONK_PAIR = pair(BONK, priceNative="0.00004", priceUsd="0.006")
SOL_PAIR = pair(WSOL, against=USDC, priceNative="160", priceUsd="160")


def hosts(*, jupiter: Script, dexscreener: Script) -> Script:
    def answer(seen: Seen) -> Answer:
        return (jupiter if "/price/v3" in seen.path else dexscreener)(seen)

    return answer


def sources(gateways: Gateways) -> PriceSources:
    return PriceSources(
        jupiter=gateways.jupiter, market_data=gateways.market_data, clock=lambda: AT
    )


async def test_the_first_source_alone_is_asked_when_it_tells_everything(
    gateways: Gateways, outside: Outside
) -> None:
    outside.will(json({WSOL: SOL_PRICE, BONK: BONK_PRICE}))
    prices = await sources(gateways).ask([BONK])
    assert prices.sol_usd == Known(value=Decimal(150), at=AT, source=Source.JUPITER)
    reading = prices.by_mint[BONK]
    assert isinstance(reading, Known)
    assert (reading.value.sol, reading.source) == (Decimal("0.00002"), Source.JUPITER)
    assert reading.value.liquidity_usd == Known(value=Decimal(1000), at=AT, source=Source.JUPITER)
    assert len(outside.seen) == 1


@pytest.mark.parametrize(
    "jupiter",
    [json({WSOL: SOL_PRICE}), BROKEN, raw(b"<html>"), json({BONK: BONK_PRICE})],
    ids=["missing", "failed", "garbage", "no price of SOL"],
)
async def test_what_the_first_does_not_tell_is_told_by_the_second_and_says_so(
    gateways: Gateways, outside: Outside, jupiter: Script
) -> None:
    outside.will(hosts(jupiter=jupiter, dexscreener=pairs(BONK_PAIR, SOL_PAIR)))
    prices = await sources(gateways).ask([BONK])
    reading = prices.by_mint[BONK]
    assert isinstance(reading, Known)
    assert (reading.value.sol, reading.source) == (Decimal("0.00004"), Source.DEXSCREENER)
    assert isinstance(prices.sol_usd, Known)


async def test_a_pair_in_dollars_is_divided_by_the_price_of_sol_whoever_told_it(
    gateways: Gateways, outside: Outside
) -> None:
    in_dollars = pair(BONK, against=USDC, priceNative="0.006", priceUsd="0.006")
    outside.will(hosts(jupiter=json({WSOL: SOL_PRICE}), dexscreener=pairs(in_dollars)))
    reading = (await sources(gateways).ask([BONK])).by_mint[BONK]
    assert isinstance(reading, Known)
    assert reading.value.sol == Decimal("0.00004")
    outside.will(hosts(jupiter=BROKEN, dexscreener=pairs(in_dollars)))
    reading = (await sources(gateways).ask([BONK])).by_mint[BONK]
    assert reading == Failed(text="dexscreener: a price in dollars, and none of SOL", at=AT)


@pytest.mark.parametrize(
    ("jupiter", "dexscreener", "kind"),
    [
        (json({WSOL: SOL_PRICE}), pairs(), Missing),
        (json({WSOL: SOL_PRICE}), BROKEN, Failed),
        (BROKEN, pairs(), Failed),
        (BROKEN, BROKEN, Failed),
        (json({WSOL: SOL_PRICE, BONK: {**BONK_PRICE, "usdPrice": 0}}), BROKEN, Zero),
        (json({WSOL: SOL_PRICE}), pairs({**BONK_PAIR, "priceNative": "0"}), Zero),
        (json({WSOL: SOL_PRICE}), pairs({**BONK_PAIR, "priceNative": "-1"}), Failed),
    ],
)
async def test_missing_zero_and_failed_stay_apart(
    gateways: Gateways, outside: Outside, jupiter: Script, dexscreener: Script, kind: type
) -> None:
    outside.will(hosts(jupiter=jupiter, dexscreener=dexscreener))
    assert isinstance((await sources(gateways).ask([BONK])).by_mint[BONK], kind)


@pytest.mark.parametrize(
    ("told", "kind"),
    [({"usd": 0}, Zero), (None, Missing), ({"usd": 5}, Known), ({"usd": -5}, Failed)],
)
async def test_the_liquidity_behind_a_price_has_a_reading_of_its_own(
    gateways: Gateways, outside: Outside, told: Any, kind: type
) -> None:
    told_pair = {**BONK_PAIR, "liquidity": told}
    outside.will(hosts(jupiter=json({WSOL: SOL_PRICE}), dexscreener=pairs(told_pair)))
    reading = (await sources(gateways).ask([BONK])).by_mint[BONK]
    assert isinstance(reading, Known)
    assert isinstance(reading.value.liquidity_usd, kind)


async def test_sol_alone_by_the_second_source(gateways: Gateways, outside: Outside) -> None:
    outside.will(hosts(jupiter=BROKEN, dexscreener=pairs(SOL_PAIR)))
    assert await sources(gateways).sol_usd() == Known(
        value=Decimal(160), at=AT, source=Source.DEXSCREENER
    )


async def test_a_recorded_pair_of_sol_tells_its_price(
    gateways: Gateways, outside: Outside, recorded: Path
) -> None:
    body = (recorded / "dexscreener" / "pairs_SOL_fdf973e5.json").read_bytes()
    outside.will(hosts(jupiter=BROKEN, dexscreener=raw(body)))
    reading = await sources(gateways).sol_usd()
    assert isinstance(reading, Known)
    assert reading.value == Decimal("84.18")


async def test_a_recorded_pair_tells_price_in_sol_volume_and_age(
    gateways: Gateways, outside: Outside, recorded: Path
) -> None:
    body = (recorded / "dexscreener" / "pairs_AICRYNODE.json").read_bytes()
    outside.will(raw(body))
    mint = standard_json.loads(body)["pairs"][0]["baseToken"]["address"]
    facts = await gateways.market_data.pair(mint)
    assert facts is not None
    assert (facts.price_sol, facts.volume_24h_usd) == (Decimal("0.00001366"), Decimal("1373385.12"))


def mints(count: int) -> list[str]:
    return [str(Pubkey(number.to_bytes(32, "big"))) for number in range(1, count + 1)]


def asked(seen: Seen) -> list[str]:
    return seen.path.rpartition("/")[2].split(",")


async def test_pairs_of_many_tokens_are_asked_thirty_at_a_time(
    gateways: Gateways, outside: Outside
) -> None:
    outside.will(pairs())
    found = await gateways.market_data.pairs(mints(65))
    assert [len(asked(seen)) for seen in outside.seen] == [30, 30, 5]
    assert found == dict.fromkeys(mints(65))


async def test_a_token_hidden_behind_anothers_many_pools_is_asked_for_again(
    gateways: Gateways, outside: Outside
) -> None:
    crowd, *others = mints(6)

    def answer(seen: Seen) -> Answer:
        every = [pair(mint, liquidity={"usd": 1}) for mint in asked(seen) if mint == crowd] * 40
        every += [pair(mint) for mint in asked(seen) if mint != crowd]
        return pairs(*every[:30])(seen)

    outside.will(answer)
    found = await gateways.market_data.pairs([crowd, *others])
    assert all(found[mint] is not None for mint in others)
    assert found[crowd] is not None
    assert len(outside.seen) <= 6


async def test_collecting_waits_behind_positions_and_a_limit_is_kept_by_everybody_but_exits(
    outside: Outside,
) -> None:
    outside.will(raw(b"", status=429, **{"Retry-After": "30"}), pairs())
    async with connect(endpoints(outside.url)) as gateways:
        for urgency in (Urgency.SAMPLE, Urgency.POSITION):
            with urgent(urgency), pytest.raises(RateLimited):
                await gateways.market_data.pair(BONK)
        assert len(outside.seen) == 1
        with urgent(Urgency.EXIT):
            assert await gateways.market_data.pair(BONK) is None
    assert max(Urgency) is Urgency.SAMPLE


async def test_the_share_of_calls_is_not_exceeded(outside: Outside) -> None:
    outside.will(pairs())
    limited = endpoints(outside.url, dexscreener_requests_per_second=0.05)
    async with connect(limited) as gateways:
        await gateways.market_data.pair(BONK)
        with pytest.raises(RateLimited):
            await gateways.market_data.pair(BONK)
    assert len(outside.seen) == 1
