"""Django's SQLite, with a transaction that begins as soon as nobody else writes, and short ways to the driver."""

import sqlite3
import time
from datetime import UTC, datetime
from typing import Any

from django.db.backends.sqlite3 import base, operations

from trading.cores import Hurry

SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.0001, 0.002
PAUSE_SHARE = 0.2
"""Of what was waited for already: who has waited for long loses little by looking less often."""


_hurry = Hurry()


class DatabaseOperations(operations.DatabaseOperations):
    """Writes moments as Django does, those in UTC without asking it."""

    def adapt_datetimefield_value(self, value: Any) -> Any:
        if isinstance(value, datetime) and value.tzinfo is UTC and self.connection.timezone is UTC:
            return value.replace(tzinfo=None).isoformat(" ")
        return super().adapt_datetimefield_value(value)


class DatabaseWrapper(base.DatabaseWrapper):
    """SQLite's own patience sleeps 1, 2, 5, 10 … ms for a lock that most hold for less than one.

    Django's cursor takes ten times as long to name a savepoint as SQLite to make it.
    """

    ops_class = DatabaseOperations

    def set_autocommit(self, autocommit: bool, *args: Any, **options: Any) -> None:
        """A transaction is over with its hooks: what they wake others for must not wait for a core either."""
        try:
            super().set_autocommit(autocommit, *args, **options)
        finally:
            if autocommit:
                _hurry.end()

    def close(self) -> None:
        try:
            super().close()
        finally:
            _hurry.end()

    def _savepoint(self, sid: str) -> None:
        self._say(self.ops.savepoint_create_sql(sid))

    def _savepoint_rollback(self, sid: str) -> None:
        self._say(self.ops.savepoint_rollback_sql(sid))

    def _savepoint_commit(self, sid: str) -> None:
        self._say(self.ops.savepoint_commit_sql(sid))

    def _say(self, statement: str) -> None:
        with self.wrap_database_errors:
            self.connection.execute(statement)

    def _start_transaction_under_autocommit(self) -> None:
        """BEGIN with the write lock; the database's error when it is not free in time.

        The driver's own call: Django's cursor takes longer to say BEGIN than SQLite to do it.
        """
        patience_seconds = self.settings_dict["OPTIONS"].get("timeout", 5.0)
        with self.wrap_database_errors:
            self.connection.execute("PRAGMA busy_timeout = 0")
            try:
                self._begin_within(patience_seconds)
            finally:
                self.connection.execute(f"PRAGMA busy_timeout = {patience_seconds * 1000:.0f}")

    def _begin_within(self, patience_seconds: float) -> None:
        begun = time.monotonic()
        while True:
            try:
                self.connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                waited = time.monotonic() - begun
                if "locked" not in str(error) or waited > patience_seconds:
                    raise
            else:
                # Everybody who writes waits for this thread now.
                _hurry.begin()
                return
            # Most hold it for a millisecond; who holds it for longer is not worth a busy processor.
            pause = max(SHORTEST_PAUSE_SECONDS, PAUSE_SHARE * waited)
            time.sleep(min(pause, LONGEST_PAUSE_SECONDS))
