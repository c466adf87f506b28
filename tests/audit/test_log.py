"""The audit log only grows: the database refuses changes, and a changed line shows."""

from datetime import timedelta, timezone
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone as clock

from audit.models import Entry
from audit.services import GENESIS_HASH, first_broken_entry, record, seal

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.both_databases]
NOW = clock.now()


def written(count: int = 3, **fields: Any) -> list[Entry]:
    values = {"actor": "ada", "action": "leader.muted", "target": "x", "now": NOW, **fields}
    return [record(**values) for _ in range(count)]


def unguarded(statement: str, *parameters: Any) -> None:
    """What somebody does who has the file in hands and the triggers out of the way."""
    if connection.vendor == "postgresql":
        guards = ["SET session_replication_role = replica"]
    else:
        guards = [f"DROP TRIGGER IF EXISTS audit_entry_no_{verb}" for verb in ("update", "delete")]
    with connection.cursor() as cursor:
        for guard in guards:
            cursor.execute(guard)
        cursor.execute(statement, parameters)


def test_lines_are_numbered_and_each_seals_the_one_before() -> None:
    first, second, third = written()
    assert [first.number, second.number, third.number] == [1, 2, 3]
    assert first.previous_hash == GENESIS_HASH
    assert (second.previous_hash, third.previous_hash) == (first.hash, second.hash)
    assert first_broken_entry() is None


def test_an_empty_log_is_whole() -> None:
    assert first_broken_entry() is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET reason = 'other'",
        "UPDATE audit_entry SET hash = hash",
        "DELETE FROM audit_entry",
        "DELETE FROM audit_entry WHERE number = 3",
    ],
)
def test_the_database_itself_refuses_changes(statement: str) -> None:
    written()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert Entry.objects.count() == 3
    assert first_broken_entry() is None


def test_the_models_own_verbs_are_refused_too() -> None:
    entry = written(1)[0]
    entry.reason = "other"
    for change in (entry.save, entry.delete, Entry.objects.all().delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    assert first_broken_entry() is None


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor", "bob"),
        ("action", "leader.unmuted"),
        ("target", "y"),
        ("reason", "because"),
        ("before", '"1"'),
        ("after", "2"),
        ("at", "2020-01-01 00:00:00"),
        ("previous_hash", "f" * 64),
    ],
)
def test_a_line_that_was_changed_behind_our_back_shows(column: str, value: str) -> None:
    written()
    unguarded(f"UPDATE audit_entry SET {column} = %s WHERE number = 2", value)  # noqa: S608
    assert first_broken_entry() == 2


def test_a_line_that_was_taken_out_shows() -> None:
    written()
    unguarded("DELETE FROM audit_entry WHERE number = 2")
    assert first_broken_entry() == 2


def test_a_line_that_was_changed_and_sealed_anew_breaks_the_next() -> None:
    _, second, _ = written()
    second.reason = "other"
    unguarded("UPDATE audit_entry SET reason = 'other', hash = %s WHERE number = 2", seal(second))
    assert first_broken_entry() == 3


def test_the_seal_holds_whatever_zone_the_moment_was_told_in() -> None:
    written(1, now=NOW.astimezone(timezone(timedelta(hours=5, minutes=30))))
    assert first_broken_entry() is None


@pytest.mark.parametrize(
    "value", [None, 0, 1.5, "é", "", [], {"b": [1, {"a": None}], "a": "ü"}, True]
)
def test_the_seal_holds_for_any_json(value: Any) -> None:
    written(2, before=value, after=value)
    assert first_broken_entry() is None


def test_texts_too_long_are_cut_before_they_are_sealed() -> None:
    written(1, actor="a" * 999, target="t" * 999, reason="r" * 999)
    entry = Entry.objects.get()
    assert (len(entry.actor), len(entry.target), len(entry.reason)) == (150, 200, 500)
    assert first_broken_entry() is None


def test_an_entry_shares_the_fate_of_what_it_tells() -> None:
    def fail() -> None:
        written(1)
        raise RuntimeError("what it tells did not happen")

    with pytest.raises(RuntimeError), transaction.atomic():
        fail()
    assert not Entry.objects.exists()
