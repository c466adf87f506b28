"""The market for Jito tips: a seeded series of landed percentiles and what a tip buys; no bundles."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from random import Random
from typing import Any

_LAMPORTS_PER_SOL = 10**9
_TYPICAL_MEDIAN_SOL = 5.5e-6
_EMA_MINUTES = 10
_CHANCES = ((25, 0.35), (50, 0.60), (75, 0.85), (95, 0.97), (99, 0.99))
"""Chance to land in a slot when the tip equals that percentile of landed tips."""
_CHANCE_BELOW = 0.10


@lru_cache(maxsize=256)
def _percentiles(seed: int, minute: int) -> Mapping[int, float]:
    """Every bundle of a slot asks for the same minute, and a generator is slow to seed."""
    draw = Random(f"tips-{seed}-{minute}")
    median = _TYPICAL_MEDIAN_SOL * math.exp(draw.gauss(0, 0.35))
    p25 = median * draw.uniform(0.4, 0.6)
    p75 = median * math.exp(draw.uniform(0.4, 2.0))
    p95 = p75 * math.exp(draw.uniform(1.5, 3.0))
    p99 = p95 * math.exp(draw.uniform(0.8, 3.0))
    return {25: p25, 50: median, 75: p75, 95: p95, 99: p99}


class TipFloor:
    """Percentiles in SOL, a function of seed and minute alone, sized like autumn 2026's."""

    def __init__(self, *, seed: int) -> None:
        self._seed = seed

    def percentiles(self, unix_time: float) -> dict[int, float]:
        """Landed tips in SOL by percentile, never falling from one to the next."""
        return dict(_percentiles(self._seed, int(unix_time) // 60))

    def as_json(self, unix_time: float) -> list[dict[str, Any]]:
        """The body of `GET /api/v1/bundles/tip_floor`."""
        rows = {
            f"landed_tips_{percentile}th_percentile": round(tip_sol, 12)
            for percentile, tip_sol in self.percentiles(unix_time).items()
        }
        medians = [self.percentiles(unix_time - 60 * age)[50] for age in range(_EMA_MINUTES)]
        weights = [0.8**age for age in range(_EMA_MINUTES)]
        ema = sum(m * w for m, w in zip(medians, weights, strict=True)) / sum(weights)
        moment = datetime.fromtimestamp(int(unix_time), tz=UTC)
        return [
            {
                "time": moment.isoformat(),
                **rows,
                "ema_landed_tips_50th_percentile": round(ema, 12),
            }
        ]

    def landing_chance(self, tip_lamports: int, *, unix_time: float) -> float:
        """The chance that a bundle with this tip wins a slot's auction now."""
        chance = _CHANCE_BELOW
        floor = self.percentiles(unix_time)
        for percentile, chance_there in _CHANCES:
            if tip_lamports >= floor[percentile] * _LAMPORTS_PER_SOL:
                chance = chance_there
        return chance
