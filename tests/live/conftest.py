"""A broker on a private socket for the tests of live pages."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers import redis_server


@pytest.fixture(scope="session")
def broker() -> Iterator[Path]:
    """The unix socket of a Redis of our own."""
    with tempfile.TemporaryDirectory(prefix="chimera-") as directory:
        socket_path = Path(directory) / "redis.sock"
        process = subprocess.Popen(
            redis_server.command(socket_path=socket_path), stdout=subprocess.DEVNULL
        )
        try:
            deadline = time.monotonic() + 10
            while not socket_path.exists():
                assert time.monotonic() < deadline, "the broker does not start"
                time.sleep(0.02)
            yield socket_path
        finally:
            process.terminate()
            process.wait(10)
