"""What copying costs: the copier's size, delay, fees and own impact."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Assumptions about the copier; ratios unless a unit is named."""

    stake_sol: float = 0.5
    dex_fee: float = 0.003
    fixed_sol: float = 0.0002
    """Network fee, priority fee and tip of one swap."""
    mev_on_sales: float = 0.002
    least_liquidity_usd: float = 5_000.0
    assumed_sol_usd: float = 150.0
    """Where the swap does not say; it only scales the pool's depth."""

    def drift(self, age_seconds: np.ndarray) -> np.ndarray:
        """Adverse move between the leader's swap and ours, where it was not observed.

        The younger a token, the faster it moves; unknown age counts as that of a token days old.
        """
        edges = np.array([120.0, 600.0, 86_400.0, 30 * 86_400.0])
        moves = np.array([0.20, 0.05, 0.01, 0.007, 0.003])
        age = np.where(np.isnan(age_seconds), 2 * 86_400.0, age_seconds)
        return np.asarray(moves[np.searchsorted(edges, age, side="right")])

    def proceeds(self, value: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """What a sale worth `value` at the pool's price brings: own impact, fee, MEV."""
        impact = np.where(depth > 0, value / np.where(depth > 0, depth, 1.0), 0.0)
        return np.asarray(value / (1 + impact) * (1 - self.dex_fee) * (1 - self.mev_on_sales))
