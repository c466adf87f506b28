"""Reads one landed transaction: what it changed for one wallet. Balances only, so every venue reads alike."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from trading.domain.values import WSOL_MINT


class TransactionUnreadable(ValueError):
    """The reply is not a transaction with balances of this wallet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceChange:
    """What a landed transaction did to one wallet; all lamports, signs as the wallet sees them.

    `native_lamports` is everything together. `sol_lamports` is the swap's own SOL leg: without network
    fee, tip, and rent, wrapped SOL included. `token_raw` is the change of the asked mint over all the
    wallet's accounts, `token_left_raw` what they hold of it afterwards (None: not
    known), `rent_lamports` what its token accounts locked (+) or gave back (-).
    `token_account` is the wallet's account of that mint, empty when the transaction touched none.
    `error` is the chain's own, empty for a transaction that succeeded.
    """

    native_lamports: int
    sol_lamports: int
    token_raw: int
    token_account: str
    decimals: int
    network_fee_lamports: int
    tip_lamports: int
    rent_lamports: int
    error: str
    slot: int
    block_time: datetime | None
    token_left_raw: int | None = None


def read_balance_change(
    transaction: dict[str, Any], *, wallet: str, mint: str, tip_accounts: Collection[str]
) -> BalanceChange:
    """The change of `wallet` in a `getTransaction` result (encoding json).

    Identity: native = sol − fee − tip − rent, for a wallet that pays the fee. TransactionUnreadable when
    the shape is not a transaction's or the wallet is not in it.
    """
    try:
        return _read(transaction, wallet, mint, frozenset(tip_accounts))
    except (LookupError, TypeError, AttributeError, ValueError, OverflowError, OSError) as error:
        raise TransactionUnreadable(f"not a readable transaction: {error!r}") from error


def _read(
    transaction: dict[str, Any], wallet: str, mint: str, tip_accounts: frozenset[str]
) -> BalanceChange:
    meta = transaction["meta"]
    keys = _account_keys(transaction, meta)
    changes = dict(zip(keys, _differences(meta["preBalances"], meta["postBalances"]), strict=True))
    native = changes[wallet]
    fee = int(meta["fee"]) if keys[0] == wallet else 0
    tip = sum(changes[account] for account in tip_accounts if account in changes)
    tip = max(0, tip) if keys[0] == wallet else 0
    tokens = _token_changes(meta, keys, wallet)
    rent = sum(changes[account] for account, account_mint, _ in tokens if account_mint != WSOL_MINT)
    wrapped = sum(
        changes[account] for account, account_mint, _ in tokens if account_mint == WSOL_MINT
    )
    token_account, decimals = _token_account(meta, keys, wallet, mint)
    block_time = transaction.get("blockTime")
    return BalanceChange(
        native_lamports=native,
        sol_lamports=native + wrapped + fee + tip + rent,
        token_raw=sum(change for _, account_mint, change in tokens if account_mint == mint),
        token_account=token_account,
        decimals=decimals,
        network_fee_lamports=fee,
        tip_lamports=tip,
        rent_lamports=rent,
        error="" if meta["err"] is None else json.dumps(meta["err"]),
        slot=int(transaction["slot"]),
        block_time=None if block_time is None else datetime.fromtimestamp(int(block_time), UTC),
        token_left_raw=_token_left(meta, keys, wallet, mint),
    )


def _account_keys(transaction: dict[str, Any], meta: dict[str, Any]) -> list[str]:
    keys = list(transaction["transaction"]["message"]["accountKeys"])
    loaded = meta.get("loadedAddresses") or {}
    return [str(key) for key in keys + loaded.get("writable", []) + loaded.get("readonly", [])]


def _differences(before: list[int], after: list[int]) -> list[int]:
    return [int(new) - int(old) for old, new in zip(before, after, strict=True)]


def _token_changes(
    meta: dict[str, Any], keys: list[str], wallet: str
) -> list[tuple[str, str, int]]:
    """(token account, mint, raw change) for every token account the wallet owned before or after."""
    before = _owned_amounts(meta.get("preTokenBalances") or [], keys, wallet)
    after = _owned_amounts(meta.get("postTokenBalances") or [], keys, wallet)
    accounts = sorted(before.keys() | after.keys())
    return [
        (account, mint, after.get((account, mint), 0) - before.get((account, mint), 0))
        for account, mint in accounts
    ]


def _token_left(meta: dict[str, Any], keys: list[str], wallet: str, mint: str) -> int:
    """Over the accounts that the transaction touched; one that it closed holds nothing."""
    after = _owned_amounts(meta.get("postTokenBalances") or [], keys, wallet)
    return sum(amount for (_, account_mint), amount in after.items() if account_mint == mint)


def _token_account(
    meta: dict[str, Any], keys: list[str], wallet: str, mint: str
) -> tuple[str, int]:
    rows = (meta.get("postTokenBalances") or []) + (meta.get("preTokenBalances") or [])
    for row in rows:
        if row.get("owner") == wallet and row["mint"] == mint:
            return keys[int(row["accountIndex"])], int(row["uiTokenAmount"]["decimals"])
    return "", 0


def _owned_amounts(
    balances: list[dict[str, Any]], keys: list[str], wallet: str
) -> dict[tuple[str, str], int]:
    return {
        (keys[int(row["accountIndex"])], str(row["mint"])): int(row["uiTokenAmount"]["amount"])
        for row in balances
        if row.get("owner") == wallet
    }
