"""What the figures were measured on; figures of two machines are never compared."""

import os
import platform
from collections.abc import Mapping
from typing import Any

from trading.cores import reserved_cores


def machine(*, database: str) -> dict[str, Any]:
    """Processor, cores, load, versions and which database."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "realtime_cores": sorted(reserved_cores()),
        "load_average": [round(each, 2) for each in os.getloadavg()],
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "database": database,
    }


def cpu_seconds(pids: Mapping[str, int | None]) -> dict[str, float]:
    """Processor time that each process has used so far, in user and system mode together."""
    return {name: _cpu_seconds(pid) for name, pid in pids.items() if pid is not None}


def _cpu_seconds(pid: int) -> float:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as line:
            fields = line.read().rsplit(") ", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.split(":", 1)[1].strip() for line in lines if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.processor()
