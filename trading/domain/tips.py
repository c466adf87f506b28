"""How much to pay for inclusion."""

from collections.abc import Sequence
from dataclasses import dataclass

from trading.domain.policy import ENGINE_MINIMUM_TIP_LAMPORTS, Policy

LEAST_SAMPLES = 10
MOST_SAMPLES = 100


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TipPrice:
    """A tip and what it rests upon, for the decision's stored facts; None = there was no such number."""

    lamports: int
    market_lamports: int | None
    own_lamports: int | None
    own_samples: int
    floor_lamports: int
    ceiling_lamports: int
    attempt: int


def price_tip(
    *,
    policy: Policy,
    percentile: int,
    market: TipFloor | None,
    own_landed: Sequence[int] = (),
    attempt: int = 1,
    fixed_lamports: int | None = None,
) -> TipPrice:
    """The tip for this attempt: what a place costs, +20 % a retry, within the policy's floor and ceiling.

    What it costs is the mean of the market's percentile and the same percentile of the tips with which our
    own last bundles landed. Either one alone misleads: the market jumps for a minute when others fight over
    something else, and our own tips prove only that they were enough, so following them alone would hold
    on to whatever we once paid. The mean goes half the way, and its only resting point is the market.
    Fewer than 10 of our own count for nothing; without a market ours stand alone; without either it is
    twice the floor (specification §9). `fixed_lamports`, a leader's own setting, stands for all of that.
    """
    own = _percentile(own_landed, percentile) if len(own_landed) >= LEAST_SAMPLES else None
    offered = None if market is None else market.percentile(percentile)
    known = [each for each in (offered, own) if each is not None]
    if fixed_lamports is not None:
        tip = fixed_lamports
    else:
        tip = _mean(known) if known else 2 * policy.minimum_tip_lamports
    return TipPrice(
        lamports=_escalated(
            max(tip, policy.minimum_tip_lamports),
            attempt=attempt,
            ceiling=policy.maximum_tip_lamports,
        ),
        market_lamports=offered,
        own_lamports=own,
        own_samples=len(own_landed),
        floor_lamports=policy.minimum_tip_lamports,
        ceiling_lamports=policy.maximum_tip_lamports,
        attempt=attempt,
    )


def exit_tip_lamports(price: TipPrice, *, proceeds_lamports: int, policy: Policy) -> int:
    """An exit's tip: no more than the policy's share of what the sale brings in; 0 = it goes without one.

    A share below the engine's own minimum buys no place at all, and an exit is not held up for that.
    """
    tip = min(price.lamports, proceeds_lamports * policy.maximum_tip_bps // 10_000)
    return tip if tip >= ENGINE_MINIMUM_TIP_LAMPORTS else 0


def _percentile(tips: Sequence[int], percentile: int) -> int:
    """The nearest rank: one of the tips that were really paid."""
    return sorted(tips)[max(0, -(-len(tips) * percentile // 100) - 1)]


def _mean(tips: Sequence[int]) -> int:
    """Rounded up."""
    return -(-sum(tips) // len(tips))


def _escalated(tip: int, *, attempt: int, ceiling: int) -> int:
    for _ in range(attempt - 1):
        if tip >= ceiling:
            break
        tip = tip * 12 // 10
    return min(tip, ceiling)
