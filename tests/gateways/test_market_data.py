"""What is known of a token's market: the deepest pair that nobody can make up; unknown is no zero."""

import json as standard_json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.gateways.outside import Outside, json, raw
from tests.gateways.samples import BONK, SAMPLES, WSOL
from trading.gateways.base import InvalidReply, RateLimited, Unavailable
from trading.gateways.connect import Gateways

PAIR = SAMPLES["pairs"]["pairs"][0]


def pairs(*changes: dict) -> dict:
    return {"schemaVersion": "1.0.0", "pairs": [{**PAIR, **change} for change in changes]}


@pytest.mark.parametrize(
    ("name", "mint", "pair", "liquidity", "price", "created"),
    [
        (
            "tokens_BONK",
            BONK,
            "6oFWm7KPLfxnwMb3z5xwBoXNSPP3JJyirAPqPSiVcnsp",
            "258546.03",
            "0.000004502",
            datetime(2024, 5, 10, 9, 44, 32, tzinfo=UTC),
        ),
        (
            "pairs_AICRYNODE",
            "PD11M8MB8qQUAiWzyEK4JwfS8rt7Set6av6a5JYpump",
            "6Y6ABmtWu1uxacwyNwWf7fHA7nsHa6krXhseJqU7VT88",
            "262150.24",
            "0.002364",
            datetime(2024, 10, 17, 7, 38, 31, tzinfo=UTC),
        ),
    ],
)
async def test_a_recorded_reply_gives_the_deepest_trusted_pair(
    gateways: Gateways,
    outside: Outside,
    recorded: Path,
    name: str,
    mint: str,
    pair: str,
    liquidity: str,
    price: str,
    created: datetime,
) -> None:
    outside.will(raw((recorded / "dexscreener" / f"{name}.json").read_bytes()))
    facts = await gateways.market_data.pair(mint)
    assert facts is not None
    assert (facts.pair_address, facts.liquidity_usd) == (pair, Decimal(liquidity))
    assert (facts.price_usd, facts.created_at) == (Decimal(price), created)


async def test_a_recorded_pair_against_another_token_is_not_believed(
    gateways: Gateways, outside: Outside, recorded: Path
) -> None:
    body = (recorded / "dexscreener" / "tokens_BONK.json").read_bytes()
    deepest = max(standard_json.loads(body)["pairs"], key=lambda entry: entry["liquidity"]["usd"])
    assert deepest["quoteToken"]["symbol"] == "MET"
    outside.will(raw(body))
    facts = await gateways.market_data.pair(BONK)
    assert facts is not None
    assert facts.pair_address != deepest["pairAddress"]


async def test_the_mint_is_asked_for(gateways: Gateways, outside: Outside) -> None:
    outside.will(json(SAMPLES["pairs"]))
    await gateways.market_data.pair(BONK)
    assert outside.seen[0].path == f"/dexscreener/latest/dex/tokens/{BONK}"


@pytest.mark.parametrize(
    "reply",
    [
        {"schemaVersion": "1.0.0", "pairs": None},
        {"schemaVersion": "1.0.0", "pairs": []},
        {"schemaVersion": "1.0.0"},
        pairs({"chainId": "ethereum"}),
        pairs({"baseToken": PAIR["quoteToken"], "quoteToken": PAIR["baseToken"]}),
        pairs({"baseToken": {"address": WSOL}}),
        pairs({"quoteToken": {"address": BONK}}),
    ],
)
async def test_no_pair_known_is_none(gateways: Gateways, outside: Outside, reply: dict) -> None:
    outside.will(json(reply))
    assert await gateways.market_data.pair(BONK) is None


@pytest.mark.parametrize("liquidity", [None, {}, {"usd": None}])
async def test_untold_liquidity_is_unknown_and_not_zero(
    gateways: Gateways, outside: Outside, liquidity: object
) -> None:
    outside.will(json(pairs({"liquidity": liquidity})))
    facts = await gateways.market_data.pair(BONK)
    assert facts is not None
    assert facts.liquidity_usd is None


async def test_told_zero_liquidity_is_zero(gateways: Gateways, outside: Outside) -> None:
    outside.will(json(pairs({"liquidity": {"usd": 0}})))
    facts = await gateways.market_data.pair(BONK)
    assert facts is not None
    assert facts.liquidity_usd == 0


async def test_a_pair_with_known_liquidity_goes_before_an_unknown_one(
    gateways: Gateways, outside: Outside
) -> None:
    outside.will(json(pairs({"liquidity": None, "pairAddress": "a"}, {"pairAddress": "b"})))
    facts = await gateways.market_data.pair(BONK)
    assert facts is not None
    assert facts.pair_address == "b"


@pytest.mark.parametrize(
    "change",
    [{"priceUsd": "NaN"}, {"liquidity": {"usd": "Infinity"}}, {"pairCreatedAt": "yesterday"}],
)
async def test_a_field_of_the_wrong_kind_is_an_invalid_reply(
    gateways: Gateways, outside: Outside, change: dict
) -> None:
    outside.will(json(pairs(change)))
    with pytest.raises(InvalidReply):
        await gateways.market_data.pair(BONK)


@pytest.mark.parametrize(("status", "named"), [(429, RateLimited), (500, Unavailable)])
async def test_a_failure_is_never_taken_for_no_liquidity(
    gateways: Gateways, outside: Outside, status: int, named: type[Exception]
) -> None:
    outside.will(raw(b"<html>", status=status))
    with pytest.raises(named):
        await gateways.market_data.pair(BONK)


async def test_a_mint_cannot_lead_elsewhere(gateways: Gateways, outside: Outside) -> None:
    outside.will(json(pairs()))
    await gateways.market_data.pair("../../secret?x=1#y")
    assert outside.seen[0].path.startswith("/dexscreener/latest/dex/tokens/")
    assert outside.seen[0].query == {}
