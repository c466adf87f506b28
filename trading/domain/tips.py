"""How much to pay for inclusion."""

from dataclasses import dataclass

from trading.domain.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class TipFloor:
    """Percentiles of the tips that landed lately, in lamports, rounded up."""

    p25_lamports: int
    p50_lamports: int
    p75_lamports: int
    p95_lamports: int
    p99_lamports: int
    ema50_lamports: int

    def percentile(self, percentile: int) -> int:
        """The tip at one of the published percentiles; ValueError for any other."""
        match percentile:
            case 25:
                return self.p25_lamports
            case 50:
                return self.p50_lamports
            case 75:
                return self.p75_lamports
            case 95:
                return self.p95_lamports
            case 99:
                return self.p99_lamports
        raise ValueError(f"no such percentile: {percentile}")


def tip_lamports(
    *,
    policy: Policy,
    percentile: int,
    floor: TipFloor | None,
    attempt: int = 1,
    fixed_lamports: int | None = None,
) -> int:
    """The tip for this attempt: market percentile, +20 % a retry, within the policy's floor and ceiling.

    Without market data: twice the floor (specification §9). `fixed_lamports` stands for the market.
    """
    if fixed_lamports is not None:
        tip = max(fixed_lamports, policy.minimum_tip_lamports)
    elif floor is None:
        tip = 2 * policy.minimum_tip_lamports
    else:
        tip = max(floor.percentile(percentile), policy.minimum_tip_lamports)
    for _ in range(attempt - 1):
        tip = tip * 12 // 10
    return min(tip, policy.maximum_tip_lamports)
