"""Ports for the servers that tests start; no tests here."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

from workers.ports import lease_port

# Below the range that the kernel takes the near ends of connections from: a port of that range can be lost to
# anybody's connection in the seconds until the server listens on it.
FIRST, LAST = 20_000, 32_000


@contextmanager
def leased_port() -> Iterator[int]:
    """A port that nobody listens on, and that no other test or platform is given until the block ends."""
    # Not the seeded generator: it gives the processes of a test run the same numbers.
    lease = lease_port(random.SystemRandom().randrange(FIRST, LAST))
    with lease.lock:
        yield lease.port
