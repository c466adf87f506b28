"""The input of every study: wallets' swaps as one compact frame, from CSV or from rows in memory."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from scout.research.blocks import (
    BadRow,
    Block,
    Progress,
    UnreadableTrades,
    blocks,
    check_header,
    header_of,
)
from scout.research.columns import NUMBERS, OPTIONAL, TEXTS, Check, faults

SHOWN_BAD_ROWS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Trades:
    """Swaps of any number of wallets, in an order that does not depend on the order they came in.

    `rows` is sorted by wallet, ts, buys before sells, transaction. Columns and dtypes:
    wallet, token, symbol, dex: categories in alphabetical order · ts: int64, unix seconds ·
    is_buy: bool · sol_amount, token_amount, price_sol: float64, UI units, fees inside ·
    liquidity_usd, volume_24h_usd, sol_price_usd: float32, NaN unknown ·
    token_created_ts, price_after_sol: float64, NaN unknown · jito_tip: int8, −1 unknown ·
    tx_key: uint64, hash of the signature · tx_sig only if it was asked for.
    """

    rows: pd.DataFrame
    bad_rows: tuple[BadRow, ...] = ()
    duplicates: int = 0
    absent: tuple[str, ...] = ()
    """Optional columns the input did not have."""

    def known_at(self, as_of: int) -> pd.DataFrame:
        """The rows with ts ≤ `as_of`: all that may be used to judge at that moment."""
        is_known = self.rows["ts"].to_numpy() <= as_of
        return self.rows if is_known.all() else self.rows[is_known].reset_index(drop=True)


def read_trades(
    source: Path | IO[bytes],
    *,
    is_strict: bool,
    keep_signatures: bool = False,
    progress: Progress | None = None,
) -> Trades:
    """Trades of a CSV with the header of `columns.REQUIRED` and any of `columns.OPTIONAL`.

    Strict reading uses nothing if any row is bad; lenient reading uses the rest. Rows equal in
    wallet, transaction, token and side are one: copies are dropped and counted, contradictions are
    bad rows. Raises `UnreadableTrades`.
    """
    if isinstance(source, Path):
        try:
            with source.open("rb") as file:
                return _read(file, is_strict, keep_signatures, progress, source.stat().st_size)
        except OSError as error:
            raise UnreadableTrades(f"{source}: {error.strerror}") from error
    return _read(source, is_strict, keep_signatures, progress, 0)


def trades_of(frame: pd.DataFrame, *, is_strict: bool, keep_signatures: bool = False) -> Trades:
    """The same from rows in memory, `frame` having the columns of the CSV; lines count from 1."""
    header = [str(name) for name in frame.columns]
    check_header(header)
    frame = frame.reset_index(drop=True)
    texts = {name: frame[name].astype("string").fillna("") for name in TEXTS if name in header}
    numbers = {
        name: pd.to_numeric(frame[name], errors="coerce") for name in NUMBERS if name in header
    }
    block = Block(frame=pd.DataFrame({**texts, **numbers}), raw=frame)
    return _gather([block], header, is_strict, keep_signatures)


def _read(
    file: IO[bytes], is_strict: bool, keep_signatures: bool, progress: Progress | None, size: int
) -> Trades:
    header, done = header_of(file)
    return _gather(blocks(file, header, done, size, progress), header, is_strict, keep_signatures)


class _Codes:
    """Numbers for texts as they first appear; sorted once all have been seen."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._parts: list[np.ndarray] = []

    def add(self, texts: pd.Series) -> None:
        local = texts.astype("category").cat
        seen = [self._codes.setdefault(str(t), len(self._codes)) for t in local.categories]
        self._parts.append(np.array([*seen, -1], np.int32)[local.codes.to_numpy()])

    def sorted(self) -> pd.Categorical:
        names = sorted(self._codes)
        place = np.empty(len(names) + 1, np.int32)
        place[[self._codes[name] for name in names]] = np.arange(len(names))
        place[-1] = -1
        codes = np.concatenate(self._parts) if self._parts else np.empty(0, np.int32)
        return pd.Categorical.from_codes(place[codes], pd.Index(names, dtype="str"))


def _gather(
    parsed: Iterable[Block],
    header: list[str],
    is_strict: bool,
    keep_signatures: bool,
) -> Trades:
    codes = {name: _Codes() for name in ("wallet", "token", "symbol", "dex")}
    parts: dict[str, list[np.ndarray]] = {}
    bad: list[BadRow] = []
    for block in parsed:
        good, found = _good_rows(block)
        bad += found
        for name, column in _compact(good, keep_signatures).items():
            parts.setdefault(name, []).append(column)
        parts.setdefault("line", []).append(_line_numbers(block, good))
        for name, coder in codes.items():
            coder.add(good[name] if name in good else pd.Series("", index=good.index, dtype="str"))
    if not parts:
        raise UnreadableTrades("the file names its columns and has no row")
    columns = {name: np.concatenate(parts.pop(name)) for name in list(parts)}
    rows = pd.DataFrame({**{name: coder.sorted() for name, coder in codes.items()}, **columns})
    return _settled(rows, bad, header, is_strict)


def _good_rows(block: Block) -> tuple[pd.DataFrame, list[BadRow]]:
    is_bad = np.zeros(len(block.frame), bool)
    found = list(block.bad_rows)
    for check, wrong in faults(block.frame, block.raw):
        for position in np.flatnonzero(wrong & ~is_bad):
            reason = _reason(check, block, int(position))
            found.append(BadRow(line=block.line(int(position)), reason=reason))
        is_bad |= wrong
    return block.frame[~is_bad] if is_bad.any() else block.frame, found


def _reason(check: Check, block: Block, position: int) -> str:
    origin = block.frame if block.raw is None else block.raw
    return f"{check.column}: {check.demand}, not {str(origin[check.column].iloc[position])!r}"


def _line_numbers(block: Block, good: pd.DataFrame) -> np.ndarray:
    positions = good.index.to_numpy(np.int64)
    lines = block.first_line + positions if block.lines is None else block.lines[positions]
    return np.asarray(lines, np.int64)


def _compact(good: pd.DataFrame, keep_signatures: bool) -> dict[str, np.ndarray]:
    columns: dict[str, np.ndarray] = {
        name: good[name].to_numpy(dtype=float).astype(dtype)
        if name in good
        else np.full(len(good), np.nan, dtype)
        for name, dtype in NUMBERS.items()
        if dtype != "int8"
    }
    tip = good["jito_tip"].fillna(-1).to_numpy(float) if "jito_tip" in good else -1.0
    columns["jito_tip"] = np.broadcast_to(tip, len(good)).astype("int8")
    columns["is_buy"] = (good["side"].astype("string") == "BUY").to_numpy(bool)
    signatures = good["tx_sig"].astype(object).to_numpy()
    columns["tx_key"] = pd.util.hash_array(signatures, categorize=False)
    return columns | ({"tx_sig": signatures} if keep_signatures else {})


def _settled(rows: pd.DataFrame, bad: list[BadRow], header: list[str], is_strict: bool) -> Trades:
    """Sort, drop what came twice, and answer for the bad rows."""
    rows = rows.iloc[_order(rows)].reset_index(drop=True)
    repeats = _repeats(rows)
    amounts = rows[["sol_amount", "token_amount"]]
    contradicts = repeats & amounts.ne(amounts.shift()).any(axis=1).to_numpy()
    bad += [
        BadRow(line=int(line), reason="contradicts another row of the same transaction and token")
        for line in rows["line"].to_numpy()[contradicts]
    ]
    bad.sort(key=lambda row: row.line)
    if is_strict and bad:
        raise UnreadableTrades(_summary(bad), tuple(bad))
    return Trades(
        rows=rows.drop(columns="line")[~repeats].reset_index(drop=True),
        bad_rows=tuple(bad),
        duplicates=int((repeats & ~contradicts).sum()),
        absent=tuple(name for name in OPTIONAL if name not in header),
    )


def _order(rows: pd.DataFrame) -> np.ndarray:
    """By wallet, time, buys first, transaction; the rest only makes the order a function of content."""
    return np.lexsort(
        (rows["token_amount"], rows["sol_amount"], rows["token"].cat.codes, rows["tx_key"],
         ~rows["is_buy"], rows["ts"], rows["wallet"].cat.codes)
    )  # fmt: skip


def _repeats(rows: pd.DataFrame) -> np.ndarray:
    """True where a row has wallet, transaction, token and side (hence ts) of the row before it."""
    same = np.ones(len(rows), bool)
    for name in ("wallet", "ts", "is_buy", "tx_key", "token"):
        values = rows[name].cat.codes if name in ("wallet", "token") else rows[name]
        same[1:] &= np.diff(values.to_numpy().astype(np.int64)) == 0
    same[:1] = False
    return same


def _summary(bad: list[BadRow]) -> str:
    shown = "; ".join(str(row) for row in bad[:SHOWN_BAD_ROWS])
    more = f"; and {len(bad) - SHOWN_BAD_ROWS} more" if len(bad) > SHOWN_BAD_ROWS else ""
    return f"{len(bad)} bad rows, so nothing is used: {shown}{more}"
