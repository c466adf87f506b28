"""Swaps come in from CSV: complete, in any order, or with every bad row named."""

import io
import random
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scout.research import blocks as reading
from scout.research.blocks import UnreadableTrades
from scout.research.columns import OPTIONAL
from scout.research.facts import facts_beside
from scout.research.trades import Trades, read_trades, trades_of

from .swaps import T0, as_csv, swaps


def read(rows: list[dict], *, is_strict: bool = True, without: tuple[str, ...] = ()) -> Trades:
    return read_trades(as_csv(rows, without=without), is_strict=is_strict)


def reasons(trades: Trades) -> dict[int, str]:
    return {row.line: row.reason for row in trades.bad_rows}


def test_a_clean_file_is_read_completely():
    trades = read(swaps({}, {"side": "SELL", "ts": T0 + 60}))
    assert len(trades.rows) == 2
    assert list(trades.rows["is_buy"]) == [True, False]
    assert trades.rows["ts"].dtype == "int64"
    assert trades.absent == ()
    assert trades.bad_rows == ()


def test_optional_columns_may_be_missing():
    trades = read(swaps({}), without=OPTIONAL)
    assert trades.absent == OPTIONAL
    assert trades.rows["price_after_sol"].isna().all()
    assert trades.rows["jito_tip"].tolist() == [-1]


def test_unknown_columns_are_passed_over_and_empty_facts_are_unknown():
    rows = pd.DataFrame(swaps({"liquidity_usd": "", "price_after_sol": ""})).assign(note="x")
    trades = read_trades(io.BytesIO(rows.to_csv(index=False).encode()), is_strict=True)
    assert trades.rows["liquidity_usd"].isna().all()
    assert "note" not in trades.rows


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"side": "HODL"}, "side: BUY or SELL, not 'HODL'"),
        ({"ts": T0 * 1000}, "ts: whole unix seconds"),
        ({"ts": "yesterday"}, "ts: whole unix seconds between 2010 and 2100, not 'yesterday'"),
        ({"sol_amount": 0}, "sol_amount: a number above 0"),
        ({"sol_amount": "1,5"}, "sol_amount"),
        ({"token_amount": 0}, "token_amount: a number above 0"),
        ({"token_amount": "inf"}, "token_amount"),
        ({"price_sol": "nan"}, "price_sol"),
        ({"wallet": ""}, "wallet: 1 to 100 characters"),
        ({"token": "T" * 101}, "token: 1 to 100 characters"),
        ({"tx_sig": ""}, "tx_sig: a signature"),
        ({"liquidity_usd": -1}, "liquidity_usd: a number from 0, or nothing"),
        ({"price_after_sol": "soon"}, "price_after_sol: a number from 0, or nothing, not 'soon'"),
    ],
)
def test_a_bad_row_is_named_by_line_and_reason_and_the_rest_is_used(fault, words):
    trades = read(swaps({}, fault, {}), is_strict=False)
    assert list(reasons(trades)) == [3]
    assert words in reasons(trades)[3]
    assert len(trades.rows) == 2


def test_strict_reading_uses_nothing_if_a_row_is_bad():
    with pytest.raises(UnreadableTrades, match=r"line 3: side: BUY or SELL") as refusal:
        read(swaps({}, {"side": "?"}))
    assert refusal.value.bad_rows[0].line == 3


def test_lines_that_are_no_rows_are_named_too():
    lines = as_csv(swaps({}, {})).getvalue().splitlines()
    text = b"\n".join([lines[0], b"\xff\xfe", b"a,b", b"", lines[1], b'"open quote', lines[2]])
    trades = read_trades(io.BytesIO(text), is_strict=False)
    assert sorted(reasons(trades)) == [2, 3, 6]
    assert "2 fields where the header names 16" in reasons(trades)[3]
    assert len(trades.rows) == 2


def test_a_quoted_comma_and_dos_line_ends_are_no_fault():
    text = as_csv(swaps({"symbol": "A,B"}, {})).getvalue().replace(b"\n", b"\r\n")
    trades = read_trades(io.BytesIO(b"\xef\xbb\xbf" + text), is_strict=True)
    assert sorted(trades.rows["symbol"]) == ["A,B", "T"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "the file is empty"),
        (b"wallet,ts\n", "columns missing: tx_sig, token"),
        (b"\x00\x01\x02\xff", "line 1"),
        (as_csv([]).getvalue(), "has no row"),
        (as_csv([]).getvalue().replace(b"symbol", b"token"), "columns missing: symbol"),
        (as_csv([]).getvalue().replace(b"dex", b"token"), "columns named twice: token"),
    ],
)
def test_a_file_that_is_no_table_of_swaps_is_refused_with_the_remedy(text, words):
    with pytest.raises(UnreadableTrades, match=words):
        read_trades(io.BytesIO(text), is_strict=False)


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(UnreadableTrades, match=r"absent\.csv: No such file"):
        read_trades(tmp_path / "absent.csv", is_strict=False)


def test_copies_are_dropped_and_contradictions_are_bad():
    first, second = swaps({}, {"ts": T0 + 5})
    trades = read([first, second, first], is_strict=True)
    assert trades.duplicates == 1
    assert len(trades.rows) == 2
    trades = read([first, second, first | {"sol_amount": 7.0}], is_strict=False)
    assert reasons(trades) == {4: "contradicts another row of the same transaction and token"}


def test_both_legs_of_one_transaction_are_kept_and_the_purchase_comes_first():
    rows = swaps({"side": "SELL", "tx_sig": "both"}, {"tx_sig": "both"})
    assert list(read(rows).rows["is_buy"]) == [True, False]


def test_the_order_of_the_file_does_not_matter():
    rows = swaps(
        *({"wallet": f"W{n % 3}", "ts": T0 + n % 5, "token": f"T{n % 2}"} for n in range(40))
    )
    shuffled = rows.copy()
    random.Random(1).shuffle(shuffled)
    pd.testing.assert_frame_equal(read(rows).rows, read(shuffled).rows)


def test_blocks_do_not_show_in_the_result(monkeypatch: pytest.MonkeyPatch):
    rows = swaps(*({"ts": T0 + n} for n in range(50)), {"side": "?"}, {"ts": T0 + 60})
    whole = read(rows, is_strict=False)
    monkeypatch.setattr(reading, "BLOCK_BYTES", 333)
    parts = read(rows, is_strict=False)
    pd.testing.assert_frame_equal(whole.rows, parts.rows)
    assert reasons(parts) == reasons(whole) == {52: "side: BUY or SELL, not '?'"}


def test_rows_in_memory_are_judged_like_rows_of_a_file():
    rows = swaps({}, {"side": "?"}, {"ts": T0 + 9})
    trades = trades_of(pd.DataFrame(rows, index=[7, 8, 9]), is_strict=False)
    pd.testing.assert_frame_equal(trades.rows, read(rows, is_strict=False).rows)
    assert list(reasons(trades)) == [2]


def test_only_what_is_known_at_a_moment_is_used():
    trades = read(swaps({}, {"ts": T0 + 1}, {"ts": T0 + 2}))
    assert list(trades.known_at(T0 + 1)["ts"]) == [T0, T0 + 1]


def test_prices_of_a_later_moment_are_not_known(tmp_path: Path):
    (tmp_path / "tokens.csv").write_text(
        "token,symbol,created_ts,price_sol_asof,liquidity_usd_asof\nTOK,T,5,0.5,900\n"
    )
    (tmp_path / "wallets.csv").write_text("wallet,created_ts,funder\nW1,,\n")
    assert facts_beside(tmp_path / "swaps.csv").tokens_known_at(T0).isna()["price_sol"].all()
    (tmp_path / "meta.json").write_text(f'{{"as_of": {T0}}}')
    facts = facts_beside(tmp_path / "swaps.csv")
    assert facts.tokens_known_at(T0).loc["TOK", "price_sol"] == 0.5
    assert facts.tokens_known_at(T0 - 1).isna().loc["TOK", "price_sol"]
    assert facts.wallets.loc["W1", "funder"] == ""


def test_a_table_beside_the_swaps_that_cannot_be_read_is_named(tmp_path: Path):
    (tmp_path / "tokens.csv").write_text("a,b\n")
    with pytest.raises(UnreadableTrades, match=r"tokens\.csv: columns missing: token"):
        facts_beside(tmp_path / "swaps.csv")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=5), st.booleans())
def test_any_bytes_give_rows_or_a_named_error(junk, is_strict):
    body = as_csv(swaps({}, {})).getvalue() + b"\n".join(junk)
    try:
        trades = read_trades(io.BytesIO(body), is_strict=is_strict)
    except UnreadableTrades:
        return
    assert len(trades.rows) + len(trades.bad_rows) + trades.duplicates >= 2
