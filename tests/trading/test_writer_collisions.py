"""Two processes' verbs that wait for each other on PostgreSQL: both are done, and neither caller notices."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import psycopg
import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from tests import factories
from tests.databases import Database
from trading.models import Signal, Token
from trading.rows import change
from trading.services.claims import LEASE, claim_due, take_over_abandoned
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


def test_a_takeover_waits_for_nobody_and_takes_what_it_missed_the_next_time(
    database: Database,
) -> None:
    """The living renew many claims in one statement: in another order than ours, both would wait."""
    held, free = factories.make_signal(), factories.make_signal()
    assert len(claim_due(token="dead", is_exit=False, at_most=2, now=timezone.now())) == 2
    later = timezone.now() + LEASE + timedelta(seconds=1)
    with psycopg.connect(database.dsn) as other:
        other.execute("UPDATE trading_signal SET claim = claim WHERE uuid = %s", [held.pk])
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '1s'")
        assert take_over_abandoned(now=later) == 1
        assert Signal.objects.get(status="QUEUED").pk == free.pk
    assert take_over_abandoned(now=later) == 1
