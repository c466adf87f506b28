"""What callers ask of Jupiter's swap routes, read and checked; nothing is built here."""

from dataclasses import dataclass
from typing import Any

from solders.pubkey import Pubkey

MICRO_PER_LAMPORT = 1_000_000
AUTO_FEE_LAMPORTS = 10_000
LEVEL_FEE_LAMPORTS = {"medium": 10_000, "high": 50_000, "veryHigh": 200_000}
LARGEST_AMOUNT = 2**64 - 1


class BadRequest(Exception):
    """What was asked cannot be understood; `extra` joins the reply's JSON."""

    def __init__(self, text: str, *, status: int = 400, **extra: str) -> None:
        super().__init__(text)
        self.status = status
        self.extra = extra


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """What the sender offers on top: a total priority fee or a tip, in lamports."""

    priority_lamports: int = 0
    tip_lamports: int = 0


def read_fee(wanted: Any) -> Fee:
    """`prioritizationFeeLamports` in all its forms."""
    match wanted:
        case None:
            return Fee()
        case "auto":
            return Fee(priority_lamports=AUTO_FEE_LAMPORTS)
        case bool():
            raise unreadable("prioritizationFeeLamports")
        case int() if 0 <= wanted <= LARGEST_AMOUNT // MICRO_PER_LAMPORT:
            return Fee(priority_lamports=wanted)
        case {"jitoTipLamports": int(tip)} if 0 <= tip <= LARGEST_AMOUNT:
            return Fee(tip_lamports=tip)
        case {"priorityLevelWithMaxLamports": {"maxLamports": int(most), **rest}} if most >= 0:
            level = str(rest.get("priorityLevel", "medium"))
            return Fee(priority_lamports=min(most, LEVEL_FEE_LAMPORTS.get(level, 0)))
    raise unreadable("prioritizationFeeLamports")


def read_key(text: Any, name: str) -> Pubkey:
    """A base58 address."""
    try:
        return Pubkey.from_string(text)
    except (TypeError, ValueError):
        raise unreadable(name) from None


def read_amount(text: Any, name: str) -> int:
    """A u64 as decimal text."""
    if not (isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 20):
        raise unreadable(name)
    amount = int(text)
    if amount > LARGEST_AMOUNT:
        raise unreadable(name)
    return amount


def unreadable(name: str) -> BadRequest:
    """The refusal of a field, in the wording of the live service."""
    text = f"Failed to deserialize the JSON body into the target type: {name}"
    return BadRequest(text, status=422)
