"""One transaction as a node or Helius tells it, in one shape: who signed, which balances changed, what was called."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from solders.pubkey import Pubkey

from trading.domain.decoding import Move
from trading.domain.instructions import Step, read_steps
from trading.domain.programs import ASSOCIATED_TOKEN_PROGRAM
from trading.domain.readings import (
    TransactionUnreadable,
    optional_whole,
    raw_amount,
    text,
    whole,
)
from trading.domain.values import TOKEN_PROGRAM


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenBalance:
    """One token account of one mint, raw units. `before` and `after` are None where it did not exist.

    `owner` is empty where the node did not say and no instruction shows it.
    """

    account: str
    mint: str
    owner: str
    decimals: int
    before: int | None
    after: int | None

    @property
    def change(self) -> int:
        return (self.after or 0) - (self.before or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """What every form tells. `lamports` holds the change of every account, zero included; `fresh` are the
    accounts that had none before, `emptied` those that have none left, with what they had (nodes tell it, Helius not).

    `error` is the chain's own as it stands, None for a transaction that succeeded. `slot` and `block_time`
    (unix seconds) are None where the reply has none. `hint` and `venues` are Helius' own
    words for kind and place, empty from a node.
    `steps` is empty until `with_steps`, and where the form shows no instructions (`has_steps`).
    """

    signature: str
    slot: int | None
    block_time: int | None
    error: Any
    payer: str
    signers: tuple[str, ...]
    network_fee: int
    lamports: dict[str, int]
    tokens: tuple[TokenBalance, ...]
    fresh: frozenset[str] = frozenset()
    emptied: Mapping[str, int] = field(default_factory=dict)
    hint: str = ""
    venues: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    has_steps: bool = True

    def owned(self, wallet: str) -> list[TokenBalance]:
        return [each for each in self.tokens if each.owner == wallet]


def read_transaction(reply: Mapping[str, Any]) -> Transaction:
    """Balances of a `getTransaction` result (json or jsonParsed; legacy, v0, v1), without its instructions."""
    meta, inner = reply["meta"], reply["transaction"]
    if isinstance(inner, list):
        raise TransactionUnreadable("encoded as bytes: ask for encoding json or jsonParsed")
    if meta is None:
        raise TransactionUnreadable("meta is missing: the node kept no balances")
    message = inner["message"]
    keys = account_keys(reply)
    balances = _balances(keys, meta)
    return Transaction(
        signature=text(inner["signatures"][0], "signature") if "signatures" in inner else "",
        slot=optional_whole(reply.get("slot"), "slot"),
        block_time=optional_whole(reply.get("blockTime"), "blockTime"),
        error=meta["err"],
        payer=keys[0],
        signers=_signers(message, keys),
        network_fee=whole(meta["fee"], "fee"),
        lamports={key: after - before for key, before, after in balances},
        fresh=frozenset(key for key, before, after in balances if after and not before),
        emptied={key: before for key, before, after in balances if before and not after},
        tokens=_tokens(meta, keys),
    )


def with_steps(transaction: Transaction, reply: Mapping[str, Any]) -> Transaction:
    """The same with its instructions, and with the owners that only these show (nodes of before 2022)."""
    steps = read_steps(reply, account_keys(reply))
    has_steps = reply["meta"].get("innerInstructions") is not None
    tokens = transaction.tokens
    if any(not each.owner for each in tokens):
        owners = _paid_out(steps, tokens, transaction.signers)
        owners |= _shown_owners(steps, transaction.signers)
        tokens = tuple(
            each if each.owner else replace(each, owner=_owner(each, owners, transaction.signers))
            for each in tokens
        )
    return replace(transaction, steps=steps, tokens=tokens, has_steps=has_steps)


def account_keys(reply: Mapping[str, Any]) -> list[str]:
    """All accounts in the order that indices mean; jsonParsed already lists the loaded ones."""
    listed = reply["transaction"]["message"]["accountKeys"]
    if not isinstance(listed, list) or not listed:
        raise TransactionUnreadable("accountKeys is missing or empty")
    keys = [each if isinstance(each, str) else each["pubkey"] for each in listed]
    if isinstance(listed[0], str):
        loaded = reply["meta"].get("loadedAddresses") or {}
        keys = keys + (loaded.get("writable") or []) + (loaded.get("readonly") or [])
    if not all(isinstance(each, str) for each in keys):
        raise TransactionUnreadable("accountKeys holds something that is not an address")
    return keys


def _signers(message: Mapping[str, Any], keys: list[str]) -> tuple[str, ...]:
    listed = message["accountKeys"]
    if isinstance(listed[0], str):
        header = message.get("header") or {}
        return tuple(
            keys[: whole(header.get("numRequiredSignatures", 1), "header", high=len(keys))]
        )
    return tuple(each["pubkey"] for each in listed if each.get("signer"))


def _balances(keys: list[str], meta: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """(account, lamports before, after)"""
    before, after = meta["preBalances"], meta["postBalances"]
    if not len(keys) == len(before) == len(after):
        raise TransactionUnreadable("accounts, preBalances and postBalances differ in length")
    return [
        (key, whole(old, "preBalances"), whole(new, "postBalances"))
        for key, old, new in zip(keys, before, after, strict=True)
    ]


def _tokens(meta: Mapping[str, Any], keys: list[str]) -> tuple[TokenBalance, ...]:
    before = _rows(meta.get("preTokenBalances"), keys)
    after = _rows(meta.get("postTokenBalances"), keys)
    return tuple(_token(key, before.get(key), after.get(key)) for key in (before | after))


def _rows(rows: Any, keys: list[str]) -> dict[tuple[str, str, str], tuple[int, int]]:
    """(account, mint, owner) → (raw amount, decimals)"""
    found = {}
    for row in rows or ():
        account = keys[whole(row["accountIndex"], "accountIndex")]
        amount = row["uiTokenAmount"]
        key = (account, text(row["mint"], "mint"), row.get("owner") or "")
        found[key] = (
            raw_amount(amount["amount"], "amount"),
            whole(amount["decimals"], "decimals", high=255),
        )
    return found


def _token(
    key: tuple[str, str, str], before: tuple[int, int] | None, after: tuple[int, int] | None
) -> TokenBalance:
    account, mint, owner = key
    known = after or before
    assert known is not None
    return TokenBalance(
        account=account,
        mint=mint,
        owner=text(owner, "owner") if owner else "",
        decimals=known[1],
        before=before[0] if before else None,
        after=after[0] if after else None,
    )


def _shown_owners(steps: tuple[Step, ...], signers: tuple[str, ...]) -> dict[str, str]:
    """Owners that the instructions name: of accounts opened, closed, or spent from by a signer."""
    owners: dict[str, str] = {}
    for step in steps:
        if step.source and step.authority in signers:
            owners.setdefault(step.source, step.authority)
        if step.owner:
            owners[step.destination] = step.owner
    return owners


def _paid_out(
    steps: tuple[Step, ...], tokens: tuple[TokenBalance, ...], signers: tuple[str, ...]
) -> dict[str, str]:
    """In an instruction where a signer paid, the most that somebody else paid of a mint went to that signer."""
    mints = {each.account: each.mint for each in tokens}
    transfers = [each for each in steps if each.move is Move.TRANSFER and each.source in mints]
    payers = {each.top: each.authority for each in transfers if each.authority in signers}
    most: dict[tuple[int, str], Step] = {}
    for step in transfers:
        key = (step.top, mints[step.source])
        if step.top in payers and step.authority not in signers:
            most[key] = max(most.get(key, step), step, key=lambda each: each.amount)
    return {step.destination: payers[step.top] for step in most.values()}


def _owner(token: TokenBalance, shown: Mapping[str, str], signers: tuple[str, ...]) -> str:
    """Shown by an instruction, else the signer whose associated account it is."""
    if token.account in shown:
        return shown[token.account]
    return next((each for each in signers if _associated(each, token.mint) == token.account), "")


def _associated(wallet: str, mint: str) -> str:
    seeds = [bytes(Pubkey.from_string(each)) for each in (wallet, TOKEN_PROGRAM, mint)]
    address, _ = Pubkey.find_program_address(seeds, Pubkey.from_string(ASSOCIATED_TOKEN_PROGRAM))
    return str(address)
