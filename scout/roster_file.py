"""The roster as one SQLite file, which a Scout on another machine writes and this platform takes over.

Table `meta` (one row): run, created_at (ISO, UTC), mode, code_version, row_count. Table `wallets`: one row
a wallet, `details` being JSON for the pages. `application_id` says that it is ours, `user_version` which
schema it has. Written beside its place, checked, and renamed into it: nobody ever sees half a roster.
"""

import json
import math
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

from solders.pubkey import Pubkey

APPLICATION_ID = 0x43484D52
SCHEMA_VERSION = 1
LARGEST_BYTES = 64 * 1024 * 1024
MOST_WALLETS = 50_000
STATUSES = ("ACTIVE", "CANDIDATE", "REJECTED")
STRATEGIES = ("SHIELD", "SPEAR")
MAGIC = b"SQLite format 3\x00"
SCHEMA = """
CREATE TABLE meta (run TEXT NOT NULL, created_at TEXT NOT NULL, mode TEXT NOT NULL,
                   code_version TEXT NOT NULL, row_count INTEGER NOT NULL);
CREATE TABLE wallets (address TEXT PRIMARY KEY, status TEXT NOT NULL, strategy TEXT NOT NULL,
                      archetype TEXT NOT NULL, verdict TEXT NOT NULL, trades INTEGER NOT NULL,
                      wqs REAL, skill REAL, p_positive REAL, copy_return REAL,
                      owner TEXT NOT NULL, reasons TEXT NOT NULL, details TEXT NOT NULL);
"""
COLUMNS = (
    "address", "status", "strategy", "archetype", "verdict", "trades", "wqs", "skill", "p_positive",
    "copy_return", "owner", "reasons", "details",
)  # fmt: skip


class Refusal(StrEnum):
    """Why a roster is not taken over."""

    MISSING = "MISSING"
    EMPTY = "EMPTY"
    OVERSIZED = "OVERSIZED"
    FOREIGN = "FOREIGN"
    CORRUPT = "CORRUPT"
    WRONG_SCHEMA = "WRONG_SCHEMA"
    INVALID_ROW = "INVALID_ROW"
    OLDER = "OLDER"
    MERGED_BEFORE = "MERGED_BEFORE"


class RosterRefused(Exception):
    """Nothing was changed; the text says what is wrong and what to do."""

    def __init__(self, code: Refusal, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One wallet as a run left it. None in a score: not known."""

    address: str
    status: str
    strategy: str
    archetype: str = ""
    verdict: str = ""
    trades: int = 0
    wqs: float | None = None
    skill: float | None = None
    p_positive: float | None = None
    copy_return: float | None = None
    owner: str = ""
    reasons: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """What a run proposes about every wallet that it looked at."""

    run: str
    created_at: datetime
    mode: str
    code_version: str
    entries: tuple[Entry, ...]


def write_roster(path: Path, roster: Roster) -> None:
    """Replace the file at once or not at all. OSError when the directory cannot be written."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.new")
    unfinished.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(unfinished)) as file:
            _fill(file, roster)
        _force_to_disk(unfinished)
        unfinished.replace(path)
        _force_to_disk(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def _fill(file: sqlite3.Connection, roster: Roster) -> None:
    file.executescript(f"PRAGMA journal_mode=OFF; PRAGMA application_id={APPLICATION_ID}; {SCHEMA}")
    file.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    file.execute(
        "INSERT INTO meta VALUES (?, ?, ?, ?, ?)",
        (
            roster.run,
            roster.created_at.astimezone(UTC).isoformat(),
            roster.mode,
            roster.code_version,
            len(roster.entries),
        ),
    )
    marks = ", ".join("?" for _ in COLUMNS)
    file.executemany(
        f"INSERT INTO wallets VALUES ({marks})",  # noqa: S608
        [_values(entry) for entry in roster.entries],
    )
    file.commit()
    problem = file.execute("PRAGMA integrity_check").fetchone()[0]
    if problem != "ok":
        raise OSError(f"the roster came out damaged: {problem}")


def _values(entry: Entry) -> list[Any]:
    plain = {"reasons": json.dumps(list(entry.reasons)), "details": json.dumps(entry.details)}
    return [plain.get(name, getattr(entry, name)) for name in COLUMNS]


def _force_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_roster(path: Path, *, mode: str) -> Roster:
    """The roster in a file, every row checked; RosterRefused with a sentence for anything else."""
    _look_at_the_outside(path)
    try:
        with _opened(path) as file:
            return _read(file, path, mode)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise _refused(
            Refusal.CORRUPT, path, f"is damaged ({error}); have it written again"
        ) from None


def _look_at_the_outside(path: Path) -> None:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(len(MAGIC))
    except OSError as error:
        raise _refused(Refusal.MISSING, path, f"cannot be read: {error.strerror}") from None
    if size == 0:
        raise _refused(Refusal.EMPTY, path, "is empty; have it written again")
    if size > LARGEST_BYTES:
        raise _refused(
            Refusal.OVERSIZED, path, f"has {size} bytes; a roster has at most {LARGEST_BYTES}"
        )
    if head != MAGIC:
        raise _refused(Refusal.FOREIGN, path, "is no SQLite file, so no roster")


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Read only, and believing nothing that the file's schema may want to run."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as file:
        file.execute("PRAGMA trusted_schema=OFF")
        file.execute("PRAGMA cell_size_check=ON")
        yield file


def _read(file: sqlite3.Connection, path: Path, mode: str) -> Roster:
    if _pragma(file, "application_id") != APPLICATION_ID:
        raise _refused(Refusal.FOREIGN, path, "was not written by Scout")
    version = _pragma(file, "user_version")
    if version != SCHEMA_VERSION:
        raise _refused(
            Refusal.WRONG_SCHEMA,
            path,
            f"has schema {version}, and this platform reads {SCHEMA_VERSION}; "
            "have it written by a Scout of the same version",
        )
    problem = file.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if problem != "ok":
        raise _refused(Refusal.CORRUPT, path, f"is damaged ({problem}); have it written again")
    tables = {row[0] for row in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"meta", "wallets"} <= tables:
        raise _refused(Refusal.CORRUPT, path, "has no tables of a roster")
    return _roster(file, path, mode)


def _pragma(file: sqlite3.Connection, name: str) -> int:
    return int(file.execute(f"PRAGMA {name}").fetchone()[0])


def _roster(file: sqlite3.Connection, path: Path, mode: str) -> Roster:
    head = file.execute(
        "SELECT run, created_at, mode, code_version, row_count FROM meta"
    ).fetchall()
    count = file.execute("SELECT count(*) FROM wallets").fetchone()[0]
    if len(head) != 1 or head[0][4] != count:
        raise _refused(
            Refusal.CORRUPT, path, "does not have the rows it says; have it written again"
        )
    run, created_at, origin, code_version, _ = head[0]
    if origin != mode:
        raise _refused(
            Refusal.FOREIGN,
            path,
            f"was written in mode {str(origin)[:20]}; this platform is {mode}",
        )
    if count == 0:
        raise _refused(
            Refusal.EMPTY, path, "names no wallet; a roster of nobody is never taken over"
        )
    if count > MOST_WALLETS:
        raise _refused(
            Refusal.OVERSIZED, path, f"names {count} wallets; a roster has at most {MOST_WALLETS}"
        )
    rows = file.execute(f"SELECT {', '.join(COLUMNS)} FROM wallets ORDER BY address")  # noqa: S608
    return Roster(
        run=_identity(path, run),
        created_at=_moment(path, created_at),
        mode=mode,
        code_version=_text(path, "code_version", code_version, most=40),
        entries=tuple(_entry(path, dict(zip(COLUMNS, row, strict=True))) for row in rows),
    )


def _entry(path: Path, row: dict[str, Any]) -> Entry:
    """A row as an entry, or a refusal that names the wallet and the column."""
    address = str(row["address"])[:44]
    try:
        Pubkey.from_string(row["address"])
        _demand(row["status"] in STATUSES, "status")
        _demand(row["strategy"] in STRATEGIES, "strategy")
        for name, most in (("archetype", 40), ("verdict", 24), ("owner", 44)):
            _demand(isinstance(row[name], str) and len(row[name]) <= most, name)
        _demand(isinstance(row["trades"], int) and row["trades"] >= 0, "trades")
        for name in ("wqs", "skill", "p_positive", "copy_return"):
            _demand(row[name] is None or math.isfinite(row[name]), name)
        _demand(row["wqs"] is None or 0 <= row["wqs"] <= 100, "wqs")
        reasons, details = json.loads(row["reasons"]), json.loads(row["details"])
        _demand(isinstance(reasons, list), "reasons")
        _demand(isinstance(details, dict), "details")
    except (ValueError, TypeError, RecursionError) as error:
        text = f"says something impossible about {address}: {str(error)[:100]}"
        raise _refused(Refusal.INVALID_ROW, path, text) from None
    values = row | {"reasons": tuple(str(each)[:300] for each in reasons[:50]), "details": details}
    return Entry(**values)


def _demand(is_right: bool, name: str) -> None:
    if not is_right:
        raise ValueError(name)


def _text(path: Path, name: str, value: Any, *, most: int) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise _refused(Refusal.CORRUPT, path, f"has no readable {name}")
    return value


def _identity(path: Path, value: Any) -> str:
    try:
        return str(UUID(value))
    except (ValueError, TypeError, AttributeError):
        raise _refused(Refusal.CORRUPT, path, "does not name its run") from None


def _moment(path: Path, value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _refused(Refusal.CORRUPT, path, "has no readable time of creation") from None
    if found.tzinfo is None:
        raise _refused(Refusal.CORRUPT, path, "has a time of creation without a zone")
    return found


def _refused(code: Refusal, path: Path, text: str) -> RosterRefused:
    return RosterRefused(code, f"{path.name} {text}.")
