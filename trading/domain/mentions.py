"""Whom a transaction may concern: every address that it names, in whichever form it is told."""

from collections.abc import Iterator, Mapping
from typing import Any

from trading.domain.readings import UNREADABLE, TransactionUnreadable

LENGTHS = range(32, 45)
"""Of an address in base58."""


def mentioned(told: Any) -> set[str]:
    """Accounts and owners of token accounts in a node's or Helius' form; TransactionUnreadable when neither."""
    if not isinstance(told, Mapping):
        raise TransactionUnreadable("not a JSON object")
    read = _enhanced if "accountData" in told else _of_node
    try:
        return {each for each in read(told) if _is_address(each)}
    except UNREADABLE as error:
        raise TransactionUnreadable(f"not a readable transaction: {error!r}") from error


def _is_address(text: Any) -> bool:
    """Near enough to be asked for: nothing else may reach a database."""
    return isinstance(text, str) and len(text) in LENGTHS and text.isascii() and text.isalnum()


def _enhanced(told: Mapping[str, Any]) -> Iterator[Any]:
    yield told.get("feePayer")
    for row in told["accountData"]:
        yield row["account"]
        for change in row.get("tokenBalanceChanges") or ():
            yield change["userAccount"]


def _of_node(told: Mapping[str, Any]) -> Iterator[Any]:
    meta, message = told["meta"], told["transaction"]["message"]
    for key in message["accountKeys"]:
        yield key if isinstance(key, str) else key["pubkey"]
    for keys in (meta.get("loadedAddresses") or {}).values():
        yield from keys
    for name in ("preTokenBalances", "postTokenBalances"):
        for row in meta.get(name) or ():
            yield row.get("owner")
