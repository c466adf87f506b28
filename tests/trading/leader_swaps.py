"""Transactions of leaders, written down as a node or Helius tells them; no tests here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from solders.signature import Signature

from trading.domain.values import TOKEN_PROGRAM, WSOL_MINT
from workers.sandbox.base58 import encode

JUPITER = "JUP6LkbZbjS1jKKwapdHNy74zcZ3tLUZoi5QNyVTaV4"
POOL = "58oQChx4yWmvKdwLLZzBi4ChoCc2fqCUWBkwMihLYQo2"
FEE, RENT, RICH = 5_000, 2_039_280, 10**15
BONK_DECIMALS = 5
Changes = dict[str, int]
"""Raw changes by mint as the wallet sees them; SOL under the mint of wrapped SOL."""


def enhanced(
    wallet: str, changes: Changes, *, at: datetime, signature: str = "", **fields: Any
) -> dict[str, Any]:
    """Helius' form of a swap against a pool: what the wallet gets the pool loses."""
    lamports = changes.get(WSOL_MINT, 0)
    tokens = {mint: change for mint, change in changes.items() if mint != WSOL_MINT}
    data = [
        {
            "account": wallet,
            "nativeBalanceChange": lamports - FEE,
            "tokenBalanceChanges": [
                _change(wallet, mint, change) for mint, change in tokens.items()
            ],
        },
        {
            "account": POOL,
            "nativeBalanceChange": -lamports,
            "tokenBalanceChanges": [
                _change(POOL, mint, -change) for mint, change in tokens.items()
            ],
        },
    ]
    return {
        "signature": signature or str(Signature.new_unique()),
        "slot": 300_000_000,
        "timestamp": int(at.timestamp()),
        "type": "SWAP",
        "source": "JUPITER",
        "fee": FEE,
        "feePayer": wallet,
        "transactionError": None,
        "nativeTransfers": [],
        "tokenTransfers": [],
        "accountData": data,
        "events": {},
        **fields,
    }


def _change(owner: str, mint: str, change: int) -> dict[str, Any]:
    return {
        "userAccount": owner,
        "tokenAccount": account_of(owner, mint),
        "mint": mint,
        "rawTokenAmount": {"tokenAmount": str(change), "decimals": BONK_DECIMALS},
    }


def account_of(owner: str, mint: str) -> str:
    """A made-up token account, always the same."""
    return f"{mint[:22]}{owner[-22:]}"


def of_node(
    wallet: str,
    changes: Changes,
    *,
    at: datetime | None,
    before: Changes | None = None,
    signature: str = "",
    error: Any = None,
) -> dict[str, Any]:
    """A node's form of the same, SOL wrapped; `before` is what the wallet held, else exactly what it gave."""
    rows = [
        _Row(mint=mint, owner=owner, held=held, change=change)
        for mint, given in changes.items()
        for owner, held, change in (
            (wallet, (before or {}).get(mint, max(0, -given)), given),
            (POOL, RICH, -given),
        )
    ]
    keys = [wallet, POOL, *(account_of(row.owner, row.mint) for row in rows)]
    inner = [_transfer(keys, wallet, mint, change) for mint, change in changes.items()]
    return {
        "slot": 300_000_000,
        "blockTime": None if at is None else int(at.timestamp()),
        "version": "legacy",
        "transaction": {
            "signatures": [signature or str(Signature.new_unique())],
            "message": {
                "header": {
                    "numRequiredSignatures": 1,
                    "numReadonlySignedAccounts": 0,
                    "numReadonlyUnsignedAccounts": 2,
                },
                "accountKeys": [*keys, JUPITER, TOKEN_PROGRAM],
                "recentBlockhash": POOL,
                "instructions": [{"programIdIndex": len(keys), "accounts": [0, 1], "data": ""}],
            },
        },
        "meta": {
            "err": error,
            "fee": FEE,
            "preBalances": [RICH, RICH, *(row.lamports(0) for row in rows), 1, 1],
            "postBalances": [RICH - FEE, RICH, *(row.lamports(row.change) for row in rows), 1, 1],
            "preTokenBalances": [row.balance(2 + n, 0) for n, row in enumerate(rows)],
            "postTokenBalances": [row.balance(2 + n, row.change) for n, row in enumerate(rows)],
            "innerInstructions": [{"index": 0, "instructions": inner}],
            "logMessages": [],
        },
    }


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One token account of the swap."""

    mint: str
    owner: str
    held: int
    change: int

    def lamports(self, change: int) -> int:
        return RENT + (self.held + change if self.mint == WSOL_MINT else 0)

    def balance(self, index: int, change: int) -> dict[str, Any]:
        decimals = 9 if self.mint == WSOL_MINT else BONK_DECIMALS
        return {
            "accountIndex": index,
            "mint": self.mint,
            "owner": self.owner,
            "programId": TOKEN_PROGRAM,
            "uiTokenAmount": {"amount": str(self.held + change), "decimals": decimals},
        }


def _transfer(keys: list[str], wallet: str, mint: str, change: int) -> dict[str, Any]:
    """The swap's own instruction that moves one asset between the wallet and the pool."""
    giver, taker = (wallet, POOL) if change < 0 else (POOL, wallet)
    held = [keys.index(account_of(who, mint)) for who in (giver, taker)]
    data = b"\x03" + abs(change).to_bytes(8, "little")
    return {
        "programIdIndex": len(keys) + 1,
        "accounts": [*held, keys.index(giver)],
        "data": encode(data),
        "stackHeight": 2,
    }
