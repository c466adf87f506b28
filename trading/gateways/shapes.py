"""Reads fields out of parsed replies: each function returns the type it names or raises
InvalidReply; what a field means is its gateway's business.
"""

import base64
import binascii
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from solders.pubkey import Pubkey
from solders.signature import Signature

from trading.gateways.base import InvalidReply

U64_MAX = 2**64 - 1


def as_object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(value, what, "an object")
    return value


def as_list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(value, what, "a list")
    return value


def as_text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise _wrong(value, what, "text")
    return value


def as_flag(value: object, what: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(value, what, "true or false")
    return value


def as_integer(value: object, what: str) -> int:
    """A whole number from 0 to 2**64 - 1, given as a JSON number."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= U64_MAX:
        raise _wrong(value, what, "a whole number")
    return value


def as_amount(value: object, what: str) -> int:
    """A raw amount from 0 to 2**64 - 1, given as decimal digits in a string."""
    text = as_text(value, what)
    if not (text.isascii() and text.isdigit() and len(text) <= 20) or int(text) > U64_MAX:
        raise _wrong(value, what, "an amount")
    return int(text)


def as_decimal(value: object, what: str) -> Decimal:
    """A finite number, given as a JSON number or a string; a float's shortest text is taken."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _wrong(value, what, "a number")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise _wrong(value, what, "a number") from None
    if not number.is_finite() or abs(number.adjusted()) > 60:
        raise _wrong(value, what, "a number")
    return number


def as_bytes(value: object, what: str) -> bytes:
    """Bytes, given as base64."""
    try:
        return base64.b64decode(as_text(value, what), validate=True)
    except (binascii.Error, ValueError):
        raise _wrong(value, what, "base64") from None


def as_pubkey(value: object, what: str) -> Pubkey:
    try:
        return _pubkey(as_text(value, what))
    except ValueError:
        raise _wrong(value, what, "an address") from None


@lru_cache(maxsize=8_192)
def _pubkey(text: str) -> Pubkey:
    """The same programs, pools and mints come again in almost every reply. ValueError for what is no address."""
    return Pubkey.from_string(text)


def as_address(value: object, what: str) -> str:
    """The text of a 32-byte address."""
    as_pubkey(value, what)
    return as_text(value, what)


def as_signature(value: object, what: str) -> str:
    """The text of a 64-byte signature."""
    try:
        return str(Signature.from_string(as_text(value, what)))
    except ValueError:
        raise _wrong(value, what, "a signature") from None


def as_moment_from_milliseconds(value: object, what: str) -> datetime:
    milliseconds = as_integer(value, what)
    try:
        return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
    except (OverflowError, ValueError, OSError):
        raise _wrong(value, what, "a time in milliseconds") from None


def field(value: object, name: str) -> Any:
    """The named member of an object; a missing one is None, which the next reader judges."""
    return as_object(value, f"the reply around {name}").get(name)


def _wrong(value: object, what: str, wanted: str) -> InvalidReply:
    return InvalidReply(f"{what}: expected {wanted}, got {type(value).__name__}")
