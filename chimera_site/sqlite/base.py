"""Django's SQLite, with a transaction that begins as soon as nobody else writes."""

import sqlite3
import time

from django.db.backends.sqlite3 import base

SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.0001, 0.002
LONG_WAIT_SECONDS = 0.02


class DatabaseWrapper(base.DatabaseWrapper):
    """SQLite's own patience sleeps 1, 2, 5, 10 … ms for a lock that most hold for less than one."""

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
        begun, pause = time.monotonic(), SHORTEST_PAUSE_SECONDS
        while True:
            try:
                self.connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                waited = time.monotonic() - begun
                if "locked" not in str(error) or waited > patience_seconds:
                    raise
            else:
                return
            time.sleep(pause)
            # Most hold it for a millisecond; who holds it for longer is not worth a busy processor.
            if waited > LONG_WAIT_SECONDS:
                pause = LONGEST_PAUSE_SECONDS
