"""A migrated database of one test alone, on SQLite or on PostgreSQL, seen by every thread; no tests here."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import environ
import psycopg
import pytest
from asgiref.sync import SyncToAsync
from django.core.management import call_command
from django.db import connections

from chimera_site.databases import configured
from tests.postgres import Cluster

VENDORS = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Where the rows are. `file` is SQLite's file, or the directory with PostgreSQL's socket."""

    vendor: str
    url: str
    file: Path

    @property
    def dsn(self) -> str:
        """What psycopg wants to know."""
        address = environ.Env.db_url_config(self.url)
        return f"host={address['HOST']} user={address['USER']} dbname={address['NAME']}"

    def rows(self, query: str) -> list[Any]:
        """What another process reads at this moment."""
        if self.vendor == "postgresql":
            with psycopg.connect(self.dsn) as reader:
                return reader.execute(query.encode()).fetchall()
        with closing(sqlite3.connect(self.file, timeout=10)) as reader:
            return reader.execute(query).fetchall()


def both_databases(metafunc: pytest.Metafunc) -> None:
    """Have a test marked `both_databases` run once on each."""
    is_marked = metafunc.definition.get_closest_marker("both_databases") is not None
    if is_marked and "database" in metafunc.fixturenames:
        metafunc.parametrize("database", VENDORS, indirect=True)


@pytest.fixture(scope="session")
def pristine_database(django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with every migration applied and no rows of ours."""
    file = tmp_path_factory.mktemp("database") / "pristine.sqlite3"
    with django_db_blocker.unblock(), using(f"sqlite:///{file}"):
        call_command("migrate", verbosity=0)
    return file


@pytest.fixture(scope="session")
def pristine_postgres(django_db_blocker: Any, postgres: Cluster) -> str:
    """The same on PostgreSQL, emptied before each test; its name."""
    name = postgres.new_database()
    with django_db_blocker.unblock(), using(postgres.url(name)):
        call_command("migrate", verbosity=0)
    return name


@pytest.fixture
def database(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[Database]:
    """A database which every thread sees and commits to for real."""
    make = _on_postgresql if getattr(request, "param", "") == "postgresql" else _on_sqlite
    with make(request) as made, django_db_blocker.unblock(), using(made.url):
        yield made


@contextmanager
def _on_sqlite(request: pytest.FixtureRequest) -> Iterator[Database]:
    file = request.getfixturevalue("tmp_path") / "chimera.sqlite3"
    shutil.copy(request.getfixturevalue("pristine_database"), file)
    yield Database(vendor="sqlite", url=f"sqlite:///{file}", file=file)


@contextmanager
def _on_postgresql(request: pytest.FixtureRequest) -> Iterator[Database]:
    cluster: Cluster = request.getfixturevalue("postgres")
    name = request.getfixturevalue("pristine_postgres")
    cluster.empty(name)
    yield Database(vendor="postgresql", url=cluster.url(name), file=cluster.directory)


@contextmanager
def using(url: str) -> Iterator[None]:
    """Have this process use the database at `url`, as the settings would."""
    usual, usual_settings = connections["default"], connections.settings["default"]
    address = configured(environ.Env.db_url_config(url), process="tests", synchronous="NORMAL")
    connections.settings["default"] = {**usual_settings, **address}
    del connections["default"]
    try:
        yield
    finally:
        connections["default"].close()
        # Async code reads in a thread that outlives the test and would keep this database open for the next.
        SyncToAsync.single_thread_executor.submit(_forget).result()
        connections.settings["default"] = usual_settings
        connections["default"] = usual


def _forget() -> None:
    """Have this thread ask the settings again which database it uses."""
    connections["default"].close()
    del connections["default"]
