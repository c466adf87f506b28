"""Fixtures of Scout's tests: the sandbox as the chain, and leaders who have really traded there."""

from collections.abc import Iterator

import pytest

from scout.chain import ChainReader, open_chain
from tests.cluster import Sandbox
from tests.platform import endpoints_of


@pytest.fixture
def chain(sandbox: Sandbox) -> Iterator[ChainReader]:
    """The sandbox's nodes, without the pauses between two tries."""
    with open_chain(endpoints_of(sandbox)) as reader:
        reader.sleep = lambda seconds: None
        yield reader
