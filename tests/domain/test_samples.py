"""What samples say of a moment: the past is not told by its future, and nothing is made up between them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.domain.liquidity_csv import BadLine, HeaderUnreadable, read_lines
from trading.domain.market_readings import Known, Missing, Stale, Zero
from trading.domain.samples import AFTER, BEFORE, Sample, market_at, next_look

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINT = "DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263"
SECOND = timedelta(seconds=1)


def sample(ago: timedelta, usd: str | None = "1000") -> Sample:
    liquidity = None if usd is None else Decimal(usd)
    return Sample(mint=MINT, at=AT - ago, source="dexscreener", liquidity_usd=liquidity)


def test_the_newest_sample_of_the_hour_before_speaks() -> None:
    older, newer, later = sample(BEFORE), sample(SECOND, "2000"), sample(-SECOND, "0")
    reading = market_at([older, newer, later], AT)
    assert reading == Known(value=newer, at=newer.at, source="dexscreener")
    assert market_at([older], AT) == Known(value=older, at=older.at, source="dexscreener")


def test_failing_that_the_look_that_the_trade_itself_gave_rise_to() -> None:
    assert isinstance(market_at([sample(-AFTER)], AT), Known)
    assert isinstance(market_at([sample(BEFORE * 2), sample(-AFTER)], AT), Known)


def test_a_token_that_was_rugged_later_had_its_liquidity_then() -> None:
    then, later = sample(BEFORE / 2, "50000"), sample(-SECOND, "0")
    reading = market_at([then, later], AT)
    assert isinstance(reading, Known)
    assert reading.value.liquidity_usd == 50_000


def test_stale_missing_and_zero_are_three_answers() -> None:
    assert isinstance(market_at([sample(BEFORE + SECOND)], AT), Stale)
    assert isinstance(market_at([], AT), Missing)
    assert isinstance(market_at([sample(-AFTER - SECOND)], AT), Missing)
    assert isinstance(market_at([sample(SECOND, None)], AT), Missing)
    assert isinstance(market_at([sample(SECOND, "0")], AT), Zero)
    assert isinstance(market_at([sample(BEFORE + SECOND, "0")], AT), Missing)


@given(st.lists(st.integers(-10_000, 10_000), max_size=30), st.integers(-10_000, 10_000))
def test_no_sample_from_after_the_minute_ever_speaks(moments: list[int], moment: int) -> None:
    series = [sample(timedelta(seconds=-each)) for each in sorted(moments)]
    at = AT + timedelta(seconds=moment)
    reading = market_at(series, at)
    if isinstance(reading, Known | Zero | Stale):
        assert reading.at <= at + AFTER


@pytest.mark.parametrize(
    ("age", "pause"),
    [
        (timedelta(0), timedelta(minutes=5)),
        (timedelta(hours=2), timedelta(minutes=30)),
        (timedelta(days=2), timedelta(hours=6)),
    ],
)
def test_what_was_seen_lately_is_looked_at_more_often(age: timedelta, pause: timedelta) -> None:
    assert next_look(seen_at=AT - age, now=AT) == AT + pause
    assert next_look(seen_at=AT - timedelta(days=8), now=AT) is None


HEADER = "mint,at,liquidity_usd,price_sol,volume_24h_usd,token_created_at,sol_price_usd\n"


def test_a_whole_line_is_a_sample_and_an_empty_field_is_not_known() -> None:
    lines = [
        HEADER,
        f"{MINT},1763812800,1000.5,0.0001,5,2026-11-01T00:00:00+00:00,150\n",
        f"{MINT},2026-11-22T12:00:00Z,0,,,,\n",
    ]
    first, second = read_lines(lines)
    assert isinstance(first, Sample)
    assert isinstance(second, Sample)
    assert (first.liquidity_usd, first.price_sol) == (Decimal("1000.5"), Decimal("0.0001"))
    assert (second.at, second.liquidity_usd, second.price_sol) == (AT, Decimal(0), None)


def test_the_columns_may_have_the_names_of_scouts_swaps() -> None:
    lines = [
        "wallet,ts,token,liquidity_usd,token_created_ts\n",
        f"w,1763812800,{MINT},9,1763812000\n",
    ]
    [read] = read_lines(lines)
    assert isinstance(read, Sample)
    assert read.token_created_at is not None


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("x,1763812800,1,,,,", "mint: 'x' is not a mint address"),
        (f"{MINT},yesterday,1,,,,", "at: 'yesterday' is neither unix seconds"),
        (f"{MINT},2026-11-22T12:00:00,1,,,,", "no offset from UTC"),
        (f"{MINT},1,1,,,,", "no time between 2020 and 2100"),
        (f"{MINT},1763812800,,,,,", "liquidity_usd: empty"),
        (f"{MINT},1763812800,NaN,,,,", "is not between 0"),
        (f"{MINT},1763812800,-1,,,,", "is not between 0"),
        (f"{MINT},1763812800,1,0,,,", "a price is above zero"),
        (f"{MINT}", "at: empty"),
    ],
)
def test_a_bad_line_is_named_with_its_column_and_hides_no_other(line: str, named: str) -> None:
    good = f"{MINT},1763812800,1,,,,\n"
    bad, *rest = read_lines([HEADER, line + "\n", good])
    assert isinstance(bad, BadLine)
    assert bad.line == 2
    assert named in bad.text
    assert [type(each) for each in rest] == [Sample]


@pytest.mark.parametrize("header", ["", "mint,at\n", "\x00\n"])
def test_a_file_without_its_columns_says_which(header: str) -> None:
    with pytest.raises(HeaderUnreadable, match="liquidity_usd"):
        list(read_lines([header]))


@given(st.lists(st.text(max_size=60), max_size=5))
def test_any_bytes_are_samples_or_bad_lines(lines: list[str]) -> None:
    for each in read_lines([HEADER, *lines]):
        assert isinstance(each, Sample | BadLine)
