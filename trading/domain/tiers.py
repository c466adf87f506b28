"""How closely a leader is watched: who may cost us money soonest is looked at most often."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

HOT_SCORE = Decimal(85)


class Tier(StrEnum):
    """From the most to the least urgent."""

    HOT = "HOT"
    WARM = "WARM"
    COLD = "COLD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A leader to be watched. `score` None: nobody has scored it."""

    address: str
    is_held: bool
    is_copied: bool
    score: Decimal | None = None

    @property
    def tier(self) -> Tier:
        """What we hold after a leader has to be sold when it sells, so it is always HOT."""
        if self.is_held:
            return Tier.HOT
        if not self.is_copied:
            return Tier.COLD
        return Tier.HOT if self.score is not None and self.score >= HOT_SCORE else Tier.WARM


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds between two looks at a leader's list of transactions.

    A socket that is open tells by itself; behind it the list is read seldom, for what it may have lost.
    """

    hot_seconds: float = 2.0
    warm_seconds: float = 8.0
    cold_seconds: float = 30.0
    behind_socket_factor: float = 8.0

    def seconds(self, tier: Tier, *, is_subscribed: bool) -> float:
        usual = {
            Tier.HOT: self.hot_seconds,
            Tier.WARM: self.warm_seconds,
            Tier.COLD: self.cold_seconds,
        }[tier]
        return usual * self.behind_socket_factor if is_subscribed else usual
