"""The traded wallet for every test of the books."""

import pytest

from tests.journeys.trades import Traded, trade
from tests.platform import Platform


@pytest.fixture
async def traded(platform: Platform) -> Traded:
    return await trade(platform)
