"""The parser on real transactions: our own of the sandbox, and recorded ones of mainnet where they are at hand."""

import json
from collections import defaultdict
from typing import Any

import pytest

from tests.cluster import REPOSITORY, Sandbox
from tests.platform import SOL, Platform
from trading.domain.replies import unwrap
from trading.domain.swaps import (
    Direction,
    Kind,
    ParsedTransaction,
    TransactionUnreadable,
    parse_swap,
)
from trading.domain.values import WSOL_MINT
from trading.gateways.jito import TIP_ACCOUNTS
from trading.money import Fill
from workers.agreement import WIDER_KINDS, compare_enhanced, compare_truth

MAINNET = REPOSITORY.parent / "shared" / "mainnet"
needs_records = pytest.mark.skipif(
    not (MAINNET / "truth.csv").is_file(),
    reason="the recorded mainnet transactions are not beside this checkout",
)
SOMEBODY = "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU"


@pytest.fixture
def mint(sandbox: Sandbox) -> str:
    return next(str(each["mint"]) for each in sandbox.tokens("major") if each["symbol"] == "BONK")


def read(transaction: dict[str, Any], wallet: str | None = None) -> ParsedTransaction:
    return parse_swap(transaction, wallet=wallet, tip_accounts=TIP_ACCOUNTS)


async def test_our_own_purchase_and_sale_are_read_to_the_lamport(
    platform: Platform, mint: str
) -> None:
    position = await platform.bought(mint)
    await platform.sell_signal(mint)
    await platform.work(is_exit=True)
    await platform.settle()
    bought, sold = (read(each) for each in await platform.landed())
    assert (bought.direction, bought.kind) == (Direction.BUY, Kind.SWAP)
    assert (bought.base_mint, bought.base_delta_raw) == (WSOL_MINT, -SOL // 4)
    assert (bought.token_mint, bought.token_delta_raw) == (mint, position.bought_raw)
    assert (bought.jito_tip_lamports, bought.network_fee_lamports) == (1_000_000, 8_000)
    assert (sold.direction, sold.token_delta_raw) == (Direction.SELL, -position.bought_raw)
    assert sold.rent_refunded_lamports == bought.rent_paid_lamports > 0
    booked = await platform.see(lambda: [each.sol_lamports for each in Fill.objects.order_by("pk")])
    assert [abs(each.base_delta_raw or 0) for each in (bought, sold)] == booked
    assert {each.other_out_lamports for each in (bought, sold)} == {0}


async def test_the_pool_traded_the_other_way(platform: Platform, mint: str) -> None:
    await platform.bought(mint)
    [landed] = await platform.landed()
    rows = landed["meta"]["postTokenBalances"]
    pool = next(row["owner"] for row in rows if row["owner"] != platform.desk.address)
    ours, theirs = read(landed), read(landed, pool)
    assert (theirs.direction, theirs.network_fee_lamports) == (Direction.SELL, 0)
    assert theirs.token_delta_raw == -(ours.token_delta_raw or 0)
    with pytest.raises(TransactionUnreadable, match="not in the transaction"):
        read(landed, SOMEBODY)


@needs_records
def test_every_recorded_transaction_agrees_with_its_truth() -> None:
    compared = [*compare_truth(MAINNET), *compare_enhanced(MAINNET)]
    certain = [each for each in compared if not each.is_ambiguous]
    assert len(certain) > 250
    assert [(each.signature, each.differences) for each in certain if not each.agrees] == []
    words = [each.labels["class"] for each in certain if "class" in each.labels]
    assert [(ours, theirs) for ours, theirs in words if WIDER_KINDS.get(theirs) != ours] == []
    readable = [each for each in compared if "read" not in each.differences]
    assert len(readable) == len(compared)


def _token_changes(transaction: dict[str, Any], owner: str) -> dict[str, int]:
    changes: dict[str, int] = defaultdict(int)
    for side, sign in (("preTokenBalances", -1), ("postTokenBalances", 1)):
        for row in transaction["meta"][side] or []:
            if row.get("owner") == owner and row["mint"] != WSOL_MINT:
                changes[row["mint"]] += sign * int(row["uiTokenAmount"]["amount"])
    return {mint: change for mint, change in changes.items() if change}


@needs_records
def test_the_legs_of_every_wallet_are_its_changes_of_balance() -> None:
    """For whoever owned something in a recorded transaction: pools, makers, keepers, bystanders."""
    count = 0
    for file in sorted((MAINNET / "raw").glob("*.json")):
        transaction = json.loads(file.read_bytes())
        rows = transaction["meta"]["postTokenBalances"] or []
        for owner in {row["owner"] for row in rows if row.get("owner")}:
            parsed, changes = read(transaction, owner), _token_changes(transaction, owner)
            legs = {leg.mint: leg.delta_raw for leg in parsed.legs if leg.mint != WSOL_MINT}
            assert legs.items() <= changes.items() if parsed.is_swap else legs == changes
            count += 1
    assert count > 500


@needs_records
def test_every_transaction_of_a_recorded_block_is_read() -> None:
    for file in sorted((MAINNET / "blocks").glob("*.json")):
        block = json.loads(file.read_bytes())
        for transaction in block.get("result", block)["transactions"]:
            assert not read(transaction).is_swap


def test_documents_are_unwrapped_to_single_transactions() -> None:
    one = {"meta": {}, "transaction": {}}
    assert unwrap(one) == [one]
    assert unwrap({"jsonrpc": "2.0", "id": 1, "result": one}) == [one]
    assert unwrap([one, {"result": one}]) == [one, one]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"jsonrpc": "2.0", "result": None}, "does not know"),
        ({"jsonrpc": "2.0", "error": {"code": -32015}}, "-32015"),
        ({"jsonrpc": "2.0", "result": [1]}, "not a transaction"),
        ([], "empty"),
        (7, "neither"),
    ],
)
def test_a_document_without_a_transaction_is_named(document: Any, reason: str) -> None:
    with pytest.raises(TransactionUnreadable, match=reason):
        unwrap(document)
