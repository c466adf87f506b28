"""A database that is locked, full, read-only or gone: a signal is taken or clearly refused, never half of it."""

import resource
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.databases import Database
from tests.postgres import Cluster
from tests.storage.doors import Knock, Street, knock, open_street, statuses
from tests.trading.door import Answer

WAIT = {"DATABASE_WAIT_SECONDS": "0.5"}
PATIENCE_SECONDS = 20.0


@pytest.fixture
def street(database: Database, tmp_path: Path) -> Iterator[Street]:
    with open_street(tmp_path, database, **WAIT) as opened:
        yield opened


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """Somebody else holds what every signal needs: SQLite's write lock, or the provider's row."""
    if database.vendor == "sqlite":
        with closing(sqlite3.connect(database.file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
        return
    with psycopg.connect(database.dsn) as other:
        other.execute("SELECT 1 FROM trading_provider FOR UPDATE")
        yield


def refused_clearly(answers: list[Answer]) -> None:
    assert statuses(answers) == {503: len(answers)}
    assert {answer.body["reason"] for answer in answers} == {"storage_unavailable"}
    assert {answer.headers["retry-after"] for answer in answers} == {"5"}


def as_answered(street: Street, sent: list[Knock], answers: list[Answer]) -> None:
    """Nothing of what was refused is stored, and all of what was accepted."""
    accepted = sum(answer.status == 202 for answer in answers)
    assert street.count("signal") == street.count("signalevent") == accepted
    assert (
        street.count("delivery", "replay_key IS NOT NULL") == street.count("delivery") == accepted
    )
    stored = {
        str(row[0]).replace("-", "")
        for row in street.database.rows("SELECT uuid FROM trading_signal")
    }
    told = {
        answer.body["trade_uuid"].replace("-", "") for answer in answers if answer.status == 202
    }
    assert stored == told


def send_again(street: Street, sent: list[Knock], answers: list[Answer]) -> None:
    """What was refused is accepted as it is, signature and all; what was accepted is a replay."""
    again = street.deliver(sent)
    expected = [401 if answer.status == 202 else 202 for answer in answers]
    assert [answer.status for answer in again] == expected
    assert street.count("signal") == len(sent)


@pytest.mark.both_databases
def test_while_somebody_holds_the_lock_signals_are_refused_and_may_come_again(
    street: Street, database: Database
) -> None:
    sent = [knock() for _ in range(24)]
    with locked(database):
        answers = street.send(sent)
        assert street.doors[0].request("GET", "/health").status in {200, 503}
    refused_clearly(answers)
    as_answered(street, sent, answers)
    send_again(street, sent, answers)


def test_a_file_that_cannot_grow_in_the_middle_of_a_group_loses_no_answer(street: Street) -> None:
    """As on a full disk: writes fail half-way, in the log, in the file or at the commit."""
    process, wal = street.house.started[0], Path(f"{street.database.file}-wal")
    sent = [knock(note="x" * 4_000) for _ in range(160)]
    limit = wal.stat().st_size + 500_000
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    answers = street.send(sent)
    found = statuses(answers)
    assert set(found) == {202, 503}, found
    refused_clearly([answer for answer in answers if answer.status == 503])
    as_answered(street, sent, answers)
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, unlimited)
    send_again(street, sent, answers)
    with closing(sqlite3.connect(street.database.file)) as reader:
        assert reader.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_server_that_goes_and_comes_back_is_found_again(
    street: Street, postgres: Cluster
) -> None:
    sent = [knock() for _ in range(10)]
    assert knock().at(street.doors[0]).status == 202
    postgres.stop()
    try:
        answers = street.send(sent)
        assert street.doors[0].request("GET", "/health").status == 503
    finally:
        postgres.start()
    refused_clearly(answers)
    healthy(street)
    assert statuses(street.deliver(sent)) == {202: 10}
    assert street.count("signal") == 11


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_server_that_is_killed_under_load_keeps_what_was_accepted(
    street: Street, postgres: Cluster
) -> None:
    sent = [knock() for _ in range(400)]
    sending = threading.Timer(0.15, postgres.stop)
    sending.start()
    try:
        answers = street.send(sent)
    finally:
        sending.join()
        postgres.start()
    assert set(statuses(answers)) <= {202, 503}
    healthy(street)
    again = street.deliver(sent)
    # A COMMIT whose answer was lost may have been done: then the signal is there, once, and its copy is a replay.
    assert set(statuses(again)) <= {202, 401}
    for before, after in zip(answers, again, strict=True):
        assert after.status == 401 or before.status == 503, "an accepted signal was lost"
    assert street.count("signal") == len(sent)


def healthy(street: Street) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while street.doors[0].request("GET", "/health").status != 200:
        assert time.monotonic() < deadline, street.house.log.read_text()
        time.sleep(0.1)


def test_a_broker_that_hangs_holds_no_signal_up(street: Street) -> None:
    """Without a broker at all the other tests here run: pages miss hints, and nobody else notices."""
    runtime = street.house.environment["RUNTIME_DIR"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as deaf:
        deaf.bind(f"{runtime}/redis.sock")
        deaf.listen(100)
        assert statuses(street.deliver([knock() for _ in range(50)])) == {202: 50}
