"""A roster's file appears whole or not at all, and every file that is none is refused with a sentence."""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scout import roster_file
from scout.roster_file import Refusal, RosterRefused, read_roster, write_roster
from tests.scout.rosters import address, entry, roster, written


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "roster_new.db"


def refusal(path: Path, *, mode: str = "sandbox") -> RosterRefused:
    with pytest.raises(RosterRefused) as caught:
        read_roster(path, mode=mode)
    assert str(caught.value).startswith(path.name)
    assert str(caught.value).endswith(".")
    return caught.value


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as file:
        for statement in statements:
            file.execute(statement)
        file.commit()


def test_what_is_written_is_read_again(path: Path) -> None:
    given_roster = roster(entry(skill=None, reasons=("a", "b")), entry(status="REJECTED"))
    write_roster(path, given_roster)
    found = read_roster(path, mode="sandbox")
    assert sorted(found.entries, key=lambda each: each.address) == sorted(
        given_roster.entries, key=lambda each: each.address
    )
    assert (found.run, found.created_at) == (given_roster.run, given_roster.created_at)


def test_the_file_carries_its_kind_schema_and_count(path: Path) -> None:
    written(path)
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA application_id").fetchone()[0] == roster_file.APPLICATION_ID
        assert file.execute("PRAGMA user_version").fetchone()[0] == roster_file.SCHEMA_VERSION
        assert file.execute("SELECT row_count FROM meta").fetchone()[0] == 1


def test_a_writer_that_dies_leaves_the_old_roster_and_nothing_else(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(path)
    before = path.read_bytes()

    def die(_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(roster_file, "_force_to_disk", die)
    with pytest.raises(KeyboardInterrupt):
        written(path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_no_file_is_refused(path: Path) -> None:
    assert refusal(path).code is Refusal.MISSING


def test_an_empty_file_is_refused(path: Path) -> None:
    path.touch()
    assert refusal(path).code is Refusal.EMPTY


def test_a_roster_of_nobody_is_refused(path: Path) -> None:
    write_roster(path, roster(entries=()))
    assert refusal(path).code is Refusal.EMPTY


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_text("wallet,score\n")
    assert refusal(path).code is Refusal.FOREIGN


def test_somebody_elses_database_is_refused(path: Path) -> None:
    execute(path, "CREATE TABLE wallets (address TEXT)")
    assert refusal(path).code is Refusal.FOREIGN


def test_a_roster_of_another_mode_is_refused(path: Path) -> None:
    written(path)
    found = refusal(path, mode="live")
    assert (found.code, "sandbox" in str(found), "live" in str(found)) == (
        Refusal.FOREIGN,
        True,
        True,
    )


def test_a_file_too_large_is_refused_unread(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(path)
    monkeypatch.setattr(roster_file, "LARGEST_BYTES", 1_000)
    assert refusal(path).code is Refusal.OVERSIZED


def test_a_roster_of_too_many_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(path, entry(), entry())
    monkeypatch.setattr(roster_file, "MOST_WALLETS", 1)
    assert refusal(path).code is Refusal.OVERSIZED


def test_another_schema_is_refused(path: Path) -> None:
    written(path)
    execute(path, "PRAGMA user_version=2")
    assert refusal(path).code is Refusal.WRONG_SCHEMA


def test_a_roster_that_lost_rows_is_refused(path: Path) -> None:
    written(path, entry(), entry())
    execute(path, "DELETE FROM wallets WHERE rowid = 1")
    assert refusal(path).code is Refusal.CORRUPT


@pytest.mark.parametrize("table", ["meta", "wallets"])
def test_a_roster_without_a_table_is_refused(path: Path, table: str) -> None:
    written(path)
    execute(path, f"DROP TABLE {table}")
    assert refusal(path).code is Refusal.CORRUPT


def test_a_cut_file_is_refused(path: Path) -> None:
    written(path, *(entry() for _ in range(200)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert refusal(path).code is Refusal.CORRUPT


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("address", "'nobody'"),
        ("status", "'BOSS'"),
        ("strategy", "'EXIT'"),
        ("trades", "-1"),
        ("trades", "'many'"),
        ("skill", "9e999"),
        ("wqs", "'high'"),
        ("wqs", "100.5"),
        ("wqs", "-0.5"),
        ("reasons", "'{}'"),
        ("details", "'['"),
        ("details", "x'00ff'"),
        ("archetype", f"'{'x' * 41}'"),
    ],
)
def test_a_row_that_says_something_impossible_is_refused(
    path: Path, column: str, value: str
) -> None:
    written(path, entry(), entry())
    execute(path, f"UPDATE wallets SET {column} = {value} WHERE rowid = 1")  # noqa: S608
    assert refusal(path).code is Refusal.INVALID_ROW


@pytest.mark.parametrize(
    "change",
    ["run = 'x'", "run = x'00'", "created_at = 'soon'", "created_at = '2026-01-01T00:00:00'"],
)
def test_a_roster_that_does_not_say_whose_it_is_is_refused(path: Path, change: str) -> None:
    written(path)
    execute(path, f"UPDATE meta SET {change}")  # noqa: S608
    assert refusal(path).code is Refusal.CORRUPT


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(place=st.integers(0, 8_191), byte=st.integers(0, 255))
def test_any_changed_byte_is_read_as_a_roster_or_refused(path: Path, place: int, byte: int) -> None:
    body = bytearray(_sample(path))
    body[place % len(body)] = byte
    path.write_bytes(bytes(body))
    with suppress(RosterRefused):
        assert read_roster(path, mode="sandbox").entries


def _sample(path: Path) -> bytes:
    return written(path, entry(address())).read_bytes()
