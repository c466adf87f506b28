"""Which port a process gets when another one has it already."""

import contextlib
import os
import socket
import subprocess
import sys

import pytest

from tests.cluster import REPOSITORY
from tests.ports import leased_port
from workers import ports


@pytest.fixture
def free_port():
    with leased_port() as port:
        return port


def test_the_preferred_port_is_taken_when_it_is_free(free_port):
    lease = ports.lease_port(free_port)
    assert lease.port == free_port
    lease.lock.close()


def test_a_port_that_somebody_listens_on_is_passed_over(free_port):
    with socket.create_server((ports.HOST, free_port)):
        lease = ports.lease_port(free_port)
    assert lease.port > free_port
    lease.lock.close()


def test_two_platforms_that_start_at_once_never_get_the_same_port(free_port):
    first, second = ports.lease_port(free_port), ports.lease_port(free_port)
    assert first.port != second.port
    first.lock.close()
    second.lock.close()


def test_a_lease_that_ended_frees_its_port(free_port):
    ports.lease_port(free_port).lock.close()
    with contextlib.closing(ports.lease_port(free_port).lock) as lock:
        assert lock.name.endswith(f"-{free_port}.lock")


def test_no_port_at_all_is_a_named_error():
    with pytest.raises(ports.NoFreePort, match="65536"):
        ports.lease_port(65_536)


LEASING = "import sys; from workers import ports; print(ports.lease_port(int(sys.argv[1])).port)"


def test_a_platform_with_another_temporary_directory_gets_another_port(free_port, tmp_path):
    with contextlib.closing(ports.lease_port(free_port).lock):
        other = subprocess.run(
            [sys.executable, "-c", LEASING, str(free_port)],
            cwd=REPOSITORY,
            env={**os.environ, "TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
    assert int(other.stdout) > free_port
