"""Token-2022 extensions as a node's jsonParsed shows them; not where they lie in an account.

Names and fields: account-decoder/parse_token_extension.rs; layouts: spl-token-2022-interface.
"""

import struct
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from workers.sandbox.token_layouts import address, extension_records, optional_address

State = dict[str, Any]
_ACCOUNT_STATES = ("uninitialized", "initialized", "frozen")


def _elgamal(raw: bytes) -> str | None:
    return b64encode(raw).decode() if any(raw) else None


def _fee(raw: bytes, offset: int) -> State:
    epoch, maximum, basis_points = struct.unpack_from("<QQH", raw, offset)
    return {"epoch": epoch, "maximumFee": maximum, "transferFeeBasisPoints": basis_points}


def _transfer_fee_config(raw: bytes) -> State:
    return {
        "transferFeeConfigAuthority": optional_address(raw[0:32]),
        "withdrawWithheldAuthority": optional_address(raw[32:64]),
        "withheldAmount": struct.unpack_from("<Q", raw, 64)[0],
        "olderTransferFee": _fee(raw, 72),
        "newerTransferFee": _fee(raw, 90),
    }


def _confidential_mint(raw: bytes) -> State:
    return {
        "authority": optional_address(raw[0:32]),
        "autoApproveNewAccounts": bool(raw[32]),
        "auditorElgamalPubkey": _elgamal(raw[33:65]),
    }


def _confidential_fee_config(raw: bytes) -> State:
    return {
        "authority": optional_address(raw[0:32]),
        "withdrawWithheldAuthorityElgamalPubkey": _elgamal(raw[32:64]),
        "harvestToMintEnabled": bool(raw[64]),
        "withheldAmount": b64encode(raw[65:129]).decode(),
    }


def _interest_bearing(raw: bytes) -> State:
    start, before, last, current = struct.unpack_from("<qhqh", raw, 32)
    return {
        "rateAuthority": optional_address(raw[0:32]),
        "initializationTimestamp": start,
        "preUpdateAverageRate": before,
        "lastUpdateTimestamp": last,
        "currentRate": current,
    }


def _plain_number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


def _scaled_ui_amount(raw: bytes) -> State:
    multiplier, effective, new_multiplier = struct.unpack_from("<dqd", raw, 32)
    return {
        "authority": optional_address(raw[0:32]),
        "multiplier": _plain_number(multiplier),
        "newMultiplierEffectiveTimestamp": effective,
        "newMultiplier": _plain_number(new_multiplier),
    }


def _text(raw: bytes, offset: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", raw, offset)
    end = offset + 4 + length
    return raw[offset + 4 : end].decode(errors="replace"), end


def _token_metadata(raw: bytes) -> State:
    name, offset = _text(raw, 64)
    symbol, offset = _text(raw, offset)
    uri, offset = _text(raw, offset)
    (count,) = struct.unpack_from("<I", raw, offset)
    offset += 4
    additional = []
    for _ in range(count):
        key, offset = _text(raw, offset)
        value, offset = _text(raw, offset)
        additional.append([key, value])
    return {
        "updateAuthority": optional_address(raw[0:32]),
        "mint": address(raw[32:64]),
        "name": name,
        "symbol": symbol,
        "uri": uri,
        "additionalMetadata": additional,
    }


def _authority_and(field: str) -> Callable[[bytes], State]:
    return lambda raw: {
        "authority": optional_address(raw[0:32]),
        field: optional_address(raw[32:64]),
    }


def _default_state(raw: bytes) -> State:
    return {"accountState": _ACCOUNT_STATES[min(raw[0], 2)]}


_DECODERS: dict[int, tuple[str, Callable[[bytes], State] | None]] = {
    1: ("transferFeeConfig", _transfer_fee_config),
    2: ("transferFeeAmount", lambda raw: {"withheldAmount": struct.unpack_from("<Q", raw)[0]}),
    3: ("mintCloseAuthority", lambda raw: {"closeAuthority": optional_address(raw[0:32])}),
    4: ("confidentialTransferMint", _confidential_mint),
    6: ("defaultAccountState", _default_state),
    7: ("immutableOwner", None),
    8: ("memoTransfer", lambda raw: {"requireIncomingTransferMemos": bool(raw[0])}),
    9: ("nonTransferable", None),
    10: ("interestBearingConfig", _interest_bearing),
    11: ("cpiGuard", lambda raw: {"lockCpi": bool(raw[0])}),
    12: ("permanentDelegate", lambda raw: {"delegate": optional_address(raw[0:32])}),
    13: ("nonTransferableAccount", None),
    14: ("transferHook", _authority_and("programId")),
    15: ("transferHookAccount", lambda raw: {"transferring": bool(raw[0])}),
    16: ("confidentialTransferFeeConfig", _confidential_fee_config),
    18: ("metadataPointer", _authority_and("metadataAddress")),
    19: ("tokenMetadata", _token_metadata),
    20: ("groupPointer", _authority_and("groupAddress")),
    22: ("groupMemberPointer", _authority_and("memberAddress")),
    25: ("scaledUiAmountConfig", _scaled_ui_amount),
    26: (
        "pausableConfig",
        lambda raw: {"authority": optional_address(raw[0:32]), "paused": bool(raw[32])},
    ),
    27: ("pausableAccount", None),
}


def extensions_json(data: bytes) -> list[State]:
    """Every extension of a mint or token account, in the account's order."""
    return [_one(kind, raw) for kind, raw in extension_records(data)]


def _one(kind: int, raw: bytes) -> State:
    name, decoder = _DECODERS.get(kind, ("unparseableExtension", None))
    if decoder is None:
        return {"extension": name}
    try:
        return {"extension": name, "state": decoder(raw)}
    except (struct.error, ValueError, IndexError, OverflowError):
        return {"extension": "unparseableExtension"}
