"""Wallet quality score, version 2, as published: of the leader's own record, 0 to 100.

It is kept so that its numbers can be checked; alone it predicts what a copier earns hardly better
than chance (docs/scout-scores.md).
"""

import math
from dataclasses import dataclass

import numpy as np

VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What WQS looks at; arrays or numbers alike, NaN unknown. Returns and drawdown in percent."""

    roi_7d_pct: np.ndarray
    roi_30d_pct: np.ndarray
    trades: np.ndarray
    consistency: np.ndarray
    """Share of profitable weeks, 0 to 1; NaN where there are too few."""
    win_rate: np.ndarray
    drawdown_pct: np.ndarray


def wqs(record: Record) -> np.ndarray:
    """The score; NaN without a return over 30 days, a drawdown, or any measure of steadiness.

    50 + min(ROI30, 100)/100·25 + consistency·20 (else win rate·15) − 15 if ROI7 > 2·ROI30 > 0;
    halved below 20 trades; − 0.2·max drawdown; + 5 from 50 trades; clamped to 0 … 100.
    """
    roi, week = np.asarray(record.roi_30d_pct, float), np.asarray(record.roi_7d_pct, float)
    steady = np.where(
        np.isnan(record.consistency),
        np.asarray(record.win_rate, float) * 15,
        np.asarray(record.consistency, float) * 20,
    )
    score = 50 + np.minimum(roi, 100) / 100 * 25 + steady
    score = score - np.where((roi > 0) & (week > 2 * roi), 15, 0)  # a spike, not a habit
    score = score * np.where(np.asarray(record.trades) < 20, 0.5, 1)
    score = score - 0.2 * np.asarray(record.drawdown_pct, float)
    score = score + np.where(np.asarray(record.trades) >= 50, 5, 0)
    return np.asarray(np.clip(score, 0, 100))


def wqs_of_one(
    *, roi_7d_pct: float, roi_30d_pct: float, trades: int, consistency: float | None,
    win_rate: float | None, drawdown_pct: float,
) -> float | None:  # fmt: skip
    """The same for one record; None: no data, no score."""
    unknown = math.nan
    record = Record(
        roi_7d_pct=np.array(roi_7d_pct), roi_30d_pct=np.array(roi_30d_pct), trades=np.array(trades),
        consistency=np.array(unknown if consistency is None else consistency),
        win_rate=np.array(unknown if win_rate is None else win_rate),
        drawdown_pct=np.array(drawdown_pct),
    )  # fmt: skip
    score = float(wqs(record))
    return None if math.isnan(score) else score
