"""A CSV of swaps in blocks: pandas' typed parser where it can, line by line where it must.

A block without fault is parsed at once; one with a fault again line by line, so that every bad row
is named by its line and the reason. One record is one line: a line break inside quotes is a fault.
"""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import pandas as pd

from scout.research.columns import NUMBERS, OPTIONAL, REQUIRED, TEXTS

BLOCK_BYTES = 16 * 1024 * 1024

Progress = Callable[[int, int], None]
"""Told (bytes read, bytes in all) after every block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A row that is not used; `line` counts from 1, the header being line 1 of a file."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


class UnreadableTrades(Exception):
    """Nothing is used: the file as a whole is wrong, or it has bad rows and the reading is strict."""

    def __init__(self, message: str, bad_rows: tuple[BadRow, ...] = ()) -> None:
        super().__init__(message)
        self.bad_rows = bad_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Parsed rows, NaN where a number could not be read; `raw` has what stood there."""

    frame: pd.DataFrame
    raw: pd.DataFrame | None = None
    lines: np.ndarray | None = None
    first_line: int = 1
    bad_rows: tuple[BadRow, ...] = ()

    def line(self, position: int) -> int:
        return self.first_line + position if self.lines is None else int(self.lines[position])


def header_of(file: IO[bytes]) -> tuple[list[str], int]:
    """The column names in the first line and its length in bytes. Raises `UnreadableTrades`."""
    first = file.readline()
    if not first.strip():
        raise UnreadableTrades("the file is empty: the first line must name the columns")
    try:
        header = next(csv.reader([first.decode("utf-8-sig").strip()]))
    except (UnicodeDecodeError, csv.Error, StopIteration) as error:
        raise UnreadableTrades(f"line 1: no header of column names: {error}") from error
    header = [name.strip() for name in header]
    check_header(header)
    return header, len(first)


def check_header(header: list[str]) -> None:
    if missing := [name for name in REQUIRED if name not in header]:
        raise UnreadableTrades(
            f"line 1: columns missing: {', '.join(missing)}; "
            f"needed are {', '.join(REQUIRED)}; optional are {', '.join(OPTIONAL)}"
        )
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise UnreadableTrades(f"line 1: columns named twice: {', '.join(twice)}")


def blocks(
    file: IO[bytes], header: list[str], done: int, size: int, progress: Progress | None
) -> Iterator[Block]:
    line, rest = 2, b""
    while chunk := file.read(BLOCK_BYTES):
        done += len(chunk)
        cut = chunk.rfind(b"\n") + 1
        if not cut:
            rest += chunk
            continue
        body, rest = rest + chunk[:cut], chunk[cut:]
        yield _parsed(body, header, line)
        line += body.count(b"\n")
        if progress:
            progress(done, size)
    if rest:
        yield _parsed(rest + b"\n", header, line)


def _parsed(body: bytes, header: list[str], first_line: int) -> Block:
    known = [name for name in header if name in TEXTS or name in NUMBERS]
    commas = body.count(b"\n") * (len(header) - 1)
    if b'"' not in body and b"\x00" not in body and body.count(b",") == commas:
        try:
            return Block(frame=_typed(body, header, known), first_line=first_line)
        except (ValueError, OverflowError):  # a field that is no number: find out which
            pass
    return _line_by_line(body, header, known, first_line)


def _typed(body: bytes, header: list[str], known: list[str]) -> pd.DataFrame:
    dtypes: dict[str, Any] = {name: TEXTS[name] for name in known if name in TEXTS}
    dtypes |= {name: "float64" for name in known if name in NUMBERS}
    return pd.read_csv(
        io.BytesIO(body), names=header, usecols=known, dtype=dtypes, skip_blank_lines=False,
        na_values={name: [""] for name in known if name in NUMBERS}, keep_default_na=False,
    )  # fmt: skip


def _line_by_line(body: bytes, header: list[str], known: list[str], first: int) -> Block:
    rows: list[list[str]] = []
    lines: list[int] = []
    bad: list[BadRow] = []
    for line, raw in enumerate(body.removesuffix(b"\n").split(b"\n"), start=first):
        try:
            rows.append(_fields(raw, len(header)))
            lines.append(line)
        except ValueError as error:
            if raw.strip():  # blank lines are no rows
                bad.append(BadRow(line=line, reason=str(error)))
    raw_frame = pd.DataFrame(rows, columns=header, dtype="string")[known]
    typed = raw_frame.copy()
    for name in (name for name in known if name in NUMBERS):
        typed[name] = pd.to_numeric(raw_frame[name].str.strip(), errors="coerce").astype("float64")
    return Block(frame=typed, raw=raw_frame, lines=np.array(lines, int), bad_rows=tuple(bad))


def _fields(raw: bytes, expected: int) -> list[str]:
    """The fields of one line; ValueError says what is wrong with it."""
    try:
        fields = next(csv.reader([raw.decode().rstrip("\r")], strict=True))
    except (UnicodeDecodeError, csv.Error, StopIteration) as error:
        raise ValueError(f"not a line of UTF-8 CSV: {error}") from error
    if len(fields) != expected:
        raise ValueError(f"{len(fields)} fields where the header names {expected}")
    return fields
