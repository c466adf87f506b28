"""SPL Token and Token-2022 instructions as jsonParsed shows them; other programs live beside.

Types and fields: transaction-status/parse_token.rs; layouts: spl-token instruction.rs.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Any

from workers.sandbox.account_views import ui_amount
from workers.sandbox.token_layouts import address

Json = dict[str, Any]
_AUTHORITY_TYPES = (
    "mintTokens",
    "freezeAccount",
    "accountOwner",
    "closeAccount",
    "transferFeeConfig",
    "withheldWithdraw",
    "closeMint",
    "interestRate",
    "permanentDelegate",
    "confidentialTransferMint",
    "transferHookProgramId",
    "confidentialTransferFeeConfig",
    "metadataPointer",
    "groupPointer",
    "groupMemberPointer",
    "scaledUiAmount",
    "pause",
)


class NotParsable(Exception):
    """The data or the accounts do not fit the instruction; it is shown partially decoded."""


def typed(kind: str, **info: Any) -> Json:
    return {"info": info, "type": kind}


def parse_token(accounts: Sequence[str], data: bytes) -> Json:
    parser = _TOKEN_PARSERS.get(data[0])
    if parser is None:
        raise NotParsable
    return parser(accounts, data)


def _signed_by(accounts: Sequence[str], at: int, name: str = "authority") -> Json:
    """The authority at this place, or the multisig form when signers follow it."""
    if len(accounts) <= at + 1:
        return {name: accounts[at]}
    multisig = "multisig" + name[0].upper() + name[1:]
    return {multisig: accounts[at], "signers": list(accounts[at + 1 :])}


def _amount(data: bytes) -> str:
    return str(struct.unpack_from("<Q", data, 1)[0])


def _checked_amount(data: bytes) -> Json:
    amount, decimals = struct.unpack_from("<QB", data, 1)
    return ui_amount(amount, decimals)


def _optional_key(data: bytes, offset: int) -> str | None:
    return address(data[offset + 1 : offset + 33]) if data[offset] else None


def _initialize_mint(accounts: Sequence[str], data: bytes) -> Json:
    info: Json = {
        "mint": accounts[0],
        "decimals": data[1],
        "mintAuthority": address(data[2:34]),
    }
    if data[0] == 0:
        info["rentSysvar"] = accounts[1]
    freeze_authority = _optional_key(data, 34)
    if freeze_authority is not None:
        info["freezeAuthority"] = freeze_authority
    return {"info": info, "type": "initializeMint" if data[0] == 0 else "initializeMint2"}


def _initialize_account(accounts: Sequence[str], data: bytes) -> Json:
    info: Json = {"account": accounts[0], "mint": accounts[1]}
    if data[0] == 1:
        info |= {"owner": accounts[2], "rentSysvar": accounts[3]}
        return {"info": info, "type": "initializeAccount"}
    info["owner"] = address(data[1:33])
    if data[0] == 16:
        info["rentSysvar"] = accounts[2]
    return {"info": info, "type": "initializeAccount2" if data[0] == 16 else "initializeAccount3"}


def _set_authority(accounts: Sequence[str], data: bytes) -> Json:
    kind = _AUTHORITY_TYPES[data[1]]
    owned = "account" if kind in ("accountOwner", "closeAccount") else "mint"
    return typed(
        "setAuthority",
        **{owned: accounts[0]},
        authorityType=kind,
        newAuthority=_optional_key(data, 2),
        **_signed_by(accounts, 1),
    )


def _transfer_with_fee(accounts: Sequence[str], data: bytes) -> Json:
    if data[1] != 1:
        raise NotParsable
    amount, decimals, fee = struct.unpack_from("<QBQ", data, 2)
    return typed(
        "transferCheckedWithFee",
        source=accounts[0],
        mint=accounts[1],
        destination=accounts[2],
        tokenAmount=ui_amount(amount, decimals),
        feeAmount=ui_amount(fee, decimals),
        **_signed_by(accounts, 3),
    )


_TOKEN_PARSERS: dict[int, Callable[[Sequence[str], bytes], Json]] = {
    0: _initialize_mint,
    1: _initialize_account,
    3: lambda a, d: typed(
        "transfer", source=a[0], destination=a[1], amount=_amount(d), **_signed_by(a, 2)
    ),
    4: lambda a, d: typed(
        "approve", source=a[0], delegate=a[1], amount=_amount(d), **_signed_by(a, 2, "owner")
    ),
    5: lambda a, d: typed("revoke", source=a[0], **_signed_by(a, 1, "owner")),
    6: _set_authority,
    7: lambda a, d: typed(
        "mintTo", mint=a[0], account=a[1], amount=_amount(d), **_signed_by(a, 2, "mintAuthority")
    ),
    8: lambda a, d: typed("burn", account=a[0], mint=a[1], amount=_amount(d), **_signed_by(a, 2)),
    9: lambda a, d: typed(
        "closeAccount", account=a[0], destination=a[1], **_signed_by(a, 2, "owner")
    ),
    10: lambda a, d: typed(
        "freezeAccount", account=a[0], mint=a[1], **_signed_by(a, 2, "freezeAuthority")
    ),
    11: lambda a, d: typed(
        "thawAccount", account=a[0], mint=a[1], **_signed_by(a, 2, "freezeAuthority")
    ),
    12: lambda a, d: typed(
        "transferChecked",
        source=a[0],
        mint=a[1],
        destination=a[2],
        tokenAmount=_checked_amount(d),
        **_signed_by(a, 3),
    ),
    14: lambda a, d: typed(
        "mintToChecked",
        mint=a[0],
        account=a[1],
        tokenAmount=_checked_amount(d),
        **_signed_by(a, 2, "mintAuthority"),
    ),
    15: lambda a, d: typed(
        "burnChecked",
        account=a[0],
        mint=a[1],
        tokenAmount=_checked_amount(d),
        **_signed_by(a, 2),
    ),
    16: _initialize_account,
    17: lambda a, d: typed("syncNative", account=a[0]),
    18: _initialize_account,
    20: _initialize_mint,
    21: lambda a, d: typed(
        "getAccountDataSize",
        mint=a[0],
        **({"extensionTypes": _extension_types(d)} if len(d) > 1 else {}),
    ),
    22: lambda a, d: typed("initializeImmutableOwner", account=a[0]),
    26: _transfer_with_fee,
}

_EXTENSION_NAMES = {7: "immutableOwner", 2: "transferFeeAmount", 15: "transferHookAccount"}


def _extension_types(data: bytes) -> list[str]:
    kinds = [struct.unpack_from("<H", data, at)[0] for at in range(1, len(data), 2)]
    return [_EXTENSION_NAMES.get(kind, "unparseableExtension") for kind in kinds]
