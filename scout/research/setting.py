"""How we would have followed: the rules, our size, and what is assumed where history does not tell."""

from dataclasses import asdict, dataclass, field
from typing import Any

from trading.domain.leaders import Following
from trading.domain.policy import Policy
from trading.domain.policy import as_json as policy_as_json
from trading.domain.values import LAMPORTS_PER_SOL


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What history does not tell: our size, delay, and costs where none were recorded.

    `adverse_bps` is how much worse the price gets in the delay, where the quote after the leader's swap was
    not recorded; `mev_bps` is what others take of a sale by acting before it; `market_tip_lamports` is what
    the market tips (the policy's floor applies); `sol_price_usd` stands in where a row has none.
    """

    size_lamports: int = LAMPORTS_PER_SOL // 2
    delay_seconds: int = 5
    adverse_bps: int = 50
    pool_fee_bps: int = 30
    mev_bps: int = 20
    network_fee_lamports: int = 8_000
    market_tip_lamports: int = 0
    sol_price_usd: float | None = None

    def __post_init__(self) -> None:
        """ValueError names a figure that no trade can have."""
        for name, value in asdict(self).items():
            if value is not None and not 0 <= value < float("inf"):
                raise ValueError(f"{name}: must not be negative")
            if name.endswith("_bps") and value >= 10_000:
                raise ValueError(f"{name}: below 10000, which is all of it")
        if self.size_lamports == 0:
            raise ValueError("size_lamports: above 0")

    @property
    def pool_fee(self) -> float:
        return self.pool_fee_bps / 10_000

    @property
    def adverse(self) -> float:
        return self.adverse_bps / 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How we would have followed: the strategy, the policy, who takes profit, and what is assumed."""

    strategy: str = "SHIELD"
    policy: Policy = field(default=Policy())
    following: Following = field(default=Following())
    assumptions: Assumptions = field(default=Assumptions())

    def as_json(self) -> dict[str, Any]:
        """Plain values for storing beside a result."""
        return {
            "strategy": self.strategy,
            "exit_mode": str(self.following.exit_mode),
            "follow_bps": self.following.follow_bps,
            "assumptions": asdict(self.assumptions),
            "policy": policy_as_json(self.policy),
        }
