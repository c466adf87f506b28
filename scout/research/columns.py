"""Columns of the CSV of swaps: which there are, and what each value must be."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

REQUIRED = (
    "wallet", "tx_sig", "ts", "token", "symbol", "side", "sol_amount", "token_amount", "price_sol",
    "liquidity_usd",
)  # fmt: skip
OPTIONAL = (
    "volume_24h_usd", "token_created_ts", "sol_price_usd", "dex", "jito_tip", "price_after_sol",
)  # fmt: skip
TEXTS = {"wallet": "category", "tx_sig": "object", "token": "category", "symbol": "category",
         "side": "category", "dex": "category"}  # fmt: skip
NUMBERS = {
    "ts": "int64", "sol_amount": "float64", "token_amount": "float64", "price_sol": "float64",
    "liquidity_usd": "float32", "volume_24h_usd": "float32", "token_created_ts": "float64",
    "sol_price_usd": "float32", "jito_tip": "int8", "price_after_sol": "float64",
}  # fmt: skip

EARLIEST, LATEST = 1_262_304_000, 4_102_444_800  # 2010 and 2100: milliseconds fall outside
LONGEST_NAME = 100
LARGEST = 1e18  # beyond any amount or supply: what is larger would spoil every sum


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What is demanded of a column."""

    column: str
    demand: str


def faults(frame: pd.DataFrame, raw: pd.DataFrame | None) -> Iterator[tuple[Check, np.ndarray]]:
    """Every demand with the rows that fail it; `raw` has the texts of unreadable numbers."""
    unnamed = frame["tx_sig"].to_numpy(object) == ""
    yield Check(column="tx_sig", demand="a signature"), np.asarray(unnamed, bool)
    for name in ("wallet", "token"):
        yield Check(column=name, demand=f"1 to {LONGEST_NAME} characters"), _no_name(frame[name])
    sides = frame["side"].astype("string")
    yield Check(column="side", demand="BUY or SELL"), ~sides.isin(["BUY", "SELL"]).to_numpy(bool)
    ts = frame["ts"].to_numpy(float)
    whole = (ts >= EARLIEST) & (ts <= LATEST) & (ts == np.floor(ts))
    yield Check(column="ts", demand="whole unix seconds between 2010 and 2100"), ~whole
    yield from _amounts(frame, (sides == "BUY").to_numpy(bool))
    for name in ("liquidity_usd", *OPTIONAL):
        if name in NUMBERS and name in frame:
            yield (
                Check(column=name, demand="a number from 0, or nothing"),
                _no_fact(frame, raw, name),
            )


def _amounts(frame: pd.DataFrame, is_buy: np.ndarray) -> Iterator[tuple[Check, np.ndarray]]:
    tokens = frame["token_amount"].to_numpy(float)
    yield Check(column="token_amount", demand="a number above 0"), ~_within(tokens, tokens > 0)
    for name in ("sol_amount", "price_sol"):
        # A sale may bring nothing (the pool was emptied); a purchase for nothing is no purchase.
        values = frame[name].to_numpy(float)
        wanted = Check(column=name, demand="a number above 0 (a SELL: from 0)")
        yield wanted, ~_within(values, np.where(is_buy, values > 0, values >= 0))


def _within(values: np.ndarray, is_allowed: np.ndarray) -> np.ndarray:
    return np.asarray(is_allowed & (values < LARGEST))


def _no_name(texts: pd.Series) -> np.ndarray:
    values = texts.astype("category")
    wrong = np.array(
        [not 0 < len(str(t).strip()) <= LONGEST_NAME for t in values.cat.categories] + [True]
    )
    return np.asarray(wrong[values.cat.codes.to_numpy()])


def _no_fact(frame: pd.DataFrame, raw: pd.DataFrame | None, name: str) -> np.ndarray:
    """Unknown is allowed, a text that is no number, a negative and an infinite one are not."""
    values = frame[name].to_numpy(float)
    wrong = (values < 0) | (values >= LARGEST)
    if raw is not None:
        text = raw[name].astype("string").str.strip().fillna("")
        wrong |= np.isnan(values) & ~text.isin(["", "nan", "NaN", "None", "<NA>"]).to_numpy(bool)
    return np.asarray(wrong)
