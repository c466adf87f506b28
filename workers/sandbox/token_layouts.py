"""The byte layouts of mints and token accounts (SPL Token and Token-2022), read; not their JSON.

Layouts: spl-token state.rs; Token-2022 puts an account type at byte 165 and (type, length, value)
records from byte 166.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from solders.account import Account
from solders.pubkey import Pubkey

TOKEN = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
TOKEN_PROGRAMS = (TOKEN, TOKEN_2022)

MINT_LENGTH = 82
ACCOUNT_LENGTH = 165
MULTISIG_LENGTH = 355
_TYPE_OFFSET, _TLV_OFFSET = 165, 166
_MINT_TYPE, _ACCOUNT_TYPE = 1, 2
_STATES = ("uninitialized", "initialized", "frozen")

_MINT = Struct("<I32sQBBI32s")
_ACCOUNT = Struct("<32s32sQI32sBIQQI32s")
_TLV_HEAD = Struct("<HH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mint:
    """A mint's base fields; amounts are raw."""

    supply: int
    decimals: int
    is_initialized: bool
    mint_authority: str | None
    freeze_authority: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAccount:
    """A token account's base fields; `native_reserve_lamports` is set for wrapped SOL only."""

    mint: str
    owner: str
    amount: int
    delegate: str | None
    state: str
    native_reserve_lamports: int | None
    delegated_amount: int
    close_authority: str | None


def address(raw: bytes) -> str:
    return str(Pubkey.from_bytes(raw))


def optional_address(raw: bytes) -> str | None:
    """Token-2022's OptionalNonZeroPubkey: all zero means none."""
    return address(raw) if any(raw) else None


def _tagged(tag: int, raw: bytes) -> str | None:
    return address(raw) if tag else None


def read_mint(account: Account | None) -> Mint | None:
    """The mint in this account, or None when it holds none."""
    if account is None or not _holds(account, base=MINT_LENGTH, account_type=_MINT_TYPE):
        return None
    fields = _MINT.unpack_from(bytes(account.data))
    mint_tag, mint_key, supply, decimals, initialized, freeze_tag, freeze_key = fields
    return Mint(
        supply=supply,
        decimals=decimals,
        is_initialized=bool(initialized),
        mint_authority=_tagged(mint_tag, mint_key),
        freeze_authority=_tagged(freeze_tag, freeze_key),
    )


def read_token_account(account: Account | None) -> TokenAccount | None:
    """The token account in this account, or None when it holds none."""
    if account is None or not _holds(account, base=ACCOUNT_LENGTH, account_type=_ACCOUNT_TYPE):
        return None
    fields = _ACCOUNT.unpack_from(bytes(account.data))
    mint, owner, amount, delegate_tag, delegate, state, native_tag, native = fields[:8]
    delegated, close_tag, close = fields[8:]
    return TokenAccount(
        mint=address(mint),
        owner=address(owner),
        amount=amount,
        delegate=_tagged(delegate_tag, delegate),
        state=_STATES[min(state, 2)],
        native_reserve_lamports=native if native_tag else None,
        delegated_amount=delegated,
        close_authority=_tagged(close_tag, close),
    )


def _holds(account: Account, *, base: int, account_type: int) -> bool:
    """Whether the account is of that type: by length alone, or by the type byte when extended."""
    if account.owner not in TOKEN_PROGRAMS:
        return False
    data = account.data
    if len(data) == base:
        return True
    if account.owner != TOKEN_2022 or len(data) in (ACCOUNT_LENGTH, MULTISIG_LENGTH):
        return False
    return len(data) > _TYPE_OFFSET and data[_TYPE_OFFSET] == account_type


def extension_records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, value) of every Token-2022 extension; stops at padding or a torn record."""
    offset = _TLV_OFFSET
    while offset + _TLV_HEAD.size <= len(data):
        kind, length = _TLV_HEAD.unpack_from(data, offset)
        offset += _TLV_HEAD.size
        if kind == 0 or offset + length > len(data):
            return
        yield kind, data[offset : offset + length]
        offset += length
