"""Fixtures of the tests of facts."""

from collections.abc import AsyncIterator

import pytest

from tests.cluster import Sandbox
from tests.facts.desks import Asker, asking


@pytest.fixture
async def asker(sandbox: Sandbox) -> AsyncIterator[Asker]:
    async with asking(sandbox) as opened:
        yield opened
