"""A distribution as the columns of a picture, one for each bucket. What the buckets hold is the pages' matter."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

LEAST_HEIGHT = 1.5
"""One slow value among thousands must be seen."""
GAP = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A picture and the margins around its columns, in SVG units."""

    width: int
    height: int
    left: int
    top: int
    bottom: int

    @property
    def base_y(self) -> int:
        """Where the columns stand."""
        return self.height - self.bottom

    @property
    def reach(self) -> int:
        """How high the highest may be."""
        return self.base_y - self.top

    def step(self, count: int) -> float:
        """The width of one of so many columns, its gap included."""
        return (self.width - 2 * self.left) / count


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """How many values a bucket holds, in SVG units; `label` where the axis names its upper bound."""

    x: float
    y: float
    width: float
    height: float
    count: int
    bound: float
    is_within: bool
    label: str

    @property
    def edge(self) -> float:
        """Where its upper bound stands."""
        return round(self.x + self.width, 1)


def columns(
    buckets: Sequence[tuple[float, int]],
    *,
    frame: Frame,
    limit: float,
    label: Callable[[float], str],
) -> tuple[Column, ...]:
    """Columns of equal width, as the bounds are spaced by ratio.

    `buckets` are upper bounds, the last may be infinite, each with how many values it holds; those up to
    `limit` are within. Without any value the columns are there, but of no height.
    """
    if not buckets:
        return ()
    step = frame.step(len(buckets))
    highest = max(count for _, count in buckets) or 1
    found = []
    for place, (bound, count) in enumerate(buckets):
        height = max(frame.reach * count / highest, LEAST_HEIGHT) if count else 0.0
        found.append(
            Column(
                x=round(frame.left + place * step, 1),
                y=round(frame.base_y - height, 1),
                width=round(step - GAP, 1),
                height=round(height, 1),
                count=count,
                bound=bound,
                is_within=bound <= limit,
                label=label(bound),
            )
        )
    return tuple(found)
