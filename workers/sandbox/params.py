"""Parameters of a call, read and judged (-32602 with a node's texts); knows no method."""

from base64 import b64decode
from typing import Any, cast

from solders.pubkey import Pubkey
from solders.signature import Signature

from workers.sandbox import base58
from workers.sandbox.account_views import ENCODINGS, AccountView
from workers.sandbox.jsonrpc import RpcError, invalid_params
from workers.sandbox.records import Commitment

Json = Any
COMMITMENTS = ("processed", "confirmed", "finalized")
MAX_U64 = 2**64 - 1
PACKET_BYTES = 1232
LARGEST_WIRE_BYTES = 4096
"""A v1 transaction may be this long; legacy and v0 ones end at PACKET_BYTES."""
_REQUIRED: Json = object()


class Params:
    """Positional parameters: `count` is how many the method takes at most, as nodes check."""

    def __init__(self, values: list[Json], *, count: int) -> None:
        if len(values) > count:
            raise invalid_params(f"Invalid parameters: Expected at most {count} parameters.")
        self._values = values

    def raw(self, index: int, default: Json = _REQUIRED) -> Json:
        if index < len(self._values) and self._values[index] is not None:
            return self._values[index]
        if default is _REQUIRED:
            raise invalid_params(f"`params` should have at least {index + 1} argument(s)")
        return default

    def text(self, index: int) -> str:
        return as_text(self.raw(index))

    def pubkey(self, index: int) -> Pubkey:
        return as_pubkey(self.raw(index))

    def signature(self, index: int) -> str:
        return as_signature(self.raw(index))

    def whole(self, index: int, default: Json = _REQUIRED) -> int:
        return as_whole(self.raw(index, default))

    def pubkeys(self, index: int, *, most: int, default: Json = _REQUIRED) -> list[Pubkey]:
        return [as_pubkey(each) for each in as_list(self.raw(index, default), most=most)]

    def signatures(self, index: int, *, most: int) -> list[str]:
        return [as_signature(each) for each in as_list(self.raw(index), most=most)]

    def config(self, index: int) -> "Config":
        return Config(self.raw(index, {}))


class Config:
    """A configuration object; a bare string is an encoding, as old clients send it."""

    def __init__(self, raw: Json) -> None:
        if isinstance(raw, str):
            raw = {"encoding": raw}
        if not isinstance(raw, dict):
            raise invalid_params(f"Invalid params: invalid type: {_kind(raw)}, expected a map.")
        self._raw = raw

    def get(self, name: str) -> Json:
        return self._raw.get(name)

    def commitment(
        self, default: Commitment = "finalized", *, name: str = "commitment"
    ) -> Commitment:
        return cast("Commitment", self.choice(name, COMMITMENTS, default))

    def confirmed(self) -> Commitment:
        """The commitment of methods that read sealed blocks only."""
        commitment = self.commitment()
        if commitment == "processed":
            raise invalid_params("Method does not support commitment below `confirmed`")
        return commitment

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self._raw.get(name)
        if value is None:
            return default
        if value not in allowed:
            expected = ", ".join(f"`{each}`" for each in allowed)
            raise invalid_params(
                f"Invalid params: unknown variant `{_shown(value)}`, expected one of {expected}."
            )
        return as_text(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self._raw.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise invalid_params(
                f"Invalid params: invalid type: {_kind(value)}, expected a boolean."
            )
        return value

    def whole(self, name: str) -> int | None:
        value = self._raw.get(name)
        return None if value is None else as_whole(value)

    def view(self, default: str) -> AccountView:
        """Encoding and slice of the accounts in the reply."""
        encoding = self.choice("encoding", ENCODINGS, default)
        raw = self._raw.get("dataSlice")
        if raw is None:
            return AccountView(encoding=encoding)
        data_slice = Config(raw)
        offset, length = data_slice.whole("offset"), data_slice.whole("length")
        if offset is None or length is None:
            raise invalid_params("Invalid params: missing field `offset` or `length`.")
        return AccountView(encoding=encoding, data_slice=(offset, length))


def _kind(value: Json) -> str:
    match value:
        case bool():
            return f"boolean `{str(value).lower()}`"
        case int():
            return f"integer `{value}`"
        case float():
            return f"floating point `{value}`"
        case str():
            return f'string "{value[:64]}"'
        case list():
            return "sequence"
        case None:
            return "null"
    return "map"


def _shown(value: Json) -> str:
    return value[:64] if isinstance(value, str) else _kind(value)


def as_text(value: Json) -> str:
    if not isinstance(value, str):
        raise invalid_params(f"Invalid params: invalid type: {_kind(value)}, expected a string.")
    return value


def as_whole(value: Json) -> int:
    """An unsigned 64-bit integer."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise invalid_params(f"Invalid params: invalid type: {_kind(value)}, expected u64.")
    if not 0 <= value <= MAX_U64:
        raise invalid_params(f"Invalid params: invalid value: integer `{value}`, expected u64.")
    return value


def as_list(value: Json, *, most: int) -> list[Json]:
    if not isinstance(value, list):
        raise invalid_params(f"Invalid params: invalid type: {_kind(value)}, expected a sequence.")
    if len(value) > most:
        raise invalid_params(f"Too many inputs provided; max {most}")
    return value


def as_pubkey(value: Json) -> Pubkey:
    text = as_text(value)
    try:
        return Pubkey.from_string(text)
    except ValueError:
        raise invalid_params(f"Invalid param: {_why_not(text, size=32)}") from None


def as_signature(value: Json) -> str:
    text = as_text(value)
    try:
        return str(Signature.from_string(text))
    except ValueError:
        raise invalid_params(f"Invalid param: {_why_not(text, size=64)}") from None


def _why_not(text: str, *, size: int) -> str:
    """`WrongSize` or `Invalid`, the two ways a node refuses base58 text."""
    if len(text) > 2 * size:
        return "WrongSize"
    try:
        return "Invalid" if len(base58.decode(text)) == size else "WrongSize"
    except ValueError:
        return "Invalid"


def as_wire(value: Json, *, encoding: str) -> bytes:
    """A transaction's or message's bytes; -32602 when undecodable or larger than any packet."""
    text = as_text(value)
    longest = 5600 if encoding == "base58" else 4 * LARGEST_WIRE_BYTES // 3 + 4
    if len(text) > longest:
        raise invalid_params(
            f"{encoding} encoded solana_transaction::versioned::VersionedTransaction too large: "
            f"{len(text)} bytes (max: encoded/raw {longest}/{LARGEST_WIRE_BYTES})"
        )
    try:
        return base58.decode(text) if encoding == "base58" else b64decode(text, validate=True)
    except ValueError as error:
        raise invalid_params(f"invalid {encoding} encoding: {error}") from None


def context_not_reached(slot: int) -> RpcError:
    return RpcError(-32016, "Minimum context slot has not been reached", {"contextSlot": slot})
