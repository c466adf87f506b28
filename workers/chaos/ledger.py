"""What the chain itself says about our wallet: read and added up here, without the platform's own parsing."""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from solders.pubkey import Pubkey

PAGE = 1_000
TOKEN_PROGRAMS = (
    "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA",
    "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb",
)


class UnableToAsk(Exception):
    """The chain did not answer what it must be able to answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One transaction and what it changed for the wallet, in lamports and raw tokens by mint."""

    signature: str
    slot: int
    is_failed: bool
    is_signed_by_us: bool
    change_lamports: int
    tokens: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainLedger:
    """Everything that ever touched the wallet, oldest first, and what it has now."""

    entries: Sequence[Entry]
    balance_lamports: int
    held_raw: Mapping[str, int]


async def read_ledger(session: aiohttp.ClientSession, *, url: str, wallet: str) -> ChainLedger:
    """All of it at confirmed; UnableToAsk when a call has no result."""
    signatures = await _signatures(session, url, wallet)
    entries = [await _entry(session, url, wallet, signature) for signature in signatures]
    balance = await _ask(session, url, "getBalance", wallet, {"commitment": "confirmed"})
    return ChainLedger(
        entries=entries,
        balance_lamports=balance["value"],
        held_raw=await _holdings(session, url, wallet),
    )


async def _ask(session: aiohttp.ClientSession, url: str, method: str, *params: Any) -> Any:
    call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    async with session.post(url, json=call) as response:
        reply = await response.json()
    if "result" not in reply:
        raise UnableToAsk(f"{method}: {reply}")
    return reply["result"]


async def _signatures(session: aiohttp.ClientSession, url: str, wallet: str) -> list[str]:
    """Oldest first; the platform's token accounts are not asked: the wallet signs everything of ours."""
    found: list[str] = []
    options: dict[str, Any] = {"limit": PAGE, "commitment": "confirmed"}
    while True:
        page = await _ask(session, url, "getSignaturesForAddress", wallet, options)
        found += [row["signature"] for row in page]
        if len(page) < PAGE:
            return found[::-1]
        options["before"] = found[-1]


async def _entry(session: aiohttp.ClientSession, url: str, wallet: str, signature: str) -> Entry:
    options = {
        "encoding": "json",
        "commitment": "confirmed",
        "maxSupportedTransactionVersion": 1,
    }
    found = await _ask(session, url, "getTransaction", signature, options)
    if found is None:
        raise UnableToAsk(f"getTransaction {signature}: listed, but not there")
    meta, message = found["meta"], found["transaction"]["message"]
    loaded = meta.get("loadedAddresses") or {"writable": [], "readonly": []}
    keys = [*message["accountKeys"], *loaded["writable"], *loaded["readonly"]]
    at = keys.index(wallet)
    return Entry(
        signature=signature,
        slot=found["slot"],
        is_failed=meta["err"] is not None,
        is_signed_by_us=at == 0,
        change_lamports=meta["postBalances"][at] - meta["preBalances"][at],
        tokens=_token_changes(meta, wallet),
    )


def _token_changes(meta: Mapping[str, Any], wallet: str) -> dict[str, int]:
    changes: dict[str, int] = {}
    for side, sign in (("preTokenBalances", -1), ("postTokenBalances", 1)):
        for row in meta.get(side) or ():
            if row.get("owner") == wallet:
                amount = sign * int(row["uiTokenAmount"]["amount"])
                changes[row["mint"]] = changes.get(row["mint"], 0) + amount
    return {mint: change for mint, change in changes.items() if change}


async def _holdings(session: aiohttp.ClientSession, url: str, wallet: str) -> dict[str, int]:
    held: dict[str, int] = {}
    options = {"encoding": "base64", "commitment": "confirmed"}
    for program in TOKEN_PROGRAMS:
        chosen = {"programId": program}
        found = await _ask(session, url, "getTokenAccountsByOwner", wallet, chosen, options)
        for row in found["value"]:
            mint, amount = _mint_and_amount(row["account"]["data"][0])
            held[mint] = held.get(mint, 0) + amount
    return {mint: amount for mint, amount in held.items() if amount}


def _mint_and_amount(data: str) -> tuple[str, int]:
    """Bytes 0-31 of a token account are its mint, 64-71 the amount."""
    raw = b64decode(data)
    return str(Pubkey.from_bytes(raw[:32])), int.from_bytes(raw[64:72], "little")
