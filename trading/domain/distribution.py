"""A distribution known only by how many values fell into each bucket, and what can be said from that."""

import math
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """`counts[i]` values were above `bounds[i - 1]` and not above `bounds[i]`; one more count for the rest.

    All values are at least 0; `total` is their sum.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float = 0.0

    def __post_init__(self) -> None:
        if len(self.counts) != len(self.bounds) + 1:
            raise ValueError("one count for every bound and one for what is above the last")

    def __add__(self, other: "Distribution") -> "Distribution":
        """Both together; they have the same bounds."""
        counts = zip(self.counts, other.counts, strict=True)
        return Distribution(
            bounds=self.bounds,
            counts=tuple(a + b for a, b in counts),
            total=self.total + other.total,
        )

    def since(self, earlier: "Distribution") -> "Distribution":
        """What came after `earlier`; a count that has fallen was started anew and counts as nothing."""
        counts = zip(self.counts, earlier.counts, strict=True)
        return Distribution(
            bounds=self.bounds,
            counts=tuple(max(0, now - then) for now, then in counts),
            total=max(0.0, self.total - earlier.total),
        )

    @property
    def count(self) -> int:
        return sum(self.counts)

    @property
    def mean(self) -> float | None:
        return self.total / self.count if self.count else None

    @property
    def ceiling(self) -> float | None:
        """No value was above this; infinite when some were above the last bound."""
        filled = [index for index, count in enumerate(self.counts) if count]
        return (*self.bounds, math.inf)[filled[-1]] if filled else None

    def quantile(self, share: float) -> float | None:
        """The value that this share (0 to 1) does not exceed, taken as even within its bucket.

        As Prometheus' histogram_quantile: it errs by less than its bucket's width, and what is above the
        last bound is told as the last bound.
        """
        rank = share * self.count
        for index, reached in enumerate(accumulate(self.counts)):
            if reached >= rank and self.counts[index]:
                return self._within(index, rank - (reached - self.counts[index]))
        return None

    def share_within(self, bound: float) -> float | None:
        """The exact share of values that are not above one of the bounds."""
        place = self.bounds.index(bound)
        return sum(self.counts[: place + 1]) / self.count if self.count else None

    def _within(self, index: int, rank: float) -> float:
        if index == len(self.bounds):
            return self.bounds[-1]
        lower = self.bounds[index - 1] if index else 0.0
        return lower + (self.bounds[index] - lower) * max(0.0, rank) / self.counts[index]
