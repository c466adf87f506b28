"""What a leader did on chain, as the rest of the sandbox hears of it."""

from dataclasses import dataclass
from enum import StrEnum

from workers.sandbox.archetypes import Profile


class Side(StrEnum):
    """Direction of a leader's swap against SOL."""

    BUY = "BUY"
    SELL = "SELL"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderTrade:
    """One landed swap of a leader; `fraction` is the part of the holding sold (1 for buys)."""

    address: str
    profile: Profile
    side: Side
    symbol: str
    mint: str
    amount_lamports: int
    fraction: float
    signature: str
