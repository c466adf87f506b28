"""A mint account's bytes as facts: authorities, supply, Token-2022 extensions; no policy judges here."""

from dataclasses import dataclass

from trading.domain.values import TOKEN_2022_PROGRAM, TOKEN_PROGRAM

MINT_LENGTH = 82
TLV_OFFSET = 166
ACCOUNT_TYPE_OFFSET = 165
ACCOUNT_TYPE_MINT = 1


class Extension:
    """Token-2022 extension types that can hurt a holder (formats: mint TLV from byte 166)."""

    TRANSFER_FEE_CONFIG = 1
    MINT_CLOSE_AUTHORITY = 3
    CONFIDENTIAL_TRANSFER_MINT = 4
    DEFAULT_ACCOUNT_STATE = 6
    NON_TRANSFERABLE = 9
    PERMANENT_DELEGATE = 12
    TRANSFER_HOOK = 14
    PAUSABLE = 26


# Close authority, confidential transfers, interest, pointers, metadata, groups, scaled amounts, permissioned burn.
HARMLESS_EXTENSIONS = frozenset({3, 4, 10, 16, 18, 19, 20, 21, 22, 23, 24, 25, 28})
INITIALIZED_STATE = 1
EXTENSION_BYTES = {
    Extension.DEFAULT_ACCOUNT_STATE: 1,
    Extension.NON_TRANSFERABLE: 0,
    Extension.PERMANENT_DELEGATE: 32,
    Extension.TRANSFER_HOOK: 64,
    Extension.PAUSABLE: 33,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MintFacts:
    """What a mint account holds; `unsafe_extension` names the first one we refuse, empty when none."""

    token_program: str
    decimals: int
    supply_raw: int
    has_mint_authority: bool
    has_freeze_authority: bool
    unsafe_extension: str = ""
    transfer_fee_bps: int = 0


def parse_mint(data: bytes, *, owner: str) -> MintFacts | None:
    """The mint in raw account bytes, or None when the account is not an initialised mint.

    Layout (SPL Token): u32 tag + mint authority, u64 supply, u8 decimals, u8 initialised, u32 tag + freeze
    authority; Token-2022 pads to 165, then the account type and the TLV list.
    """
    if owner not in (TOKEN_PROGRAM, TOKEN_2022_PROGRAM) or len(data) < MINT_LENGTH:
        return None
    if owner == TOKEN_PROGRAM and len(data) != MINT_LENGTH:
        return None
    if data[45] != 1:
        return None
    unsafe, fee_bps = "", 0
    if len(data) > MINT_LENGTH:
        if len(data) < TLV_OFFSET or data[ACCOUNT_TYPE_OFFSET] != ACCOUNT_TYPE_MINT:
            return None
        unsafe, fee_bps = _scan_extensions(data)
    return MintFacts(
        token_program=owner,
        decimals=data[44],
        supply_raw=int.from_bytes(data[36:44], "little"),
        has_mint_authority=data[0:4] != bytes(4),
        has_freeze_authority=data[46:50] != bytes(4),
        unsafe_extension=unsafe,
        transfer_fee_bps=fee_bps,
    )


def _scan_extensions(data: bytes) -> tuple[str, int]:
    """The first refused extension (or empty) and the higher of this and the next epoch's transfer fee."""
    if any(data[MINT_LENGTH:ACCOUNT_TYPE_OFFSET]):
        return "padding", 0
    offset, unsafe, fee_bps = TLV_OFFSET, "", 0
    while offset + 4 <= len(data):
        kind = int.from_bytes(data[offset : offset + 2], "little")
        length = int.from_bytes(data[offset + 2 : offset + 4], "little")
        if kind == 0:
            break
        value = data[offset + 4 : offset + 4 + length]
        if len(value) != length:
            return "truncated", fee_bps
        if kind == Extension.TRANSFER_FEE_CONFIG:
            fee_bps = max(fee_bps, _transfer_fee_bps(value))
        else:
            unsafe = unsafe or _judge_extension(kind, value)
        offset += 4 + length
    if any(data[offset:]):
        unsafe = unsafe or "padding"
    return unsafe, fee_bps


def _transfer_fee_bps(value: bytes) -> int:
    """The higher of the two stored fees, whichever epoch is now.

    Two authorities, the withheld amount, then (epoch, maximum, bps) of the older and the newer fee.
    """
    if len(value) != 108:
        return 10_000
    return max(int.from_bytes(value[88:90], "little"), int.from_bytes(value[106:108], "little"))


def _judge_extension(kind: int, value: bytes) -> str:
    """Why an extension is refused, or empty. One of another size than the program writes is not understood."""
    if len(value) != EXTENSION_BYTES.get(kind, len(value)):
        return f"malformed extension {kind}"
    match kind:
        case Extension.NON_TRANSFERABLE:
            return "non-transferable"
        case Extension.PERMANENT_DELEGATE:
            return "permanent delegate" if any(value) else ""
        case Extension.TRANSFER_HOOK:
            return "transfer hook" if any(value[32:64]) else ""
        case Extension.DEFAULT_ACCOUNT_STATE:
            return "frozen by default" if value != bytes([INITIALIZED_STATE]) else ""
        case Extension.PAUSABLE:
            return "pausable" if any(value) else ""
    return "" if kind in HARMLESS_EXTENSIONS else f"unknown extension {kind}"
