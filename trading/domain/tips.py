"""How much to pay for inclusion."""

from dataclasses import dataclass

from trading.domain.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class TipFloor:
    """Percentiles of tips that landed lately, in lamports, as the market publishes them."""

    p25: int
    p50: int
    p75: int
    p95: int
    p99: int

    def percentile(self, percentile: int) -> int:
        """The tip at one of the published percentiles: 25, 50, 75, 95 or 99."""
        match percentile:
            case 25:
                return self.p25
            case 50:
                return self.p50
            case 75:
                return self.p75
            case 95:
                return self.p95
            case 99:
                return self.p99
        raise ValueError(f"no such percentile: {percentile}")


def tip_lamports(
    *, policy: Policy, percentile: int, floor: TipFloor | None, attempt: int = 1
) -> int:
    """The tip for this attempt: market percentile, +20 % a retry, within the policy's floor and ceiling.

    Without market data: twice the floor (specification §9).
    """
    if floor is None:
        tip = 2 * policy.minimum_tip_lamports
    else:
        tip = max(floor.percentile(percentile), policy.minimum_tip_lamports)
    for _ in range(attempt - 1):
        tip = tip * 12 // 10
    return min(tip, policy.maximum_tip_lamports)
