"""A connection's options really reach the server, and nothing of ours waits for ever or piles up there."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from chimera_site.databases import POSTGRESQL, SQLITE, WAIT_SECONDS, configured
from chimera_site.environment import Environment
from tests import factories
from trading.models import Signal
from trading.rows import every, first, marks


def told(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return str(cursor.fetchone()[0])


@pytest.mark.both_databases
def test_a_connection_is_as_safe_and_as_impatient_as_configured(database: Any) -> None:
    connection.ensure_connection()
    if database.vendor == "sqlite":
        pragmas = ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        found = [database_value(f"PRAGMA {name}") for name in pragmas]
        assert found == ["wal", 1, WAIT_SECONDS * 1_000, 1]
        return
    names = ("synchronous_commit", "lock_timeout", "statement_timeout", "application_name")
    assert [told(name) for name in names] == ["on", "5s", "15s", "chimera-tests"]
    assert told("idle_in_transaction_session_timeout") == "30s"


def database_value(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_only_our_own_steady_statements_are_prepared_on_the_server(database: Any) -> None:
    factories.make_signal()
    one = "SELECT 1 FROM trading_signal WHERE amount_lamports > %s"
    for number in range(20):
        assert Signal.objects.filter(amount_lamports__gt=number).count() == 1
        assert first(one, number) == (1,)
        values = tuple(range(4 + number))
        several = f"SELECT 1 FROM trading_signal WHERE attempts IN ({marks(values)})"  # noqa: S608
        assert every(several, *values)
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        assert [row[0] for row in cursor.fetchall()] == [one.replace("%s", "$1")]


@pytest.mark.parametrize("engine", [SQLITE, POSTGRESQL])
@pytest.mark.parametrize(("process", "kept"), [("web", 0), ("executor", None), ("ingress", None)])
def test_only_daemons_keep_their_connections(engine: str, process: str, kept: int | None) -> None:
    address = configured({"ENGINE": engine}, process=process, synchronous="FULL")
    assert address["CONN_MAX_AGE"] == kept
    if engine == SQLITE:
        assert "PRAGMA synchronous=FULL;" in address["OPTIONS"]["init_command"]


@pytest.mark.parametrize("url", ["hello", "mysql://a:s3cret@b/c", "foo://a:s3cret@b/c", ""])
def test_another_database_is_refused_by_the_name_of_its_setting(url: str) -> None:
    address = Environment.db_url_config(url)
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL has to be sqlite") as refusal:
        configured(address, process="web", synchronous="FULL")
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize("turn", [1, 2])
async def test_async_code_reads_the_database_of_its_own_test(database: Any, turn: int) -> None:
    assert await Signal.objects.acount() == 0
    await sync_to_async(factories.make_signal)()
    assert len(database.rows("SELECT 1 FROM trading_signal")) == 1
