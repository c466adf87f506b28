"""A throw-away PostgreSQL: a cluster of its own in a temporary directory, on a unix socket; no tests here."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

DEBIAN = Path("/usr/lib/postgresql")
USER = "chimera"
START_SECONDS = 30.0
SPEED = ("fsync=off", "full_page_writes=off", "max_connections=60", "shared_buffers=32MB")
"""A cluster that nobody will miss: its data need not survive the machine. Commits stay synchronous."""

DISCONNECT_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
TABLES = (
    "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN"
    " ('django_migrations', 'django_content_type', 'auth_permission')"
)


def binary(name: str) -> str | None:
    """A program of PostgreSQL's server; Debian keeps them out of the PATH, one directory a version."""
    newest_first = sorted(DEBIAN.glob(f"*/bin/{name}"), key=lambda each: -float(each.parts[-3]))
    return shutil.which(name) or next(map(str, newest_first), None)


@dataclass(slots=True, kw_only=True)
class Cluster:
    """A server that can be made, stopped and started again. It refuses root, who becomes `postgres`."""

    directory: Path
    process: "subprocess.Popen[bytes] | None" = None
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def create(self) -> None:
        """Make the cluster's files."""
        command = [binary("initdb"), "-D", self._data, "-U", USER, "-A", "trust", "-E", "UTF8"]
        subprocess.run(
            ["setpriv", *_as_account(), *map(str, command), "--no-sync", "--no-locale"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
        )

    def start(self) -> None:
        """Return when it answers; it ends with this process, whatever ends that."""
        options = [part for setting in SPEED for part in ("-c", setting)]
        server = [binary("postgres"), "-D", self._data, "-k", self.directory, "-h", "", *options]
        leash = ["setpriv", *_as_account(), "--pdeathsig", "KILL"]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*leash, *map(str, server)], stdout=log, stderr=log, cwd="/"
            )
        self._wait()

    def stop(self) -> None:
        """Pull the plug: every connection breaks, and nothing is tidied up."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(START_SECONDS)

    def execute(self, statement: str, *, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement as its owner, outside any transaction; its rows."""
        with psycopg.connect(self.dsn(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def new_database(self) -> str:
        """An empty database; its name."""
        name = f"test_{next(self._numbers)}"
        self.execute(f'CREATE DATABASE "{name}"')
        return name

    def empty(self, database: str) -> None:
        """Take out every row but those that migrations put in, past triggers and whoever is connected.

        Forty times quicker than a fresh database for each test.
        """
        self.execute(DISCONNECT_OTHERS, database=database)
        tables = [row[0] for row in self.execute(TABLES, database=database)]
        deletes = "; ".join(f'DELETE FROM "{table}"' for table in tables)  # noqa: S608
        self.execute(f"SET session_replication_role = replica; {deletes}", database=database)

    def dsn(self, database: str) -> str:
        return f"host={self.directory} user={USER} dbname={database} connect_timeout=5"

    def url(self, database: str) -> str:
        """What DATABASE_URL says."""
        return f"postgresql://{USER}@/{self.directory}/{database}"

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.execute("SELECT 1")
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError(f"PostgreSQL does not start:\n{(self.directory / 'log').read_text()}")


def _as_account() -> list[str]:
    account = _account()
    if account is None:
        return []
    return [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]


def _account() -> pwd.struct_passwd | None:
    """Whom root becomes; None when we are somebody else already."""
    if os.geteuid() != 0:
        return None
    known = {each.pw_name: each for each in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


@contextmanager
def throw_away() -> Iterator[Cluster]:
    """A running cluster, gone afterwards."""
    # Not below pytest's own directory: that one is closed to the account that root becomes.
    with tempfile.TemporaryDirectory(prefix="chimera-pg-") as name:
        directory, account = Path(name), _account()
        if account is not None:
            os.chown(directory, account.pw_uid, account.pw_gid)
        cluster = Cluster(directory=directory)
        cluster.create()
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """One cluster per test process. Where PostgreSQL is absent its tests are skipped, in CI they fail."""
    if binary("postgres") is None or binary("initdb") is None:
        reason = "PostgreSQL's server is not installed: sudo apt-get install postgresql"
        if os.environ.get("REQUIRE_POSTGRESQL"):
            pytest.fail(reason)
        pytest.skip(reason)
    with throw_away() as cluster:
        yield cluster
