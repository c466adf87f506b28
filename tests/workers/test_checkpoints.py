"""SQLite's log is carried into the database beside the trades, and begins anew before it grows long."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests import factories
from workers import checkpoints
from workers.checkpoints import Checkpoints


@pytest.fixture
def keeper(database: Any) -> Iterator[Checkpoints]:
    made = Checkpoints()
    yield made
    made.close()


def commit(count: int) -> None:
    for _ in range(count):
        factories.make_signal()


def log_of(database: Any) -> Path:
    return Path(f"{database.file}-wal")


def test_what_is_committed_gets_into_the_database(database: Any, keeper: Checkpoints) -> None:
    commit(3)
    done = asyncio.run(keeper.step())
    assert done is not None
    assert done.carried == done.frames > 0
    alone = database.file.with_name("alone.sqlite3")
    alone.write_bytes(database.file.read_bytes())
    with closing(sqlite3.connect(alone)) as reader:
        assert reader.execute("SELECT count(*) FROM trading_signal").fetchone() == (3,)


def test_a_long_log_begins_anew(
    database: Any, keeper: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "_long_at", 10)
    commit(10)
    done = asyncio.run(keeper.step())
    assert done is not None
    assert done.is_new
    size = log_of(database).stat().st_size
    commit(1)
    assert log_of(database).stat().st_size == size, "written over from its beginning"
    later = asyncio.run(keeper.step())
    assert later is not None
    assert later.frames < done.frames


def test_a_reader_keeps_the_log_and_nobody_waits_for_it(
    database: Any, keeper: Checkpoints, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr(checkpoints, "LONG_LOG_FRAMES", 10)
    monkeypatch.setattr(keeper, "_long_at", 10)
    commit(5)
    with closing(sqlite3.connect(database.file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM trading_signal").fetchone()
        commit(10)
        kept = asyncio.run(keeper.step())
        assert kept is not None
        assert not kept.is_new
        assert "a reader keeps the log" in caplog.text
        commit(1)
        patient = asyncio.run(keeper.step())
        assert patient is not None
        assert patient.frames < kept.frames + 10, "and is not asked again before it has grown"
        assert caplog.text.count("a reader keeps the log") == 1
    commit(10)
    freed = asyncio.run(keeper.step())
    assert freed is not None
    assert freed.is_new


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_postgresql_does_it_by_itself(database: Any, keeper: Checkpoints) -> None:
    assert asyncio.run(keeper.step()) is None
