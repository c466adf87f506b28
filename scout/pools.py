"""How deep a pool was right after a swap, and its price, read from the swap's own transaction; no rows."""

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from trading.domain.values import WSOL_MINT

TOLERANCE = 0.03
"""Room for the pool's fee and a transfer fee of the token."""
Balances = dict[tuple[str, str], list[tuple[int, int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A pool right after a swap: its wrapped SOL, and its price in lamports per raw token where that can be
    read from its balances (None: it prices otherwise, as pools of concentrated liquidity do)."""

    lamports: int
    price: float | None


def pool_after(transaction: dict[str, Any], *, wallet: str, mint: str) -> Pool | None:
    """The pool that traded this mint with the wallet; None when there is none such.

    It is the owner, other than the wallet, of exactly one account of the mint and one of wrapped SOL that
    changed in opposite directions; of several, the one that moved most tokens. Venues that hold both sides
    otherwise (bonding curves in native SOL, pools against USDC) stay unknown.
    """
    accounts = _by_owner(transaction["meta"])
    found: list[tuple[int, Pool]] = []
    for owner in sorted({owner for owner, _ in accounts} - {wallet}):
        tokens = _moved(accounts.get((owner, mint), []))
        sol = _moved(accounts.get((owner, WSOL_MINT), []))
        if len(tokens) == len(sol) == 1 and _are_opposite(tokens[0], sol[0]):
            price = _price(tokens[0], sol[0])
            found.append((abs(tokens[0][1] - tokens[0][0]), Pool(lamports=sol[0][1], price=price)))
    return max(found, key=lambda each: each[0])[1] if found else None


def _price(tokens: tuple[int, int], sol: tuple[int, int]) -> float | None:
    """SOL over tokens after the swap, if the pool is one whose product of both stays constant: there a swap's
    own price is the geometric mean of the ratios before and after it (Adams et al. 2020), fees aside."""
    if not all((*tokens, *sol)):
        return None
    before, after = sol[0] / tokens[0], sol[1] / tokens[1]
    paid = abs(sol[1] - sol[0]) / abs(tokens[1] - tokens[0])
    return after if abs(paid / math.sqrt(before * after) - 1) <= TOLERANCE else None


def _by_owner(meta: dict[str, Any]) -> Balances:
    """(owner, mint) → (amount before, amount after) of each of its accounts."""
    amounts: dict[tuple[str, str, int], list[int]] = defaultdict(lambda: [0, 0])
    for when, name in enumerate(("preTokenBalances", "postTokenBalances")):
        for row in meta.get(name) or []:
            key = (str(row.get("owner")), str(row["mint"]), int(row["accountIndex"]))
            amounts[key][when] = int(row["uiTokenAmount"]["amount"])
    grouped: Balances = defaultdict(list)
    for (owner, mint, _), (before, after) in amounts.items():
        grouped[owner, mint].append((before, after))
    return grouped


def _moved(accounts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [each for each in accounts if each[0] != each[1]]


def _are_opposite(tokens: tuple[int, int], sol: tuple[int, int]) -> bool:
    return (tokens[1] > tokens[0]) != (sol[1] > sol[0])
