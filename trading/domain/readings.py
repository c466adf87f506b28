"""Reading outside JSON: a value of the type it must have, or TransactionUnreadable naming the field."""

from typing import Any

MAX_U64 = 2**64 - 1
_AMOUNT_DIGITS = 21

# What careless access to JSON of a wrong shape raises; readers turn these into TransactionUnreadable.
UNREADABLE = (
    LookupError,
    TypeError,
    AttributeError,
    ValueError,
    OverflowError,
    OSError,
    RecursionError,
)


class TransactionUnreadable(ValueError):
    """The reply is not a transaction with balances, or not one of this wallet; the text names what is wrong."""


def whole(value: Any, what: str, *, low: int = 0, high: int = MAX_U64) -> int:
    """A JSON integer between `low` and `high` (default: an unsigned one of 64 bits)."""
    if type(value) is not int or not low <= value <= high:
        raise TransactionUnreadable(f"{what} is not a whole number of at most 64 bits")
    return value


def optional_whole(value: Any, what: str) -> int | None:
    """As `whole`, but null and absent are None."""
    return None if value is None else whole(value, what)


def raw_amount(value: Any, what: str, *, is_signed: bool = False) -> int:
    """A raw token amount, which the chain writes as decimal text."""
    if type(value) is not str or len(value) > _AMOUNT_DIGITS:
        raise TransactionUnreadable(f"{what} is not a raw amount")
    return whole(int(value), what, low=-MAX_U64 if is_signed else 0)


def text(value: Any, what: str) -> str:
    """Text that is not empty."""
    if type(value) is not str or not value:
        raise TransactionUnreadable(f"{what} is missing or not text")
    return value
