"""Accounts as a node's replies show them: encodings, slices, jsonParsed; reads no chain itself."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey

from workers.sandbox import base58
from workers.sandbox.extensions import extensions_json
from workers.sandbox.jsonrpc import RpcError
from workers.sandbox.spelling import spell
from workers.sandbox.token_layouts import (
    ACCOUNT_LENGTH,
    MINT_LENGTH,
    TOKEN,
    read_mint,
    read_token_account,
)

Json = dict[str, Any]
RENT_EXEMPT_EPOCH = 18_446_744_073_709_551_615
_BASE58_LIMIT = 128
ENCODINGS = ("base58", "base64", "jsonParsed", "binary")
"""base64+zstd is the one encoding of a node that is not served here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """How a caller wants accounts: the encoding and an optional (offset, length) slice."""

    encoding: str
    data_slice: tuple[int, int] | None = None


def ui_amount(amount: int, decimals: int) -> Json:
    """UiTokenAmount of an account or supply; its zero is 0.0 (in transactions it is null)."""
    return {
        "amount": str(amount),
        "decimals": decimals,
        "uiAmount": amount / 10**decimals,
        "uiAmountString": ui_amount_text(amount, decimals),
    }


def ui_amount_text(amount: int, decimals: int) -> str:
    """The exact decimal number without trailing zeros, as `real_number_string_trimmed` does."""
    if not decimals:
        return str(amount)
    digits = str(amount).rjust(decimals + 1, "0")
    return f"{digits[:-decimals]}.{digits[-decimals:]}".rstrip("0").rstrip(".")


def account_json(
    account: Account, *, view: AccountView, mint_of: Callable[[Pubkey], Account | None]
) -> Json:
    """One UiAccount. `mint_of` finds the mint whose decimals a token account is shown with.

    Raises RpcError -32600 for base58 of more than 128 bytes, as a node does.
    """
    return {
        "data": _data(account, view=view, mint_of=mint_of),
        "executable": account.executable,
        "lamports": account.lamports,
        "owner": spell(account.owner),
        "rentEpoch": RENT_EXEMPT_EPOCH,
        "space": len(account.data),
    }


def _data(
    account: Account, *, view: AccountView, mint_of: Callable[[Pubkey], Account | None]
) -> Any:
    data = bytes(account.data)
    if view.encoding == "jsonParsed":
        parsed = parsed_json(account, mint_of=mint_of)
        if parsed is not None:
            return parsed
    if view.data_slice is not None:
        offset, length = view.data_slice
        data = data[offset : offset + length]
    if view.encoding in ("base58", "binary"):
        return _base58(data, legacy=view.encoding == "binary")
    return [b64encode(data).decode(), "base64"]


def _base58(data: bytes, *, legacy: bool) -> Any:
    if len(data) > _BASE58_LIMIT:
        raise RpcError(
            -32600,
            "Encoded binary (base 58) data should be less than 128 bytes, "
            "please use Base64 encoding.",
        )
    text = base58.encode(data)
    return text if legacy else [text, "base58"]


def parsed_json(account: Account, *, mint_of: Callable[[Pubkey], Account | None]) -> Json | None:
    """The jsonParsed form of a mint or token account, or None for anything else."""
    parsed = _parsed_mint(account) or _parsed_token_account(account, mint_of=mint_of)
    if parsed is None:
        return None
    program = "spl-token" if account.owner == TOKEN else "spl-token-2022"
    return {"program": program, "parsed": parsed, "space": len(account.data)}


def _parsed_mint(account: Account) -> Json | None:
    mint = read_mint(account)
    if mint is None:
        return None
    info: Json = {
        "decimals": mint.decimals,
        "freezeAuthority": mint.freeze_authority,
        "isInitialized": mint.is_initialized,
        "mintAuthority": mint.mint_authority,
        "supply": str(mint.supply),
    }
    if len(account.data) > MINT_LENGTH:
        info["extensions"] = extensions_json(bytes(account.data))
    return {"info": info, "type": "mint"}


def _parsed_token_account(
    account: Account, *, mint_of: Callable[[Pubkey], Account | None]
) -> Json | None:
    token_account = read_token_account(account)
    if token_account is None:
        return None
    mint = read_mint(mint_of(Pubkey.from_string(token_account.mint)))
    if mint is None:
        return None
    reserve = token_account.native_reserve_lamports
    info: Json = {
        "isNative": reserve is not None,
        "mint": token_account.mint,
        "owner": token_account.owner,
        "state": token_account.state,
        "tokenAmount": ui_amount(token_account.amount, mint.decimals),
    }
    if token_account.delegate is not None:
        info["delegate"] = token_account.delegate
        info["delegatedAmount"] = ui_amount(token_account.delegated_amount, mint.decimals)
    if reserve is not None:
        info["rentExemptReserve"] = ui_amount(reserve, mint.decimals)
    if token_account.close_authority is not None:
        info["closeAuthority"] = token_account.close_authority
    if len(account.data) > ACCOUNT_LENGTH:
        info["extensions"] = extensions_json(bytes(account.data))
    return {"info": info, "type": "account"}
