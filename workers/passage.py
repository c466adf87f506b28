"""The way of one claimed signal to its first byte, timed stage by stage."""

from collections.abc import Callable
from datetime import datetime

from trading import metrics
from trading.gateways.waiting import Stopwatch, timed_by
from trading.metrics import Stage
from trading.services.claims import Claim


class Passage(Stopwatch):
    """Tells the metrics what each stage of a signal took, waiting for other machines apart.

    Only a signal's first way through is counted: what was put back has waited for something else.
    """

    def __init__(self, claim: Claim, *, clock: Callable[[], datetime]) -> None:
        super().__init__()
        # Every claim has a task of its own, so this ends with it.
        timed_by.set(self)
        self._claim, self._clock = claim, clock
        self._is_counted = claim.is_first
        self._since, self._waited_before = claim.received_at, 0
        self.reached(Stage.CLAIMED)

    def reached(self, stage: Stage) -> None:
        """A stage ends here; what of it was waiting is none of its time."""
        now = self._clock()
        if self._is_counted:
            waited_microseconds = self.waited_microseconds - self._waited_before
            seconds = (now - self._since).total_seconds() - waited_microseconds / 1e6
            metrics.observe_stage(stage, self._claim.request.action, seconds=seconds)
        self._since, self._waited_before = now, self.waited_microseconds

    def first_byte(self) -> None:
        """The transaction begins to leave; called again, for another offer of it, this counts nothing."""
        self.reached(Stage.SENT)
        if self._is_counted:
            metrics.observe_first_byte(
                self._claim.request.action,
                total_seconds=(self._since - self._claim.received_at).total_seconds(),
                waited_seconds=self.waited_microseconds / 1e6,
            )
        self._is_counted = False
