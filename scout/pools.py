"""How deep a pool was right after a swap, read from the swap's own transaction. Plain Python, no rows."""

from collections import defaultdict
from typing import Any

from trading.domain.values import WSOL_MINT

Balances = dict[tuple[str, str], list[tuple[int, int]]]


def pool_lamports(transaction: dict[str, Any], *, wallet: str, mint: str) -> int | None:
    """Wrapped SOL left in the account that traded this mint with the wallet; None when there is none such.

    The pool is the owner, other than the wallet, of exactly one account of the mint and one of wrapped
    SOL that changed in opposite directions; of several, the one that moved most tokens. Venues that hold
    both sides otherwise (bonding curves in native SOL, pools against USDC) stay unknown.
    """
    accounts = _by_owner(transaction["meta"])
    found: list[tuple[int, int]] = []
    for owner in {owner for owner, _ in accounts} - {wallet}:
        tokens = _moved(accounts.get((owner, mint), []))
        sol = _moved(accounts.get((owner, WSOL_MINT), []))
        if len(tokens) == len(sol) == 1 and _are_opposite(tokens[0], sol[0]):
            before, after = tokens[0]
            found.append((abs(after - before), sol[0][1]))
    return max(found)[1] if found else None


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
