"""The sandbox as a process: where it listens, what it keeps, when it will not start."""

import asyncio
import json
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest
from solders.keypair import Keypair
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.cluster import REPOSITORY, running
from workers.sandbox.options import UnsafeOptions, read_options

REQUIRED = ["--port", "0"]


def test_a_stopped_sandbox_goes_on_where_it_was(tmp_path: Path):
    address = Keypair().pubkey()
    with running(tmp_path) as first:
        first.control("POST", "clock", {"running": False})
        signature = first.fund(address, 777_000_000)
        before = first.control("GET", "state")
        genesis = first.control("GET", "health")["genesis_hash"]
    assert not (tmp_path / "url").exists()
    with running(tmp_path) as second:
        health = second.control("GET", "health")
        assert health["genesis_hash"] == genesis
        assert health["slot"] >= before["slot"]
        assert second.rpc("getBalance", str(address))["result"]["value"] == 777_000_000
        confirmed = {"commitment": "confirmed", "maxSupportedTransactionVersion": 1}
        found = second.rpc("getTransaction", signature, confirmed)
        assert found["result"]["meta"]["fee"] == 5_000


async def test_open_connections_do_not_hold_up_the_end(tmp_path: Path):
    with running(tmp_path) as started:
        started.fault(plane="rpc", kind="timeout")
        host = started.url.removeprefix("http://")
        hung = HTTPConnection(host, timeout=30)
        hung.request("POST", "/", json.dumps({"jsonrpc": "2.0", "id": 1, "method": "getSlot"}))
        async with connect(started.ws_url) as raw:
            begin = time.monotonic()
            started.process.terminate()
            await asyncio.to_thread(started.process.wait, 20)
            assert time.monotonic() - begin < 10
            with pytest.raises(ConnectionClosed):
                await raw.recv()
        hung.close()


def test_slots_close_by_themselves_at_their_pace(tmp_path: Path):
    with running(tmp_path, "--slot-ms", "50", mode="slot") as started:
        first = started.control("GET", "health")
        time.sleep(1.0)
        second = started.control("GET", "health")
    assert 8 <= second["slot"] - first["slot"] <= 30
    assert 0 <= second["unix_time"] - first["unix_time"] <= 3


def test_an_idle_instant_chain_grows_old_as_well(tmp_path: Path):
    with running(tmp_path) as started:
        first = started.rpc("getBlockHeight", {"commitment": "processed"})["result"]
        time.sleep(1.3)
        second = started.rpc("getBlockHeight", {"commitment": "processed"})["result"]
    assert 2 <= second - first <= 6


def test_two_processes_with_one_seed_build_one_chain(tmp_path: Path):
    arguments = ["--seed", "7", "--genesis-time", "1700000000"]
    hashes = []
    for name in ("a", "b"):
        with running(tmp_path / name, *arguments, mode="slot") as started:
            started.control("POST", "clock", {"running": False})
            state = started.control("GET", "state")
            hashes.append((started.control("GET", "health")["genesis_hash"], state["transactions"]))
            assert started.tokens()
    assert hashes[0] == hashes[1]


def test_history_shows_its_progress_and_is_kept(tmp_path: Path):
    arguments = ["--history-days", "0.05", "--leaders", "on"]
    with running(tmp_path, *arguments) as first:
        transactions = first.control("GET", "state")["transactions"]
        assert len(first.control("GET", "leaders")) >= 30
    assert "history [" in first.log.read_text()
    first.log.write_text("")
    with running(tmp_path, *arguments) as second:
        assert second.control("GET", "state")["transactions"] >= transactions
    assert "history [" not in second.log.read_text()


def test_it_refuses_to_listen_for_the_network(tmp_path: Path):
    command = [sys.executable, "-m", "workers.sandbox", "--data-dir", str(tmp_path), *REQUIRED]
    ended = subprocess.run(
        [*command, "--host", "0.0.0.0"],  # noqa: S104
        cwd=REPOSITORY,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert b"not a loopback address" in ended.stderr
    assert not (tmp_path / "chain.sqlite3").exists()


REAL = {
    "a live platform": ([], {"CHIMERA_MODE": "live"}),
    "a mainnet endpoint": ([], {"RPC_URLS": "https://mainnet.helius-rpc.com/?api-key=x"}),
    "a public host": (["--host", "192.0.2.7"], {}),
    "a host name": (["--host", "sandbox.example"], {}),
    "a webhook elsewhere": (["--webhook-url", "https://example.com/hook"], {}),
    "a webhook without secret": (["--webhook-url", "http://127.0.0.1:1/hook"], {}),
}


@pytest.mark.parametrize("name", REAL)
def test_it_refuses_to_start_beside(tmp_path: Path, name: str):
    arguments, environment = REAL[name]
    with pytest.raises(UnsafeOptions):
        read_options(["--data-dir", str(tmp_path), *REQUIRED, *arguments], environment)


def test_it_refuses_the_directory_of_a_real_validator(tmp_path: Path):
    (tmp_path / "genesis.bin").write_bytes(b"")
    with pytest.raises(UnsafeOptions, match="validator"):
        read_options(["--data-dir", str(tmp_path), *REQUIRED], {})


def test_loopback_in_every_spelling_is_fine(tmp_path: Path):
    for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost"):
        options = read_options(["--data-dir", str(tmp_path), *REQUIRED, "--host", host], {})
        assert options.host == host
