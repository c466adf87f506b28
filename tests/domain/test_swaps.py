"""What a landed transaction did to one wallet, read from real ones of the sandbox and recorded ones of mainnet."""

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cluster import REPOSITORY, Sandbox
from tests.platform import SOL, Platform
from trading.domain.swaps import BalanceChange, TransactionUnreadable, read_balance_change
from trading.domain.values import Route
from trading.gateways.jito import TIP_ACCOUNTS
from trading.models import TradingState

RAW = REPOSITORY.parent / "shared" / "mainnet" / "raw"
RECORDED = sorted(RAW.glob("*.json")) if RAW.is_dir() else []
SOMEBODY = "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU"


@pytest.fixture
def mint(sandbox: Sandbox) -> str:
    return next(str(each["mint"]) for each in sandbox.tokens("major") if each["symbol"] == "BONK")


def read(transaction: dict[str, Any], platform: Platform, mint: str) -> BalanceChange:
    return read_balance_change(
        transaction, wallet=platform.desk.address, mint=mint, tip_accounts=TIP_ACCOUNTS
    )


def holds(change: BalanceChange) -> bool:
    """The identity of every transaction whose fee the wallet paid."""
    paid = change.network_fee_lamports + change.tip_lamports + change.rent_lamports
    return change.native_lamports == change.sol_lamports - paid


async def test_a_buy_paid_its_price_fee_tip_and_the_rent_of_a_new_account(
    platform: Platform, mint: str
) -> None:
    position = await platform.bought(mint)
    [landed] = await platform.landed()
    change = read(landed, platform, mint)
    assert holds(change)
    assert change.sol_lamports == -SOL // 4
    assert change.tip_lamports == 1_000_000
    assert change.network_fee_lamports == landed["meta"]["fee"] == 8_000
    assert change.rent_lamports > 0
    assert change.token_raw == change.token_left_raw == await platform.held_raw(mint) > 0
    assert change.decimals == 5
    assert change.token_account == position.token_account
    assert change.error == ""
    assert change.slot == landed["slot"]
    assert change.block_time is not None
    assert change.block_time.timestamp() == landed["blockTime"]


async def test_a_sale_that_closes_its_account_brings_rent_that_is_no_proceeds(
    platform: Platform, mint: str
) -> None:
    position = await platform.bought(mint)
    await platform.sell_signal(mint)
    await platform.work(is_exit=True)
    await platform.settle()
    bought, sold = (read(each, platform, mint) for each in await platform.landed())
    assert holds(sold)
    assert sold.rent_lamports == -bought.rent_lamports
    assert sold.token_raw == -position.bought_raw
    assert sold.token_left_raw == 0
    assert 0 < sold.sol_lamports < -bought.sol_lamports
    assert sold.token_account == position.token_account


async def test_a_partial_sale_moves_no_rent(platform: Platform, mint: str) -> None:
    await platform.bought(mint)
    await platform.sell_signal(mint, fraction="0.5")
    await platform.work(is_exit=True)
    await platform.settle()
    sold = read((await platform.landed())[-1], platform, mint)
    assert holds(sold)
    assert sold.rent_lamports == 0
    assert sold.token_raw < 0 < sold.sol_lamports
    assert sold.token_left_raw == await platform.held_raw(mint)


async def test_a_transaction_without_a_tip_has_none(platform: Platform, mint: str) -> None:
    await platform.see(lambda: TradingState.objects.update(route=Route.STANDARD))
    await platform.bought(mint)
    change = read((await platform.landed())[-1], platform, mint)
    assert holds(change)
    assert change.tip_lamports == 0


async def test_a_failed_transaction_cost_its_fee_and_nothing_else(
    platform: Platform, mint: str
) -> None:
    await platform.see(lambda: TradingState.objects.update(route=Route.STANDARD))
    platform.sandbox.fault(plane="chain", kind="drop_tx", count=1)
    await platform.signal(mint)
    await platform.work()
    platform.sandbox.control("POST", f"market/{mint}/price", {"factor": 1.3})
    try:
        platform.clock.advance(seconds=3)
        await platform.settle()
    finally:
        platform.sandbox.control("POST", f"market/{mint}/price", {"factor": 1 / 1.3})
    change = read((await platform.landed())[-1], platform, mint)
    assert holds(change)
    assert "6001" in change.error
    assert change.native_lamports == -change.network_fee_lamports
    assert (change.sol_lamports, change.token_raw, change.rent_lamports) == (0, 0, 0)


async def test_the_other_side_of_a_swap_paid_neither_our_fee_nor_our_tip(
    platform: Platform, mint: str
) -> None:
    await platform.bought(mint)
    [landed] = await platform.landed()
    ours = read(landed, platform, mint)
    rows = landed["meta"]["postTokenBalances"]
    pool = next(row["owner"] for row in rows if row["owner"] != platform.desk.address)
    theirs = read_balance_change(landed, wallet=pool, mint=mint, tip_accounts=TIP_ACCOUNTS)
    assert theirs.token_raw == -ours.token_raw
    assert theirs.sol_lamports == -ours.sol_lamports
    assert (theirs.network_fee_lamports, theirs.tip_lamports) == (0, 0)


async def test_a_wallet_that_is_not_in_it_is_named(platform: Platform, mint: str) -> None:
    await platform.bought(mint)
    [landed] = await platform.landed()
    with pytest.raises(TransactionUnreadable):
        read_balance_change(landed, wallet=SOMEBODY, mint=mint, tip_accounts=TIP_ACCOUNTS)


def _keys(transaction: dict[str, Any]) -> list[str]:
    keys = transaction["transaction"]["message"]["accountKeys"]
    return [key if isinstance(key, str) else key["pubkey"] for key in keys]


def _wallets(transaction: dict[str, Any]) -> set[str]:
    owners = {row.get("owner") for row in transaction["meta"]["postTokenBalances"] or []}
    return set(_keys(transaction)[:3]) | {owner for owner in owners if owner}


@pytest.mark.skipif(
    not RECORDED, reason="the recorded mainnet replies are not beside this checkout"
)
def test_every_recorded_transaction_is_read_or_named() -> None:
    """Of every kind there is: v0, v1, votes, failed ones, parsed ones; whoever pays keeps the identity."""
    read_count = 0
    for file in RECORDED:
        transaction = json.loads(file.read_text())
        [payer, *_] = _keys(transaction)
        for wallet in _wallets(transaction):
            try:
                change = read_balance_change(
                    transaction, wallet=wallet, mint=SOMEBODY, tip_accounts=TIP_ACCOUNTS
                )
            except TransactionUnreadable:
                continue
            read_count += 1
            assert change.token_raw == 0
            assert change.network_fee_lamports == (
                transaction["meta"]["fee"] if wallet == payer else 0
            )
    assert read_count > len(RECORDED) // 2


SAMPLE: dict[str, Any] = {
    "slot": 5,
    "blockTime": 1_790_000_000,
    "transaction": {"message": {"accountKeys": ["us", "ata", "tip"]}},
    "meta": {
        "err": None,
        "fee": 5_000,
        "preBalances": [10**9, 0, 7],
        "postBalances": [8 * 10**8, 2_039_280, 1_007],
        "preTokenBalances": [],
        "postTokenBalances": [
            {
                "accountIndex": 1,
                "mint": "mint",
                "owner": "us",
                "uiTokenAmount": {"amount": "77", "decimals": 6},
            }
        ],
        "loadedAddresses": {"writable": [], "readonly": []},
    },
}


def sample(transaction: dict[str, Any]) -> BalanceChange:
    return read_balance_change(transaction, wallet="us", mint="mint", tip_accounts=["tip"])


def test_the_sample_is_read() -> None:
    change = sample(SAMPLE)
    assert (change.token_raw, change.decimals, change.tip_lamports) == (77, 6, 1_000)
    assert change.sol_lamports == -200_000_000 + 5_000 + 1_000 + 2_039_280


def test_a_reply_of_an_old_node_without_optional_parts_is_read() -> None:
    bare = deepcopy(SAMPLE)
    bare["blockTime"] = None
    for part in ("loadedAddresses", "preTokenBalances", "postTokenBalances"):
        del bare["meta"][part]
    change = sample(bare)
    assert (change.token_raw, change.token_account, change.block_time) == (0, "", None)


def _paths(value: Any, path: tuple = ()) -> list[tuple]:
    found = [path] if path else []
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        found += _paths(inner, (*path, key))
    return found


junk = st.sampled_from([None, "", "x", -1, 10**40, 1.5, True, [], {}, [None], {"a": 1}])


@given(st.lists(st.tuples(st.sampled_from(_paths(SAMPLE)), junk), min_size=1, max_size=3))
def test_whatever_is_wrong_in_a_reply_is_named(changes: list[tuple[tuple, Any]]) -> None:
    broken = deepcopy(SAMPLE)
    for path, value in changes:
        owner: Any = broken
        try:
            for key in path[:-1]:
                owner = owner[key]
            owner[path[-1]] = value
        except (KeyError, TypeError, IndexError):
            continue
    try:
        change = sample(broken)
    except TransactionUnreadable:
        return
    assert isinstance(change.native_lamports, int)
