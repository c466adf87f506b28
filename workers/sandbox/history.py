"""The days before the first visitor: generated trade by trade on the chain's own, faster clock."""

from collections.abc import Callable
from dataclasses import dataclass

from workers.sandbox.chain import Chain
from workers.sandbox.leaders import Leaders
from workers.sandbox.market import Market

STEP_SECONDS = 300.0
SAVE_SECONDS = 86_400.0
DAY_SECONDS = 86_400.0


@dataclass(slots=True, kw_only=True)
class History:
    """The market's history length is generated; one market second is one chain second.

    Where a run was cut short, the next one goes on from the last `save`.
    """

    chain: Chain
    market: Market
    leaders: Leaders | None

    @property
    def seconds(self) -> float:
        """Its whole length."""
        return self.market.history_seconds

    @property
    def progress(self) -> float:
        """How much of it exists, 0 to 1."""
        return min(1.0, self.market.clock / self.seconds) if self.seconds else 1.0

    def generate(
        self, *, save: Callable[[], None], report: Callable[[float], None] | None = None
    ) -> None:
        """Generate what is missing; `report` hears the progress a few hundred times."""
        start = self.chain.unix_time - self.market.clock
        next_save = self.market.clock + SAVE_SECONDS
        while self.market.clock < self.seconds:
            self._step(start)
            if report is not None:
                report(self.progress)
            if self.market.clock >= next_save:
                next_save += SAVE_SECONDS
                save()

    def _step(self, start: float) -> None:
        """One market step and everything leaders do until then, each in its own slot."""
        end = min(self.seconds, self.market.clock + STEP_SECONDS)
        while self.leaders is not None and self.leaders.due < end:
            self._move_to(max(self.leaders.due, self.market.clock), start=start)
            self.leaders.act()
            self.market.spring_traps()
        self._move_to(end, start=start)
        self.market.step(end)

    def _move_to(self, clock: float, *, start: float) -> None:
        gap = start + clock - self.chain.unix_time
        if gap > 0:
            self.chain.advance(seconds=gap)
        self.market.clock = clock
