"""A wallet's backtests as they are kept: under which strategy, all of its history and the last part alone. No rows."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from scout.research.backtest import Backtest
from scout.research.verdicts import Verdict
from trading.domain.policy import Policy

TURNED = (Verdict.NEGATIVE_PNL, Verdict.PNL_REDUCTION)
KEPT_COPIES, KEPT_REFUSALS = 300, 50
DEEP_SHARE = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """A wallet's backtest over its whole history, and over the last part of it alone: who was good once and is
    not any more fails the second, walking forward from the first.
    """

    whole: Backtest
    recent: Backtest

    @property
    def _failing(self) -> Backtest:
        has_turned = self.whole.verdict == Verdict.PASSED and self.recent.verdict in TURNED
        return self.recent if has_turned else self.whole

    @property
    def verdict(self) -> str:
        return str(self._failing.verdict)

    @property
    def text(self) -> str:
        told = self._failing.text
        return told if self._failing is self.whole else f"lately {told}"

    def as_json(self) -> dict[str, Any]:
        """As it is stored: the newest copies and refusals, without the policy, which revisions keep."""
        plain = self.whole.as_json()
        setting = {name: value for name, value in plain["setting"].items() if name != "policy"}
        return plain | {
            "verdict": self.verdict,
            "text": self.text,
            "setting": setting,
            "copies": plain["copies"][-KEPT_COPIES:],
            "refused": plain["refused"][-KEPT_REFUSALS:],
            "recent": {
                "since": self.recent.since,
                "verdict": str(self.recent.verdict),
                "pnl_lamports": self.recent.pnl_lamports,
                "text": self.recent.text,
            },
        }


def strategies_of(trades: pd.DataFrame, *, policy: Policy) -> dict[str, str]:
    """SHIELD for wallets that buy nearly always where SHIELD may; all others are hunters."""
    buys = trades[trades["is_buy"]]
    is_deep = buys["liquidity_usd"] >= policy.shield.minimum_liquidity_usd
    share = is_deep.groupby(buys["wallet"], observed=True).mean()
    return {
        str(wallet): "SHIELD" if deep >= DEEP_SHARE else "SPEAR" for wallet, deep in share.items()
    }
