"""What somebody outside told of a figure: known, zero, stale, missing and failed are five different answers.

Nothing here asks anybody. Whoever acts on a figure says with `match` what each of the five means for it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Source(StrEnum):
    """Who told it, as stored with what is kept."""

    JUPITER = "jupiter"
    DEXSCREENER = "dexscreener"
    QUOTE = "quote"
    IMPORT = "import"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known(Generic[T]):
    """A figure that may be acted on; never zero."""

    value: T
    at: datetime
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Zero:
    """The source answered, and what it told is nothing: an empty pool, a worthless token."""

    at: datetime
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale(Generic[T]):
    """It was known once, too long ago to act on; it may be shown with its age."""

    value: T
    at: datetime
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Everybody who was asked answered, and nobody knows it."""

    at: datetime
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Somebody who might know it did not answer; `text` says who and how, without secrets."""

    text: str
    at: datetime


Reading = Known[T] | Zero | Stale[T] | Missing | Failed


def told(amount: Decimal | None, *, at: datetime, source: str) -> Reading[Decimal]:
    """What a source's figure is: none is missing, 0 is zero; one below that is no answer."""
    if amount is None:
        return Missing(at=at, source=source)
    if amount < 0:
        return Failed(text=f"{source}: a negative figure", at=at)
    return Known(value=amount, at=at, source=source) if amount else Zero(at=at, source=source)


def aged(reading: Reading[T], *, now: datetime, lifetime: timedelta) -> Reading[T]:
    """The reading as it counts now: what was known longer ago than that is stale, and so is a zero.

    A zero that has grown old tells nothing that could still be shown, so it is missing.
    """
    if isinstance(reading, Known) and now - reading.at > lifetime:
        return Stale(value=reading.value, at=reading.at, source=reading.source)
    if isinstance(reading, Zero) and now - reading.at > lifetime:
        return Missing(at=reading.at, source=reading.source)
    return reading


def is_answer(reading: Reading[T]) -> bool:
    """Whether nobody else has to be asked: the figure is known, or known to be nothing."""
    return isinstance(reading, Known | Zero)


def or_else(first: Reading[T], second: Reading[T]) -> Reading[T]:
    """What two sources say together: the first answer there is.

    Without one, a failure of either outweighs that the other knows nothing: it might have known.
    """
    if is_answer(first):
        return first
    if is_answer(second) or isinstance(second, Failed):
        return second
    if isinstance(first, Failed):
        return first
    return second
