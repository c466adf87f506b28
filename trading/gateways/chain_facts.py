"""What the RPC tells about the chain, as values, and how each is read from a `result`; shapes are
those of Solana's JSON-RPC with encoding base64 or jsonParsed. Nothing here does I/O.
"""

from dataclasses import dataclass
from typing import Any, Literal

from trading.gateways.base import InvalidReply
from trading.gateways.shapes import (
    as_address,
    as_amount,
    as_bytes,
    as_integer,
    as_list,
    as_object,
    as_signature,
    as_text,
    field,
)

Commitment = Literal["processed", "confirmed", "finalized"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blockhash:
    """Alive while the finalized block height is at most `last_valid_block_height`."""

    hash: str
    last_valid_block_height: int
    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureStatus:
    """`err` None means that the transaction succeeded; else it is the RPC's own error form."""

    slot: int
    err: object
    confirmation_status: Commitment


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureStatuses:
    """In the order asked; None = unknown to the node as of its own slot `context_slot`."""

    context_slot: int
    statuses: tuple[SignatureStatus | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountData:
    owner: str
    lamports: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenHolding:
    """One token account: its address, mint, raw amount and the token program that owns it."""

    account: str
    mint: str
    amount_raw: int
    decimals: int
    token_program: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """`err` None means success. `accounts` as they would be afterwards, in the order asked."""

    err: object
    logs: tuple[str, ...]
    units_consumed: int
    accounts: tuple[AccountData | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainTip:
    slot: int
    block_height: int


def value_of(result: object) -> Any:
    """The `value` of a result that comes with a context."""
    envelope = as_object(result, "result")
    if "value" not in envelope:
        raise InvalidReply("result: no value")
    return envelope["value"]


def context_slot_of(result: object) -> int:
    return as_integer(field(field(result, "context"), "slot"), "context slot")


def read_blockhash(result: object) -> Blockhash:
    value = value_of(result)
    return Blockhash(
        hash=as_address(field(value, "blockhash"), "blockhash"),
        last_valid_block_height=as_integer(
            field(value, "lastValidBlockHeight"), "lastValidBlockHeight"
        ),
        slot=context_slot_of(result),
    )


def read_tip(result: object) -> ChainTip:
    return ChainTip(
        slot=as_integer(field(result, "absoluteSlot"), "absoluteSlot"),
        block_height=as_integer(field(result, "blockHeight"), "blockHeight"),
    )


def read_statuses(result: object, *, wanted: int) -> SignatureStatuses:
    rows = list_of(value_of(result), wanted, "signature statuses")
    return SignatureStatuses(
        context_slot=context_slot_of(result),
        statuses=tuple(None if row is None else _read_status(row) for row in rows),
    )


def _read_status(row: object) -> SignatureStatus:
    level = field(row, "confirmationStatus")
    if level is None:
        # Nodes before 1.3 only gave confirmations, null once the block was rooted.
        level = "finalized" if field(row, "confirmations") is None else "processed"
    return SignatureStatus(
        slot=as_integer(field(row, "slot"), "status slot"),
        err=read_error(field(row, "err")),
        confirmation_status=as_commitment(level),
    )


def read_error(value: object) -> object:
    """A transaction error in the RPC's form: null, a name, or an object with one member."""
    if value is not None and not isinstance(value, str | dict):
        raise InvalidReply(f"err: expected null, text or an object, got {type(value).__name__}")
    return value


def as_commitment(value: object) -> Commitment:
    match value:
        case "processed" | "confirmed" | "finalized":
            return value
    raise InvalidReply("confirmationStatus: not a commitment")


def read_account(value: object) -> AccountData | None:
    if value is None:
        return None
    parts = as_list(field(value, "data"), "account data")
    if len(parts) != 2 or parts[1] != "base64":
        raise InvalidReply("account data: expected base64")
    return AccountData(
        owner=as_address(field(value, "owner"), "account owner"),
        lamports=as_integer(field(value, "lamports"), "account lamports"),
        data=as_bytes(parts[0], "account data"),
    )


def read_accounts(value: object, *, wanted: int) -> tuple[AccountData | None, ...]:
    return tuple(read_account(row) for row in list_of(value, wanted, "accounts"))


def read_holdings(result: object) -> list[TokenHolding]:
    return [_read_holding(row) for row in as_list(value_of(result), "token accounts")]


def _read_holding(row: object) -> TokenHolding:
    account = field(row, "account")
    info = field(field(field(account, "data"), "parsed"), "info")
    amount = field(info, "tokenAmount")
    return TokenHolding(
        account=as_address(field(row, "pubkey"), "token account"),
        mint=as_address(field(info, "mint"), "mint"),
        amount_raw=as_amount(field(amount, "amount"), "token amount"),
        decimals=as_integer(field(amount, "decimals"), "decimals"),
        token_program=as_address(field(account, "owner"), "token program"),
    )


def read_largest_accounts(result: object) -> list[tuple[str, int]]:
    return [
        (
            as_address(field(row, "address"), "token account"),
            as_amount(field(row, "amount"), "token amount"),
        )
        for row in as_list(value_of(result), "largest accounts")
    ]


def read_signature_rows(result: object) -> list[dict[str, Any]]:
    rows = [as_object(row, "signature row") for row in as_list(result, "signatures")]
    for row in rows:
        as_signature(row.get("signature"), "signature")
        as_integer(row.get("slot"), "signature slot")
    return rows


def read_simulation(result: object, *, wanted: int) -> Simulation:
    value = as_object(value_of(result), "simulation")
    accounts = value.get("accounts")
    # A failed simulation changes no account, so nodes give null there.
    states = (None,) * wanted if accounts is None else read_accounts(accounts, wanted=wanted)
    return Simulation(
        err=read_error(value.get("err")),
        logs=tuple(as_text(line, "log") for line in as_list(value.get("logs") or [], "logs")),
        units_consumed=as_integer(value.get("unitsConsumed") or 0, "unitsConsumed"),
        accounts=states,
    )


def list_of(value: object, wanted: int, what: str) -> list[Any]:
    rows = as_list(value, what)
    if len(rows) != wanted:
        raise InvalidReply(f"{what}: asked for {wanted}, got {len(rows)}")
    return rows
