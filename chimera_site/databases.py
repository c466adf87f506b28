"""How a process speaks to its database: the options of a connection, for SQLite and for PostgreSQL."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured

SQLITE = "django.db.backends.sqlite3"
OUR_SQLITE = "chimera_site.sqlite"
POSTGRESQL = "django.db.backends.postgresql"

WAIT_SECONDS = 5.0
"""How long a writer waits for somebody else's lock before what it was asked for is refused."""

LONGEST_LOG_PAGES = 20_000
"""A commit that makes SQLite's log so long (80 MB) carries it over itself: nobody else does, if no watcher runs."""


def configured(
    address: dict[str, Any], *, process: str, synchronous: str, wait_seconds: float = WAIT_SECONDS
) -> dict[str, Any]:
    """Django's entry for a database at `address` (engine, name, host …), as this process uses it.

    Daemons keep their few connections for ever. A web request runs on a thread of its own, so a connection
    that it kept would only be left behind with that thread. ImproperlyConfigured for any other database.
    """
    options = {
        SQLITE: _sqlite(synchronous, wait_seconds),
        POSTGRESQL: _postgresql(process, wait_seconds),
    }
    engine = address.get("ENGINE")
    if engine not in options:
        # Not repeated: a URL of a database holds its password.
        raise ImproperlyConfigured(
            "DATABASE_URL has to be sqlite:////path/of/a/file or postgres://user:password@host/name"
        )
    return {
        **address,
        "ENGINE": OUR_SQLITE if engine == SQLITE else engine,
        "CONN_MAX_AGE": 0 if process == "web" else None,
        "OPTIONS": options[engine],
    }


def _sqlite(synchronous: str, wait_seconds: float) -> dict[str, Any]:
    return {
        # A transaction that reads first and writes later cannot meet "database is locked".
        "transaction_mode": "IMMEDIATE",
        "timeout": wait_seconds,
        "init_command": (
            "PRAGMA journal_mode=WAL;"
            f"PRAGMA synchronous={synchronous};"
            "PRAGMA cache_size=-16000;"
            "PRAGMA mmap_size=134217728;"
            # A savepoint keeps the pages that it changes, beyond 64 KB in a temporary file otherwise.
            "PRAGMA temp_store=MEMORY;"
            f"PRAGMA wal_autocheckpoint={LONGEST_LOG_PAGES};"
        ),
    }


def _postgresql(process: str, wait_seconds: float) -> dict[str, Any]:
    """Every wait has an end: for a server that is gone, a lock that is forgotten, a statement that hangs."""
    server = {
        "synchronous_commit": "on",
        "lock_timeout": f"{wait_seconds * 1_000:.0f}ms",
        "statement_timeout": "15s",
        "idle_in_transaction_session_timeout": "30s",
        # For what `trading.rows` prepares: partial indexes are meant by constants in the statements' own words.
        "plan_cache_mode": "force_generic_plan",
    }
    return {
        "application_name": f"chimera-{process}",
        "connect_timeout": 5,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 15_000,
        "options": " ".join(f"-c {name}={value}" for name, value in server.items()),
        # Django's own statements are bound by the client; only who asks for it has one prepared.
        "prepare_threshold": 0,
        "server_side_binding": False,
    }
