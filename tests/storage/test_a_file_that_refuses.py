"""SQLite's own refusals, made by SQLite itself: the disk is full, the file may only be read."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db.backends.signals import connection_created
from django.utils import timezone

from tests import factories
from tests.databases import Database
from tests.storage.doors import ADA, hire, knock
from trading.reception import Reception
from trading.services.answers import Answer


@dataclass
class Trouble:
    """Pragmas for every connection that was opened meanwhile: the disk changes, the process does not."""

    opened: list[sqlite3.Connection] = field(default_factory=list)

    def remember(self, connection: Any, **_: Any) -> None:
        self.opened.append(connection.connection)

    def say(self, pragma: str) -> None:
        for connection in self.opened:
            with suppress(sqlite3.ProgrammingError):  # one that the writer has closed
                connection.execute(pragma)


@pytest.fixture
def trouble(database: Database) -> Iterator[Trouble]:
    factories.make_policy_revision()
    factories.make_trading_state()
    hire("ada", ADA)
    found = Trouble()
    connection_created.connect(found.remember)
    yield found
    connection_created.disconnect(found.remember)


@pytest.fixture
async def reception(trouble: Trouble) -> AsyncIterator[Reception]:
    opened = Reception(clock=timezone.now)
    await opened.open()
    yield opened
    await opened.close()


async def answers_to(reception: Reception, sent: list[Any]) -> list[Answer]:
    lower = [{name.lower(): text for name, text in each.headers.items()} for each in sent]
    return await asyncio.gather(
        *(
            reception.answer(headers=headers, body=each.body)
            for headers, each in zip(lower, sent, strict=True)
        )
    )


@pytest.mark.parametrize(
    ("pragma", "cure"),
    [
        ("PRAGMA max_page_count = 1", "PRAGMA max_page_count = 1073741823"),
        ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
    ],
    ids=["full", "read-only"],
)
async def test_what_it_refuses_leaves_nothing_and_is_accepted_once_it_is_well(
    reception: Reception, trouble: Trouble, database: Database, pragma: str, cure: str
) -> None:
    trouble.say(pragma)
    sent = [knock(note="x" * 4_000) for _ in range(40)]
    answers = [(await answers_to(reception, [each]))[0] for each in sent]
    refused = [each for each in answers if each.http_status == 503]
    assert {(each.code, each.retry_after_seconds) for each in refused} == {
        ("storage_unavailable", 5)
    }
    accepted = len(sent) - len(refused)
    query = "SELECT count(*), count(replay_key) FROM trading_delivery"
    assert database.rows(query) == [(accepted, accepted)]
    assert database.rows("SELECT count(*) FROM trading_signal") == [(accepted,)]
    trouble.say(cure)
    again = await answers_to(reception, sent)
    expected = [401 if each.http_status == 202 else 202 for each in answers]
    assert [each.http_status for each in again] == expected
