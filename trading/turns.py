"""What has queued up for the threads of a writer, and whose turn it is."""

import asyncio
import queue
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice
from typing import Any

MAXIMUM_BATCH = 256
MOST_PASSED_OVER = 8
"""Groups of prompt work in a row while patient work waits: what has landed must get into the books."""


class Kind(Enum):
    """What a verb does, and how long it can wait."""

    READ = auto()
    WRITE = auto()
    PATIENT = auto()


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """A verb and who awaits it; those of one lane are never under way at the same time."""

    verb: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    kind: Kind
    lane: Hashable | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """What threads are told through the queue of work: that there is something to look at, or no more to come."""

    is_end: bool


LOOK, END = Mark(is_end=False), Mark(is_end=True)


class Turns:
    """Work in the order in which it will be done. Not for several threads at once: hold a lock.

    At most `group` pieces of work have their turn together, patient ones one by one, so that those in a
    hurry can come between; `most_patient` of the patient are under way at the same time.
    """

    def __init__(
        self,
        source: "queue.SimpleQueue[Work | Mark]",
        *,
        group: int = MAXIMUM_BATCH,
        most_patient: int = MAXIMUM_BATCH,
    ) -> None:
        self._source, self._group, self._most_patient = source, group, most_patient
        self._prompt: deque[Work] = deque()
        self._patient: deque[Work] = deque()
        self._busy_lanes: set[Hashable] = set()
        self._patient_under_way = 0
        self._passed_over = 0
        self.is_last = False

    def __bool__(self) -> bool:
        return bool(self._prompt or self._patient)

    def look(self) -> None:
        """Take in what has come."""
        with suppress(queue.Empty):
            while not self.is_last:
                self.take_in(self._source.get_nowait())

    def take_in(self, came: Work | Mark) -> None:
        """Put work into its line; after the end nothing is looked for any more."""
        if isinstance(came, Work):
            self._line_of(came).append(came)
        elif came.is_end:
            self.is_last = True

    def next_group(self) -> list[Work]:
        """Everybody in a hurry; one of those who are not, when nobody is or they were passed over too often.

        Empty when nothing may be begun now. What was begun has to be told as `done`.
        """
        is_turn = self._passed_over >= MOST_PASSED_OVER or not self._prompt
        lines = (self._patient, self._prompt) if is_turn else (self._prompt, self._patient)
        group = self._begin(lines[0]) or self._begin(lines[1])
        if group and group[0].kind is Kind.PATIENT:
            self._passed_over = 0
        elif group:
            self._passed_over += bool(self._patient)
        return group

    def may_begin(self) -> bool:
        """Whether there is work that nobody has to wait for."""
        return any(self._free(line) for line in (self._prompt, self._patient))

    def done(self, group: Sequence[Work], *, begun: int) -> None:
        """Of this group so many are done; put the others where they were."""
        for work in group:
            self._busy_lanes.discard(work.lane)
            self._patient_under_way -= work.kind is Kind.PATIENT
        for work in reversed(group[begun:]):
            self._line_of(work).appendleft(work)

    def _begin(self, line: deque[Work]) -> list[Work]:
        group = self._free(line, at_most=1 if line is self._patient else self._group)
        for work in group:
            line.remove(work)
            if work.lane is not None:
                self._busy_lanes.add(work.lane)
            self._patient_under_way += work.kind is Kind.PATIENT
        return group

    def _free(self, line: deque[Work], *, at_most: int = 1) -> list[Work]:
        """The first of a line whose lanes are free."""
        if line is self._patient:
            at_most = min(at_most, self._most_patient - self._patient_under_way)
        free = (work for work in line if work.lane not in self._busy_lanes)
        return list(islice(free, max(0, at_most)))

    def _line_of(self, work: Work) -> deque[Work]:
        return self._patient if work.kind is Kind.PATIENT else self._prompt
