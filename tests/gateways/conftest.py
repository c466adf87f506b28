"""Fixtures of the gateway tests: scripted hosts and gateways connected to them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateways.outside import Outside, open_outside
from trading.gateways.base import Endpoints
from trading.gateways.connect import Gateways, connect

SHARED = Path(__file__).resolve().parents[3] / "shared"


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    async with open_outside() as server:
        yield server


@pytest.fixture
async def second() -> AsyncIterator[Outside]:
    async with open_outside() as server:
        yield server


@pytest.fixture
async def gateways(outside: Outside) -> AsyncIterator[Gateways]:
    """Everything at one scripted host."""
    async with connect(endpoints(outside.url)) as opened:
        yield opened


def endpoints(url: str, *more_rpcs: str, **changes: object) -> Endpoints:
    settings = {
        "rpc_urls": (url, *more_rpcs),
        "jito_url": url + "/jito",
        "jupiter_url": url + "/jupiter",
        "dexscreener_url": url + "/dexscreener",
        "timeout_seconds": 10.0,
        "probe_seconds": 0.0,
    }
    return Endpoints(**{**settings, **changes})


@pytest.fixture
def recorded() -> Path:
    """Recorded replies of the real services; the repository can be used without them."""
    folder = SHARED / "mainnet"
    if not folder.is_dir():
        pytest.skip("the recorded mainnet replies are not beside this checkout")
    return folder
