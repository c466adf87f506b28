"""Telling skill from luck over a whole population: who has any, how much, and is it still there?

Each wallet's record is a series of standardised returns. Most wallets pick no better than chance:
their true mean is the population's (Barras, Scaillet & Wermers 2010 call them zero-alpha). Some
have skill: true means spread with τ² around it (normal-normal empirical Bayes, Jones & Shanken
2005). The share of the skilled, the common mean and τ² are estimated by EM from all wallets, begun
at Paule & Mandel's τ². A skill may end: its end is a change point with a constant hazard, so old
successes are forgotten when newer trades contradict them, and not before.
"""

from dataclasses import dataclass

import numpy as np

MOST_ITERATIONS = 200
BELIEVED_WALLETS, BELIEVED_SKILLED, BELIEVED_SPREAD = 10.0, 1.0, 0.1
"""What is believed before seeing any wallet, and how many wallets that belief is worth: one in ten
has skill, of about a third of a standard deviation a trade."""
BELIEVED_MEAN_DEVIATION = 0.2
"""How far from nothing the market may carry all purchases, in standard deviations of one trade."""
BELIEVED_TRADES = 20.0
"""How many trades the belief that standardised returns have variance 1 is worth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """`mean` of all true means, `spread` τ² of the skilled, their `share`, `noise`: variance of one
    standardised return."""

    mean: float
    spread: float
    share: float
    noise: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """Per wallet: `skilled` P(has skill now), `ended` P(had it and lost it), `mean` and `deviation`
    of the true mean if skilled now, `expected` over all cases."""

    skilled: np.ndarray
    ended: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    expected: np.ndarray


def paule_mandel(means: np.ndarray, variances: np.ndarray) -> float:
    """τ² for which the weighted squared deviations are what they should be (bisection); ≥ 0."""
    if len(means) < 2:
        return 0.0

    def excess(spread: float) -> float:
        weight = 1 / (variances + spread)
        centre = np.sum(weight * means) / np.sum(weight)
        return float(np.sum(weight * (means - centre) ** 2)) - (len(means) - 1)

    low, high = 0.0, 10 * float(np.var(means)) + 1e-9
    if excess(low) <= 0:
        return 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2


def population_of(means: np.ndarray, trades: np.ndarray, *, noise: float) -> Population:
    """From the mean standardised return and the (effective) number of trades of each wallet."""
    variances = noise / trades
    share = BELIEVED_SKILLED / BELIEVED_WALLETS
    # Begun at 0, a market that lifts everybody would look like skill of everybody.
    mean = (
        float(np.median(means)) * len(means) / (len(means) + BELIEVED_WALLETS)
        if len(means)
        else 0.0
    )
    spread = max(paule_mandel(means, variances), BELIEVED_SPREAD)
    for _ in range(MOST_ITERATIONS if len(means) else 0):
        skilled = _skilled(means, variances, mean, spread, share)
        weight = (1 - skilled) / variances
        mean = float(np.sum(weight * means) / (np.sum(weight) + 1 / BELIEVED_MEAN_DEVIATION**2))
        shrink = spread / (spread + variances)
        true = mean + shrink * (means - mean)
        squares = float(np.sum(skilled * ((true - mean) ** 2 + shrink * variances)))
        found = float(np.sum(skilled))
        share = (found + BELIEVED_SKILLED) / (len(means) + BELIEVED_WALLETS)
        spread = (squares + BELIEVED_SKILLED * BELIEVED_SPREAD) / (found + BELIEVED_SKILLED)
    return Population(mean=mean, spread=spread, share=share, noise=noise)


def _skilled(
    means: np.ndarray, variances: np.ndarray, mean: float, spread: float, share: float
) -> np.ndarray:
    """P(skilled) of each wallet."""
    odds = np.log(share / (1 - share)) + _evidence(means - mean, variances, spread)
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -500, 500))))


def _evidence(deviation: np.ndarray, variance: np.ndarray, spread: float) -> np.ndarray:
    """Log Bayes factor of a spread-out true mean against the common one."""
    wide = variance + spread
    return np.asarray(
        0.5 * (deviation**2 / variance - deviation**2 / wide + np.log(variance) - np.log(wide))
    )


def posterior_of(
    sums: np.ndarray, counts: np.ndarray, population: Population, *, hazard: float
) -> Posterior:
    """`sums` and `counts` of standardised returns per wallet (rows) and period (columns, the latest
    first); `hazard`: probability that a skill ends within one period."""
    older_counts = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1]
    older_means = np.cumsum(sums[:, ::-1], axis=1)[:, ::-1] / np.maximum(older_counts, 1)
    variance = population.noise / np.maximum(older_counts, 1)
    deviation = older_means - population.mean
    # Column c: skill until c periods ago. Column 0 is now.
    evidence = np.where(older_counts > 0, _evidence(deviation, variance, population.spread), 0.0)
    weight = evidence + _log_prior_of_end(older_counts, hazard)
    peak = weight.max(axis=1, keepdims=True)
    cases = np.exp(weight - peak)
    total = cases.sum(axis=1)
    odds = np.log(population.share / (1 - population.share)) + peak[:, 0] + np.log(total)
    ever = 1 / (1 + np.exp(-np.clip(odds, -500, 500)))
    still = cases[:, 0] / total
    shrink = population.spread / (population.spread + variance[:, 0])
    mean = population.mean + shrink * deviation[:, 0]
    return Posterior(
        skilled=ever * still, ended=ever * (1 - still), mean=mean,
        deviation=np.sqrt(shrink * variance[:, 0]),
        expected=ever * still * mean + (1 - ever * still) * population.mean,
    )  # fmt: skip


def _log_prior_of_end(older_counts: np.ndarray, hazard: float) -> np.ndarray:
    """Log probability, per wallet, that its skill ended c periods ago (c = 0: has not ended), given
    that it had one in its first period."""
    periods = np.maximum((older_counts > 0).sum(axis=1), 1)[:, None]
    ago = np.arange(older_counts.shape[1])[None, :]
    survived = np.where(ago == 0, periods - 1, periods - ago - 1) * np.log1p(-hazard)
    prior = survived + np.where(ago == 0, 0.0, np.log(hazard))
    prior = np.where(ago < periods, prior, -np.inf)
    return np.asarray(prior - np.log(np.exp(prior).sum(axis=1, keepdims=True)))
