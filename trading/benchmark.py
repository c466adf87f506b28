"""The last result of `make bench`, as far as the file tells it; how it is measured is elsewhere."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRun:
    """One load of the last benchmark; milliseconds."""

    name: str
    p50: float | None
    p90: float | None
    p99: float | None
    p999: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The last result of `make bench`."""

    runs: tuple[BenchRun, ...]
    accepted_per_second: float | None
    lost: float | None
    floor_p99: float | None
    machine: str
    at: datetime


def last_bench(path: Path) -> Bench | None:
    """What `make bench` has left there; None when there is nothing that can be read."""
    try:
        report = json.loads(path.read_text())
        at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return _bench(report, at=at) if isinstance(report, dict) else None
    except (OSError, ValueError):
        return None


def _bench(report: Mapping[str, Any], *, at: datetime) -> Bench:
    runs = _mapping(report.get("internal_latency_ms"))
    machine = report.get("machine")
    facts = machine.items() if isinstance(machine, dict) else [("machine", machine or "unnamed")]
    return Bench(
        runs=tuple(_run(str(name), _mapping(figures)) for name, figures in runs.items()),
        accepted_per_second=_number(report.get("accepted_per_s")),
        lost=_number(report.get("lost")),
        floor_p99=_number(_mapping(report.get("floor")).get("p99")),
        machine=", ".join(f"{name} {fact}" for name, fact in facts),
        at=at,
    )


def _run(name: str, figures: Mapping[str, Any]) -> BenchRun:
    return BenchRun(
        name=name, **{each: _number(figures.get(each)) for each in ("p50", "p90", "p99", "p999")}
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) else None
