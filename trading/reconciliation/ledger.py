"""What the chain's own records say about our wallets: every transaction, balance and token. Knows no books."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from solders.pubkey import Pubkey

SYSTEM_PROGRAM = "11111111111111111111111111111111"
WRAPPED_SOL = "So11111111111111111111111111111111111111112"
TOKEN_PROGRAM = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"
TOKEN_ACCOUNTS_PROGRAM = "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL"
TRANSFER_TAG = 2
TRANSFER_LENGTH = 12
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class Unreadable(ValueError):
    """The node's record of a transaction is not one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """What one transaction changed for us, in lamports and raw tokens; (+) is gained.

    `sent_lamports` are plain transfers out of our wallets to others, which is how tips are paid.
    `rent_lamports` is what our token accounts locked (+) or gave back (-). `token_changes` covers every
    mint, wrapped SOL too.
    """

    signature: str
    slot: int
    is_failed: bool
    is_signed_by_us: bool
    fee_lamports: int
    change_lamports: int
    sent_lamports: int
    rent_lamports: int
    token_changes: Mapping[str, int]
    token_accounts: frozenset[str]

    @property
    def sol_lamports(self) -> int:
        """The SOL side of a swap: what is left when fee, transfers and rent are accounted for."""
        wrapped = self.token_changes.get(WRAPPED_SOL, 0)
        costs = self.fee_lamports + self.sent_lamports + self.rent_lamports
        return self.change_lamports + wrapped + costs

    @property
    def is_received(self) -> bool:
        """Whether others made this transaction and it took nothing from us."""
        gains = (self.change_lamports, *self.token_changes.values())
        return not self.is_signed_by_us and min(gains) >= 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Everything the chain knows about our wallets at one moment."""

    entries: Mapping[str, LedgerEntry] = field(default_factory=dict)
    balance_lamports: int = 0
    holdings_raw: Mapping[str, int] = field(default_factory=dict)

    @property
    def changes_lamports(self) -> int:
        """The sum of all changes since the first transaction; must be the balance."""
        return sum(entry.change_lamports for entry in self.entries.values())


def read_entry(
    record: Mapping[str, Any], *, signature: str, wallets: frozenset[str]
) -> LedgerEntry:
    """The entry of one `getTransaction` result (encoding json); Unreadable when its shape is wrong."""
    try:
        return _read(record, signature, wallets)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        raise Unreadable(f"{signature}: {error!r}") from error


def _read(record: Mapping[str, Any], signature: str, wallets: frozenset[str]) -> LedgerEntry:
    meta, message = record["meta"], record["transaction"]["message"]
    keys = _keys(message, meta)
    before, after = meta["preBalances"], meta["postBalances"]
    moved = [int(after[index]) - int(before[index]) for index in range(len(keys))]
    accounts = _our_tokens(meta, "preTokenBalances", wallets)
    accounts |= _our_tokens(meta, "postTokenBalances", wallets)
    held_before = _amounts(meta, "preTokenBalances", wallets)
    held_after = _amounts(meta, "postTokenBalances", wallets)
    changes: dict[str, int] = {}
    locked = 0
    for index, mint in accounts.items():
        change = held_after.get(index, 0) - held_before.get(index, 0)
        changes[mint] = changes.get(mint, 0) + change
        locked += moved[index] - (change if mint == WRAPPED_SOL else 0)
    failed = meta["err"] is not None
    return LedgerEntry(
        signature=signature,
        slot=int(record["slot"]),
        is_failed=failed,
        is_signed_by_us=not wallets.isdisjoint(_signers(message)),
        fee_lamports=int(meta["fee"]) if keys[0] in wallets else 0,
        change_lamports=sum(moved[i] for i, key in enumerate(keys) if key in wallets),
        sent_lamports=0 if failed else _sent(message, keys, wallets, accounts),
        rent_lamports=locked,
        token_changes=changes,
        token_accounts=frozenset(keys[index] for index in accounts),
    )


def _keys(message: Mapping[str, Any], meta: Mapping[str, Any]) -> list[str]:
    """Static keys, then the loaded ones: the order that all indexes count in."""
    loaded = meta.get("loadedAddresses") or {}
    return [*message["accountKeys"], *loaded.get("writable", ()), *loaded.get("readonly", ())]


def _signers(message: Mapping[str, Any]) -> list[str]:
    count = int(message["header"]["numRequiredSignatures"])
    return list(message["accountKeys"][:count])


def _our_rows(
    meta: Mapping[str, Any], name: str, wallets: frozenset[str]
) -> Iterator[Mapping[str, Any]]:
    return (row for row in meta.get(name) or () if row.get("owner") in wallets)


def _our_tokens(meta: Mapping[str, Any], name: str, wallets: frozenset[str]) -> dict[int, str]:
    return {int(row["accountIndex"]): str(row["mint"]) for row in _our_rows(meta, name, wallets)}


def _amounts(meta: Mapping[str, Any], name: str, wallets: frozenset[str]) -> dict[int, int]:
    return {
        int(row["accountIndex"]): int(row["uiTokenAmount"]["amount"])
        for row in _our_rows(meta, name, wallets)
    }


def _sent(
    message: Mapping[str, Any],
    keys: list[str],
    wallets: frozenset[str],
    accounts: Mapping[int, str],
) -> int:
    """Lamports of the System Program's transfers from a wallet of ours to somebody else."""
    ours = {*wallets, *map(_wrapping_account, wallets), *(keys[index] for index in accounts)}
    return sum(
        lamports
        for source, target, lamports in _transfers(message, keys)
        if source in wallets and target not in ours
    )


@lru_cache(maxsize=64)
def _wrapping_account(wallet: str) -> str:
    """Where a wallet's SOL is wrapped: opened and closed inside a swap, so no balance names its owner."""
    seeds = [bytes(Pubkey.from_string(each)) for each in (wallet, TOKEN_PROGRAM, WRAPPED_SOL)]
    return str(Pubkey.find_program_address(seeds, Pubkey.from_string(TOKEN_ACCOUNTS_PROGRAM))[0])


def _transfers(message: Mapping[str, Any], keys: list[str]) -> Iterator[tuple[str, str, int]]:
    """(source, target, lamports) of every top-level transfer: u32 2, u64 lamports."""
    for instruction in message["instructions"]:
        if keys[instruction["programIdIndex"]] != SYSTEM_PROGRAM:
            continue
        data = decode_base58(instruction["data"])
        if len(data) == TRANSFER_LENGTH and int.from_bytes(data[:4], "little") == TRANSFER_TAG:
            source, target = instruction["accounts"][:2]
            yield keys[source], keys[target], int.from_bytes(data[4:], "little")


def decode_base58(text: str) -> bytes:
    """The bytes behind base58 text, leading zeros kept; ValueError for another alphabet."""
    number = 0
    for letter in text:
        number = number * 58 + _BASE58.index(letter)
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
