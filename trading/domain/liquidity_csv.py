"""Historical liquidity as lines of CSV: each becomes a sample, or a sentence that names line and column."""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from solders.pubkey import Pubkey

from trading.domain.market_readings import Source
from trading.domain.samples import Sample

T = TypeVar("T")
NAMES = {
    "mint": ("mint", "token"),
    "at": ("at", "ts"),
    "liquidity_usd": ("liquidity_usd",),
    "price_sol": ("price_sol",),
    "volume_24h_usd": ("volume_24h_usd",),
    "token_created_at": ("token_created_at", "token_created_ts"),
    "sol_price_usd": ("sol_price_usd",),
}
"""Each column by the names it may have: ours, or those of Scout's swaps.csv."""
REQUIRED = ("mint", "at", "liquidity_usd")
CEILING_USD, CEILING_PRICE = Decimal(10) ** 18, Decimal(10) ** 12
EARLIEST, LATEST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class HeaderUnreadable(Exception):
    """The file does not begin with a line that names the columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line that is no sample, and why; the first line of the file is 1."""

    line: int
    text: str


class _Bad(ValueError):
    """What is wrong with one value."""


def read_lines(lines: Iterable[str]) -> Iterator[Sample | BadLine]:
    """Every line of the file as a sample or as what is wrong with it; HeaderUnreadable names the columns."""
    reader = csv.reader(_without_nul(lines), strict=True)
    try:
        places = _places(next(reader, []))
    except csv.Error as error:
        raise HeaderUnreadable(f"the first line is not CSV: {error}") from None
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadLine(line=reader.line_num, text=f"not CSV: {error}")
            continue
        if row:
            yield _read(row, places, reader.line_num)


def _without_nul(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield line.replace("\x00", "\ufffd")


def _places(header: list[str]) -> dict[str, int]:
    given = [name.strip().lstrip("\ufeff").lower() for name in header]
    places = {
        column: given.index(name)
        for column, names in NAMES.items()
        for name in names
        if name in given
    }
    missing = [name for name in REQUIRED if name not in places]
    if missing:
        wanted = ", ".join(REQUIRED)
        raise HeaderUnreadable(
            f"no column {', '.join(missing)} in the first line; needed: {wanted}"
        )
    return places


def _read(row: list[str], places: dict[str, int], line: int) -> Sample | BadLine:
    def value(column: str, read: Callable[[str], T]) -> T | None:
        place = places.get(column)
        text = row[place].strip() if place is not None and place < len(row) else ""
        if not text:
            if column in REQUIRED:
                raise _Bad(f"{column}: empty")
            return None
        try:
            return read(text)
        except _Bad as bad:
            raise _Bad(f"{column}: {bad}") from None

    try:
        mint, at = value("mint", _mint), value("at", _moment)
        assert mint is not None
        assert at is not None
        return Sample(
            mint=mint,
            at=at,
            source=Source.IMPORT,
            liquidity_usd=value("liquidity_usd", _usd),
            price_sol=value("price_sol", _price),
            volume_24h_usd=value("volume_24h_usd", _usd),
            token_created_at=value("token_created_at", _moment),
            sol_price_usd=value("sol_price_usd", _price),
        )
    except _Bad as bad:
        return BadLine(line=line, text=str(bad))


def _mint(text: str) -> str:
    try:
        return str(Pubkey.from_string(text))
    except ValueError:
        raise _Bad(f"{text[:50]!r} is not a mint address") from None


def _moment(text: str) -> datetime:
    """Unix seconds, or ISO 8601 with its offset."""
    try:
        if text.replace(".", "", 1).isdigit() and text.isascii():
            at = datetime.fromtimestamp(float(text), tz=UTC)
        else:
            at = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise _Bad(f"{text[:40]!r} is neither unix seconds nor an ISO 8601 time") from None
    if at.tzinfo is None:
        raise _Bad(f"{text[:40]!r} has no offset from UTC")
    if not EARLIEST <= at < LATEST:
        raise _Bad(f"{text[:40]!r} is no time between 2020 and 2100")
    return at


def _usd(text: str) -> Decimal:
    return _amount(text, CEILING_USD)


def _price(text: str) -> Decimal:
    amount = _amount(text, CEILING_PRICE)
    if amount == 0:
        raise _Bad("a price is above zero; leave it empty where it is not known")
    return amount


def _amount(text: str, ceiling: Decimal) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise _Bad(f"{text[:40]!r} is not a number") from None
    if not amount.is_finite() or not 0 <= amount < ceiling:
        raise _Bad(f"{text[:40]!r} is not between 0 and {ceiling:,.0f}")
    return amount
