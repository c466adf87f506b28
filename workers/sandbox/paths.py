"""Seeded price paths, drawn ahead; plain arithmetic that knows neither the chain nor any trade."""

import math
from dataclasses import dataclass, field
from random import Random
from typing import Any

STEP_SECONDS = 60
HOUR_SECONDS = 3_600
KEPT_STEPS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """How a price moves: volatility and jumps per market hour, pulled back to where it began."""

    volatility_per_hour: float
    jumps_per_hour: float = 0.0
    jump_size: float = 0.0
    half_life_hours: float = 48.0


@dataclass(slots=True, kw_only=True)
class Path:
    """Log-price against its start: mean-reverting Brownian motion with jumps on a one-minute grid.

    `log_at` interpolates between grid points, draws further points when it is asked about the
    future and answers the oldest kept one for a past already dropped. The draws depend on the
    name and the seed only, never on when or how often somebody asks.
    """

    name: str
    seed: int
    motion: Motion
    shift: float = 0.0
    _random: Random = field(init=False)
    _points: list[float] = field(default_factory=lambda: [0.0], init=False)
    _first: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._random = Random(f"{self.name}-{self.seed}")

    def log_at(self, seconds: float) -> float:
        """Log of price over starting price at this market second, shifts included."""
        position = max(0.0, seconds / STEP_SECONDS - self._first)
        index = int(position)
        self._draw_until(index + 1)
        left, right = self._points[index], self._points[index + 1]
        return left + (right - left) * (position - index) + self.shift

    def forget_before(self, seconds: float) -> None:
        """Drop grid points older than two hours before this moment: nobody asks for them."""
        keep_from = int(seconds / STEP_SECONDS) - KEPT_STEPS - self._first
        if keep_from > KEPT_STEPS:
            self._draw_until(keep_from + 1)
            del self._points[:keep_from]
            self._first += keep_from

    @property
    def stamp(self) -> tuple[float, int, int]:
        """Differs when `state` does: whoever stores it can see that nothing is new."""
        return self.shift, self._first, len(self._points)

    def state(self) -> dict[str, Any]:
        """Everything needed to go on with the very same draws, as plain JSON values."""
        version, internal, gauss_next = self._random.getstate()
        return {
            "shift": self.shift,
            "points": self._points,
            "first": self._first,
            "random": [version, list(internal), gauss_next],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        version, internal, gauss_next = state["random"]
        self._random.setstate((version, tuple(internal), gauss_next))
        self.shift = state["shift"]
        self._points = list(state["points"])
        self._first = state["first"]

    def _draw_until(self, index: int) -> None:
        while len(self._points) <= index:
            self._points.append(self._next(self._points[-1]))

    def _next(self, last: float) -> float:
        hours = STEP_SECONDS / HOUR_SECONDS
        motion = self.motion
        pull = math.log(2) / motion.half_life_hours * hours
        spread = motion.volatility_per_hour * math.sqrt(hours)
        move = -pull * last + self._random.gauss(0.0, spread)
        if self._random.random() < motion.jumps_per_hour * hours:
            move += self._random.gauss(0.0, motion.jump_size)
        return last + move
