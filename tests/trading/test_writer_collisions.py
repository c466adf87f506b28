"""Two processes' verbs that wait for each other on PostgreSQL: both are done, and neither caller notices."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import OperationalError

from tests import factories
from tests.databases import Database
from trading.models import Token
from trading.rows import change
from trading.writer import MOST_COLLISIONS, GroupWriter, StorageUnavailable

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


@pytest.fixture
def writers(database: Database) -> Iterator[tuple[GroupWriter, GroupWriter]]:
    pair = (GroupWriter(threads=1).start(), GroupWriter(threads=1).start())
    yield pair
    for writer in pair:
        writer.stop()


def rename(mint: str, symbol: str) -> None:
    assert change("UPDATE trading_token SET symbol = symbol || %s WHERE mint = %s", symbol, mint)


def crossing(
    first: str, second: str, name: str, both: threading.Barrier
) -> Callable[[], tuple[str, int]]:
    """A verb that holds one row until somebody else holds the other; a second try finds nobody there."""
    tries: list[int] = []

    def verb() -> tuple[str, int]:
        tries.append(1)
        rename(first, name)
        if len(tries) == 1:
            both.wait(10)
        rename(second, name)
        return name, len(tries)

    return verb


async def test_the_one_that_was_undone_is_run_again(
    writers: tuple[GroupWriter, GroupWriter], database: Database
) -> None:
    for mint in ("one", "two"):
        await writers[0].run(lambda mint=mint: Token.objects.create(mint=mint, symbol="-"))
    both = threading.Barrier(2)
    answers = await asyncio.gather(
        writers[0].run(crossing("one", "two", "a", both)),
        writers[1].run(crossing("two", "one", "b", both)),
    )
    # Which one the server undoes, and how often before the other has its turn, is the server's affair.
    assert {name for name, _ in answers} == {"a", "b"}
    fewest, most = sorted(tries for _, tries in answers)
    assert fewest == 1 < most
    symbols = {row[0] for row in database.rows("SELECT symbol FROM trading_token")}
    assert symbols in ({"-ab"}, {"-ba"}), "each changed each row once"


async def test_who_collides_again_and_again_is_told(
    writers: tuple[GroupWriter, GroupWriter],
) -> None:
    tries: list[int] = []

    class Deadlock(Exception):
        sqlstate = "40P01"

    def collide() -> None:
        tries.append(1)
        factories.make_signal()
        raise OperationalError("deadlock detected") from Deadlock()

    with pytest.raises(StorageUnavailable, match="deadlock"):
        await writers[0].run(collide)
    assert len(tries) == MOST_COLLISIONS


async def test_verbs_that_wait_together_have_transactions_of_their_own(
    writers: tuple[GroupWriter, GroupWriter], database: Database
) -> None:
    def stored() -> int:
        return len(database.rows("SELECT 1 FROM trading_signal"))

    gate = threading.Event()
    holding = asyncio.ensure_future(writers[0].run(lambda: gate.wait(10)))
    running = [
        asyncio.ensure_future(writers[0].run(verb))
        for verb in (factories.make_signal, stored, factories.make_signal, stored)
    ]
    await asyncio.sleep(0)
    gate.set()
    await holding
    assert [answer for answer in await asyncio.gather(*running) if isinstance(answer, int)] == [
        1,
        2,
    ]
