"""`manage.py bench_scout`: how long scoring takes, how much memory, and does the cost grow linearly?"""

import json
import os
import resource
import subprocess
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from scout.research.facts import no_facts
from scout.scoring import score
from scout.synthetic import AS_OF, histories

SIZES = (1_000, 3_000, 10_000)
MOST_SECONDS, MOST_MIB = 60, 4_096
WITHIN, MISSED = 0, 1


class Command(BaseCommand):
    help = (
        "Measure scoring of made-up histories that are already fetched: seconds, memory, linearity."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--wallets", type=int, nargs="+", default=SIZES)
        parser.add_argument("--trades", type=int, default=1_000, help="a wallet (default 1000)")
        parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--json", action="store_true", help="measure one size, print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(_measured(options)))
        else:
            sys.exit(self._compare(options))

    def _compare(self, options: dict[str, Any]) -> int:
        """Each size in a process of its own, so that peaks of memory are its own; 1 if a bar is
        missed."""
        self.stdout.write("wallets       trades  seconds    cpu s  µs/trade  peak MiB")
        status = WITHIN
        for wallets in options["wallets"]:
            found = _elsewhere(wallets, options)
            self.stdout.write(
                f"{wallets:7,}  {found['trades']:11,}  {found['seconds']:7.1f}  "
                f"{found['cpu_seconds']:7.1f}  {1e6 * found['seconds'] / found['trades']:8.2f}  "
                f"{found['peak_mib']:8,.0f}"
            )
            self.stdout.flush()
            if found["seconds"] > MOST_SECONDS or found["peak_mib"] > MOST_MIB:
                status = MISSED
        return status


def _elsewhere(wallets: int, options: dict[str, Any]) -> dict[str, float]:
    arguments = [
        sys.executable, "manage.py", "bench_scout", "--json", "--wallets", str(wallets),
        *(f"--{name}={options[name]}" for name in ("trades", "processes", "seed")),
    ]  # fmt: skip
    done = subprocess.run(arguments, check=True, stdout=subprocess.PIPE)  # noqa: S603
    return dict(json.loads(done.stdout))


def _measured(options: dict[str, Any]) -> dict[str, float]:
    trades = histories(
        wallets=options["wallets"][0], trades=options["trades"], seed=options["seed"]
    )
    start, used = time.perf_counter(), _cpu_seconds()
    scores = score(trades, facts=no_facts(), as_of=AS_OF, processes=options["processes"])
    seconds = time.perf_counter() - start
    assert len(scores) == options["wallets"][0]
    return {
        "trades": len(trades.rows), "seconds": seconds, "cpu_seconds": _cpu_seconds() - used,
        "peak_mib": _peak_mib(options),
    }  # fmt: skip


def _cpu_seconds() -> float:
    """Processor time of this process and of those it has waited for: what a busy machine cannot add to."""
    spent = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


def _peak_mib(options: dict[str, Any]) -> float:
    """Own peak plus that of every child as if none shared memory with us: more than is really used."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return (own + child * (options["processes"] if options["processes"] > 1 else 0)) / 1_024
