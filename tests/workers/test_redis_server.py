"""The embedded Redis: which program, and what it listens on."""

import os
import tempfile
from pathlib import Path

import pytest
import redis

from tests.workers.children import supervisor
from workers import readiness, redis_server
from workers.supervisor import Service


@pytest.fixture
def no_redis_on_path(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def runtime_dir():
    # Unix socket paths may not exceed 107 bytes, and pytest's directories are long ones.
    with tempfile.TemporaryDirectory(prefix="chimera-redis-") as name:
        yield Path(name)


def server(socket_path: Path) -> Service:
    return Service(
        name="redis",
        argv=redis_server.command(socket_path=socket_path),
        env=dict(os.environ),
        ready=readiness.redis(socket_path),
    )


def test_the_machines_own_server_is_preferred(monkeypatch, tmp_path):
    own = tmp_path / "redis-server"
    own.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert redis_server.executable() == str(own)


@pytest.mark.usefixtures("no_redis_on_path")
async def test_without_one_the_wheels_server_starts_and_listens_on_no_port(runtime_dir):
    socket_path = runtime_dir / "redis.sock"
    platform = supervisor(server(socket_path))
    await platform.start(timeout_seconds=20)
    with redis.Redis(unix_socket_path=str(socket_path)) as client:
        assert client.set("key", "value")
        assert client.config_get("port") == {"port": "0"}
        assert client.config_get("save") == {"save": ""}
        assert client.config_get("appendonly") == {"appendonly": "no"}
        assert int(client.config_get("maxmemory")["maxmemory"]) == 128 * 1024 * 1024
    await platform.stop()
    assert not list(runtime_dir.glob("*.rdb"))


async def test_a_killed_server_comes_back_on_the_socket_it_left_behind(runtime_dir):
    socket_path = runtime_dir / "redis.sock"
    platform = supervisor(server(socket_path))
    await platform.start(timeout_seconds=20)
    platform.kill("redis")
    await platform.wait_ready("redis", timeout_seconds=20)
    assert await redis_server.answers(socket_path)
    await platform.stop()


async def test_no_server_means_no_answer_and_no_exception(runtime_dir):
    assert not await redis_server.answers(runtime_dir / "redis.sock")
