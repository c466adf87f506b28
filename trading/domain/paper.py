"""What a trade on paper would have given: the quote less what happened to the price until it would have landed."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum

PRIOR_PENALTY_BPS = Decimal(100)
"""What a fill is worse than its quote while nothing is known: the 2 % a round trip by which an earlier
system of this kind found its paper trades better than its real ones, half of it each way.
"""
FEWEST_SAMPLES = 10
MOST_SAMPLES = 100
BPS = Decimal(10_000)
_STEP = Decimal("0.0001")
_WIDEST_BPS = Decimal(1_000_000)


class PenaltySource(StrEnum):
    """Where the latency penalty of a fill comes from, the best first."""

    OBSERVED = "OBSERVED"
    """This very order, quoted once more when it would have landed."""
    MEASURED = "MEASURED"
    """The mean of what our own last submissions observed."""
    PRIOR = "PRIOR"
    """A documented assumption: too few of our own submissions are observed so far."""


class PaperError(StrEnum):
    """Why a transaction on paper fails, named as the chain names it."""

    SLIPPAGE = "6001"
    INSUFFICIENT_FUNDS = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperFill:
    """What comes out, and by how much that is worse than quoted (less than 0: better).

    `samples` is how many submissions of ours the penalty rests on.
    """

    out_raw: int
    penalty_bps: Decimal
    source: PenaltySource
    samples: int


def observed_fill(*, quoted_out_raw: int, out_at_landing_raw: int) -> PaperFill:
    """The fill by a second quote for the same amount, asked when the transaction would have landed."""
    worse = Decimal(quoted_out_raw - out_at_landing_raw) * BPS / max(1, quoted_out_raw)
    return PaperFill(
        out_raw=out_at_landing_raw,
        penalty_bps=max(-_WIDEST_BPS, worse).quantize(_STEP),
        source=PenaltySource.OBSERVED,
        samples=1,
    )


def assumed_fill(*, quoted_out_raw: int, observed_bps: Sequence[Decimal]) -> PaperFill:
    """The fill when nobody could be asked in time: the mean of what we observed, never in our favour.

    With fewer than FEWEST_SAMPLES observations it is the prior.
    """
    samples = len(observed_bps)
    source, bps = PenaltySource.PRIOR, PRIOR_PENALTY_BPS
    if samples >= FEWEST_SAMPLES:
        mean = sum(observed_bps, Decimal()) / samples
        source, bps = PenaltySource.MEASURED, min(BPS, max(Decimal(), mean)).quantize(_STEP)
    out = (quoted_out_raw * (BPS - bps) / BPS).to_integral_value(ROUND_FLOOR)
    return PaperFill(out_raw=int(out), penalty_bps=bps, source=source, samples=samples)


def failure(
    fill: PaperFill,
    *,
    minimum_out_raw: int | None,
    paid_raw: int,
    owned_raw: int,
) -> PaperError | None:
    """Why the chain would have failed it, or None. `paid_raw` and `owned_raw`: of what the order pays with."""
    if paid_raw > owned_raw:
        return PaperError.INSUFFICIENT_FUNDS
    if minimum_out_raw is not None and fill.out_raw < minimum_out_raw:
        return PaperError.SLIPPAGE
    return None
