"""Where this process counts: a file that all processes of the platform share, or its own memory; not what is counted.

A file has the name of a process's role, not its number: who is started again goes on counting where its
predecessor died, and there are never more files than processes at one time.
"""

import fcntl
import logging
import os
from pathlib import Path
from typing import IO

from prometheus_client import CollectorRegistry, values
from prometheus_client.multiprocess import MultiProcessCollector

log = logging.getLogger("metrics")
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
MOST_OF_ONE_ROLE = 64
# Twice what every metric of every label needs: a file that had to grow on a full disk would kill its process.
FILE_BYTES = {"histogram": 256 * 1024, "counter": 64 * 1024}

_seats: list[IO[str]] = []


def share(directory: str, *, role: str) -> bool:
    """Let the metrics made from now on count in files of `directory`; False leaves them in memory.

    The files have all their space before anything is counted, so counting cannot meet a full disk.
    """
    if not directory:
        return False
    try:
        Path(directory).mkdir(parents=True, exist_ok=True, mode=0o700)
        seat = _take_seat(Path(directory), role)
        for kind, size in FILE_BYTES.items():
            _reserve(Path(directory), f"{kind}_{seat}.db", size)
    except OSError as error:
        log.warning("metrics of this process are not exported: %s", error)
        values.ValueClass = values.MutexValue
        return False
    os.environ[VARIABLE] = directory
    values.ValueClass = values.MultiProcessValue(process_identifier=lambda: seat)  # type: ignore[no-untyped-call]
    return True


def shared(directory: str) -> CollectorRegistry:
    """What all processes have counted in `directory`; OSError or ValueError when it cannot be read."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=directory)  # type: ignore[no-untyped-call]
    return registry


def _take_seat(directory: Path, role: str) -> str:
    """The first name of this role that no living process has; it is free again when we end, however."""
    for number in range(MOST_OF_ONE_ROLE):
        seat = f"{role}-{number}"
        lock = (directory / f"{seat}.lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        _seats.append(lock)
        return seat
    raise OSError(f"more than {MOST_OF_ONE_ROLE} processes of the role {role}")


def _reserve(directory: Path, name: str, size: int) -> None:
    """A file of this size, whole before it has its name: readers take every *.db that they see."""
    if (directory / name).exists():
        return
    draft = directory / f"{name}.draft"
    with draft.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
    draft.replace(directory / name)
