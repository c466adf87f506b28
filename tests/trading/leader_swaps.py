"""Transactions of leaders, written down as a node or Helius tells them; no tests here."""

from datetime import datetime
from typing import Any

from tests import factories
from trading.domain.values import TOKEN_PROGRAM, WSOL_MINT

JUPITER = "JUP6LkbZbjS1jKKwapdHNy74zcZ3tLUZoi5QNyVTaV4"
POOL = "58oQChx4yWmvKdwLLZzBi4ChoCc2fqCUWBkwMihLYQo2"
FEE = 5_000
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
        "signature": signature or factories.signature(),
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
    """A node's form of the same; `before` is what the wallet held, else exactly what it gave."""
    lamports = changes.get(WSOL_MINT, 0)
    tokens = {mint: change for mint, change in changes.items() if mint != WSOL_MINT}
    keys = [wallet, POOL, *(account_of(who, mint) for mint in tokens for who in (wallet, POOL))]
    held = {mint: (before or {}).get(mint, max(0, -change)) for mint, change in tokens.items()}
    rich = 10**15
    pre, post = [], []
    for number, (mint, change) in enumerate(tokens.items()):
        rows = ((wallet, held[mint], change), (POOL, rich, -change))
        for place, (owner, amount, delta) in enumerate(rows):
            index = 2 + 2 * number + place
            pre.append(_balance(index, mint, owner, amount))
            post.append(_balance(index, mint, owner, amount + delta))
    rest = [2_039_280] * (len(keys) - 2)
    return {
        "slot": 300_000_000,
        "blockTime": None if at is None else int(at.timestamp()),
        "version": "legacy",
        "transaction": {
            "signatures": [signature or factories.signature()],
            "message": {
                "header": {
                    "numRequiredSignatures": 1,
                    "numReadonlySignedAccounts": 0,
                    "numReadonlyUnsignedAccounts": 1,
                },
                "accountKeys": [*keys, JUPITER],
                "recentBlockhash": POOL,
                "instructions": [{"programIdIndex": len(keys), "accounts": [0, 1], "data": ""}],
            },
        },
        "meta": {
            "err": error,
            "fee": FEE,
            "preBalances": [rich, rich, *rest, 1],
            "postBalances": [rich + lamports - FEE, rich - lamports, *rest, 1],
            "preTokenBalances": pre,
            "postTokenBalances": post,
            "innerInstructions": [],
            "logMessages": [],
        },
    }


def _balance(index: int, mint: str, owner: str, amount: int) -> dict[str, Any]:
    return {
        "accountIndex": index,
        "mint": mint,
        "owner": owner,
        "programId": TOKEN_PROGRAM,
        "uiTokenAmount": {"amount": str(amount), "decimals": BONK_DECIMALS},
    }
