"""Quotes, swap instructions and prices, from recorded replies and from broken ones."""

import json as standard_json
from decimal import Decimal
from pathlib import Path

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from tests.gateways.outside import Outside, json, raw
from tests.gateways.samples import BONK, INSTRUCTION, OWNER, SAMPLES, WSOL
from trading.gateways.base import InvalidReply, RateLimited, Refused, Unavailable
from trading.gateways.connect import Gateways
from trading.gateways.jupiter import NoRoute, Quote, read_quote

USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"


async def quote_like(gateways: Gateways, asked: dict) -> Quote:
    return await gateways.jupiter.quote(
        input_mint=asked["inputMint"],
        output_mint=asked["outputMint"],
        amount_raw=int(asked["inAmount"]),
        slippage_bps=asked["slippageBps"],
    )


@pytest.mark.parametrize(
    ("name", "impact", "slot"),
    [
        ("quote_So11_EPjF_11b3f47f", "0", 404115029),
        ("quote_So11_EPjF_f792adad", "0", None),
        ("quote_bonk_sol_430544450", "0.000999816107059216263738614", 430544450),
        ("quote_sol_bonk_430544450", "0", 430544450),
        ("quote_sol_bonk_430544451_paidhost", "0", 430544451),
        ("quote_sol_usdc_2hop_325226372", "0", 325226372),
    ],
)
async def test_a_recorded_quote_is_read_and_kept_whole(
    gateways: Gateways, outside: Outside, recorded: Path, name: str, impact: str, slot: int | None
) -> None:
    body = (recorded / "jupiter" / f"{name}.json").read_bytes()
    whole = standard_json.loads(body)
    outside.will(raw(body))
    quote = await quote_like(gateways, whole)
    assert quote.out_amount_raw == int(whole["outAmount"])
    assert quote.minimum_out_raw == int(whole["otherAmountThreshold"])
    assert (quote.price_impact, quote.context_slot) == (Decimal(impact), slot)
    assert quote.raw == whole


async def test_the_request_of_a_quote_names_everything(
    gateways: Gateways, outside: Outside
) -> None:
    outside.will(json(SAMPLES["quote"]))
    await quote_like(gateways, SAMPLES["quote"])
    assert outside.seen[0].path == "/jupiter/swap/v1/quote"
    assert outside.seen[0].query == {
        "inputMint": WSOL,
        "outputMint": BONK,
        "amount": "100000000",
        "slippageBps": "50",
        "swapMode": "ExactIn",
        "restrictIntermediateTokens": "true",
    }


async def test_a_recorded_exact_out_quote_is_not_what_was_asked(
    gateways: Gateways, outside: Outside, recorded: Path
) -> None:
    body = (recorded / "jupiter" / "quote_mSoL_EPjF_072c27d5.json").read_bytes()
    outside.will(raw(body))
    with pytest.raises(InvalidReply):
        await quote_like(gateways, standard_json.loads(body))


@pytest.mark.parametrize(
    "change",
    [
        {"inputMint": USDC},
        {"outputMint": USDC},
        {"inAmount": "99999999"},
        {"slippageBps": 5000},
        {"otherAmountThreshold": "181504770049"},
        {"priceImpactPct": "NaN"},
        {"priceImpactPct": None},
        {"outAmount": "-5"},
        {"outAmount": 5},
    ],
)
async def test_a_quote_for_something_else_is_an_invalid_reply(
    gateways: Gateways, outside: Outside, change: dict
) -> None:
    outside.will(json({**SAMPLES["quote"], **change}))
    with pytest.raises(InvalidReply):
        await quote_like(gateways, SAMPLES["quote"])


@pytest.mark.parametrize("status", [400, 200])
async def test_no_route_is_named_whatever_the_status(
    gateways: Gateways, outside: Outside, status: int
) -> None:
    body = {"error": "Could not find any route", "errorCode": "COULD_NOT_FIND_ANY_ROUTE"}
    outside.will(json(body, status=status))
    with pytest.raises(NoRoute) as caught:
        await quote_like(gateways, SAMPLES["quote"])
    assert caught.value.code == "COULD_NOT_FIND_ANY_ROUTE"
    assert caught.value.message == "Could not find any route"


EXPECTED = {
    401: Unavailable,
    403: Unavailable,
    429: RateLimited,
    400: Refused,
    None: Refused,
}


async def test_the_documented_errors_are_named(
    gateways: Gateways, outside: Outside, recorded: Path
) -> None:
    documented = standard_json.loads((recorded / "jupiter" / "errors_documented.json").read_text())
    for entry in documented:
        outside.will(json(entry["body"], status=entry["http_status"] or 200))
        with pytest.raises(EXPECTED[entry["http_status"]]):
            await gateways.jupiter.prices_usd([WSOL])


@pytest.mark.parametrize(("code", "named"), [(429, RateLimited), (401, Unavailable)])
async def test_an_error_code_inside_a_200_is_named(
    gateways: Gateways, outside: Outside, code: int, named: type[Exception]
) -> None:
    outside.will(json({"code": code, "message": "Too many requests"}))
    with pytest.raises(named):
        await quote_like(gateways, SAMPLES["quote"])


async def test_the_quote_goes_back_as_it_came(gateways: Gateways, outside: Outside) -> None:
    whole = {**SAMPLES["quote"], "unknownField": {"deep": [1, 2.5, None, "x"]}}
    outside.will(json(SAMPLES["swap_instructions"]))
    await gateways.jupiter.swap_instructions(read_quote(whole), owner=OWNER)
    sent = outside.seen[0].json
    assert sent["quoteResponse"] == whole
    assert (sent["userPublicKey"], sent["wrapAndUnwrapSol"]) == (OWNER, True)


async def test_swap_instructions_keep_their_order_and_flags(
    gateways: Gateways, outside: Outside
) -> None:
    outside.will(json({**SAMPLES["swap_instructions"], "cleanupInstruction": INSTRUCTION}))
    found = await gateways.jupiter.swap_instructions(read_quote(SAMPLES["quote"]), owner=OWNER)
    assert (len(found.compute_budget), len(found.setup), len(found.cleanup)) == (1, 1, 1)
    assert found.lookup_table_addresses == (BONK,)
    [meta] = found.swap.accounts
    assert (str(meta.pubkey), meta.is_signer, meta.is_writable) == (OWNER, True, True)
    assert bytes(found.swap.data) == b"\x09"


STRANGER = {
    **INSTRUCTION,
    "accounts": [
        {"pubkey": str(Keypair().pubkey()), "isSigner": True, "isWritable": False},
    ],
}


@pytest.mark.parametrize(
    "change",
    [
        {"swapInstruction": STRANGER},
        {"setupInstructions": [STRANGER]},
        {"cleanupInstruction": STRANGER},
        {"swapInstruction": None},
        {"setupInstructions": None},
        {"otherInstructions": [INSTRUCTION]},
        {"tokenLedgerInstruction": INSTRUCTION},
        {"swapInstruction": {**INSTRUCTION, "data": "not base64!"}},
        {"swapInstruction": {**INSTRUCTION, "programId": "x"}},
        {"addressLookupTableAddresses": ["x"]},
    ],
)
async def test_instructions_nobody_asked_for_are_an_invalid_reply(
    gateways: Gateways, outside: Outside, change: dict
) -> None:
    outside.will(json({**SAMPLES["swap_instructions"], **change}))
    with pytest.raises(InvalidReply):
        await gateways.jupiter.swap_instructions(read_quote(SAMPLES["quote"]), owner=OWNER)


@pytest.mark.parametrize(
    ("name", "usd", "liquidity"),
    [
        ("price_v3_89359b05", "156.50987592469423", None),
        ("price_v3_8ad285d3", "77.99", "621679197.67"),
        ("price_v3_e09c98ca", "147.48", "621679197.67"),
        ("price_v3_bonk_sol", "81.63299710462975", "681067859.2182974"),
    ],
)
async def test_a_recorded_price_is_exact_to_its_last_digit(
    gateways: Gateways,
    outside: Outside,
    recorded: Path,
    name: str,
    usd: str,
    liquidity: str | None,
) -> None:
    outside.will(raw((recorded / "jupiter" / f"{name}.json").read_bytes()))
    sol = (await gateways.jupiter.prices_usd([WSOL]))[WSOL]
    assert (sol.usd, sol.decimals) == (Decimal(usd), 9)
    assert sol.liquidity_usd == (None if liquidity is None else Decimal(liquidity))


async def test_a_mint_without_a_price_is_absent(gateways: Gateways, outside: Outside) -> None:
    outside.will(json({WSOL: SAMPLES["prices"][WSOL], BONK: None, USDC: {"decimals": 6}}))
    assert list(await gateways.jupiter.prices_usd([WSOL, BONK, USDC])) == [WSOL]


async def test_a_tiny_price_is_no_zero(gateways: Gateways, outside: Outside) -> None:
    outside.will(raw(b'{"%s": {"usdPrice": 4.492159735952627e-06, "decimals": 5}}' % BONK.encode()))
    price = (await gateways.jupiter.prices_usd([BONK]))[BONK]
    assert price.usd == Decimal("0.000004492159735952627")


async def test_many_mints_are_asked_fifty_at_a_time(gateways: Gateways, outside: Outside) -> None:
    mints = [str(Pubkey(number.to_bytes(32, "big"))) for number in range(120)]
    outside.will(json({}))
    assert await gateways.jupiter.prices_usd(mints) == {}
    asked = [seen.query["ids"].split(",") for seen in outside.seen]
    assert [len(part) for part in asked] == [50, 50, 20]
    assert [mint for part in asked for mint in part] == mints
