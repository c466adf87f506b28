"""Free TCP ports on the loopback: the preferred one or the next, held against other platforms here."""

import fcntl
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import IO

HOST = "127.0.0.1"
ATTEMPTS = 100
# Not TMPDIR: platforms that are given different ones still share the machine's ports.
LOCKS = Path("/tmp")  # noqa: S108 - nothing but the lock itself matters there


class NoFreePort(Exception):
    """Every port from the preferred one on is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A port, ours among all platforms of this user as long as `lock` is open."""

    port: int
    lock: IO[str]


def lease_port(preferred: int) -> Lease:
    """The first port from `preferred` on that nobody listens on and no other platform has leased.

    The lock closes the seconds between choosing a port and the child listening on it, in which a
    second platform that starts at the same time would choose the same one.
    """
    for port in range(preferred, min(preferred + ATTEMPTS, 65_536)):
        lock = _lock(port)
        if lock is None:
            continue
        if _is_free(port):
            return Lease(port=port, lock=lock)
        lock.close()
    raise NoFreePort(f"no free port from {preferred} on")


def _lock(port: int) -> IO[str] | None:
    path = LOCKS / f"chimera-{os.getuid()}-port-{port}.lock"
    lock = path.open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do it: connections that are still closing do not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
