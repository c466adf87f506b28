"""Fixtures of the sandbox's own tests: stock clients and the recorded replies of mainnet."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from solana.rpc.async_api import AsyncClient
from solana.rpc.websocket_api import SolanaWsClient

from tests.cluster import REPOSITORY, Sandbox, running
from tests.sandbox.payer import Payer


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[AsyncClient]:
    """solana-py's own client, unmodified."""
    async with AsyncClient(sandbox.rpc_url) as opened:
        yield opened


@pytest.fixture
async def pubsub(sandbox: Sandbox) -> AsyncIterator[SolanaWsClient]:
    """solana-py's own websocket client, unmodified."""
    async with SolanaWsClient(sandbox.ws_url) as opened:
        yield opened


@pytest.fixture
def payer(sandbox: Sandbox) -> Payer:
    """A fresh wallet with ten SOL."""
    return Payer(sandbox=sandbox, keypair=sandbox.funded_keypair())


@pytest.fixture(scope="session")
def slot_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A slot-mode sandbox whose slots close only when a test says so: nothing is a race."""
    with running(tmp_path_factory.mktemp("slots"), mode="slot") as started:
        started.control("POST", "clock", {"running": False})
        started.control("POST", "market", {"running": False})
        started.advance(slots=40)
        yield started


@pytest.fixture
def slot_sandbox(slot_process: Sandbox) -> Iterator[Sandbox]:
    slot_process.clear()
    slot_process.control("POST", "block-engine", {"has_auction": False})
    yield slot_process
    slot_process.clear()


@pytest.fixture
def slot_payer(slot_sandbox: Sandbox) -> Payer:
    keypair = slot_sandbox.funded_keypair()
    slot_sandbox.advance(slots=2)
    return Payer(sandbox=slot_sandbox, keypair=keypair)


@pytest.fixture(scope="session")
def recorded() -> Path:
    """Replies recorded on mainnet; a checkout can stand without them."""
    folder = REPOSITORY.parent / "shared" / "mainnet"
    if not folder.is_dir():
        pytest.skip("the recorded mainnet replies are not beside this checkout")
    return folder
