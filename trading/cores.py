"""Who goes first on a busy machine: the executor, and whoever holds what it waits for.

A signal wakes twenty threads. Each would queue for a core behind bookings, pages and whatever else runs there,
and one that is put aside while it holds SQLite's lock keeps everybody else waiting for as long. Linux runs a
thread of its real-time policy as soon as it can run (sched(7)). So the executor has the first of the cores to
itself whenever it needs them, nobody is put aside while it writes, and what stores a signal at the door, which is
the first thing everybody waits for, goes before everything on the other cores.

It never leaves those cores, and the daemons that end what it begins never enter them: however much there is to
buy, there is a core on which what has landed is booked and exits are found. Where the system does not allow
real-time priority, where there is only one core, or with REALTIME_CORES=0, everybody takes turns as ever.
"""

import logging
import os
import threading
from collections.abc import Collection
from functools import cache

from django.conf import settings

log = logging.getLogger("cores")
SHARE_OF_CORES = 4
"""A quarter of them is enough: the executor is busy for less than half of one at 100 signals a second."""


def first_cores(wanted: int | None, *, cores: Collection[int]) -> frozenset[int]:
    """The first of these cores: so many as are wanted, or a quarter; one at least is left to everybody else."""
    count = max(1, len(cores) // SHARE_OF_CORES) if wanted is None else wanted
    return frozenset(sorted(cores)[: max(0, min(count, len(cores) - 1))])


@cache
def reserved_cores() -> frozenset[int]:
    """The cores on which somebody goes first, as the machine was when first asked; none where nobody can or shall."""
    if not hasattr(os, "sched_setscheduler"):
        return frozenset()
    cores = first_cores(settings.REALTIME_CORES, cores=os.sched_getaffinity(0))
    return cores if cores and _is_allowed() else frozenset()


def go_first() -> None:
    """Have this process go before everybody on the reserved cores; with threads that it has not started yet."""
    cores = reserved_cores()
    if not cores:
        log.info("takes turns: its own core needs a second one and CAP_SYS_NICE or `ulimit -r 1`")
        return
    os.sched_setaffinity(0, cores)
    _take_the_first_place()
    log.info("goes first on core %s", ", ".join(map(str, sorted(cores))))


def make_way() -> None:
    """Leave the reserved cores to who goes first there; with threads that this process has not started yet."""
    cores = reserved_cores()
    if cores:
        os.sched_setaffinity(0, os.sched_getaffinity(0) - cores)


def go_before_others() -> None:
    """Have this thread go before everybody on the cores that are not reserved, for good; it must sleep a lot."""
    make_way()
    if reserved_cores():
        _take_the_first_place()


class Hurry:
    """Lets the calling thread finish what others wait for before any ordinary thread is run.

    Does nothing in a thread that has another policy than the ordinary one: it goes first already, or somebody
    gave it its place.
    """

    def __init__(self) -> None:
        self._here = threading.local()

    def begin(self) -> None:
        """From now on; every `begin` needs an `end` in the same thread."""
        if reserved_cores() and os.sched_getscheduler(0) == os.SCHED_OTHER:
            _take_the_first_place()
            self._here.is_first = True

    def end(self) -> None:
        """As everybody again; harmless when nothing was begun."""
        if getattr(self._here, "is_first", False):
            self._here.is_first = False
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _take_the_first_place() -> None:
    """This thread, on whatever cores it may be."""
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def _is_allowed() -> bool:
    """Whether the system lets this thread have real-time priority: asked by taking it, for a moment."""
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        _take_the_first_place()
        os.sched_setscheduler(0, policy, parameters)
    except OSError:
        return False
    return True
