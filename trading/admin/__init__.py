"""The admin of trading: signals and why, positions and their transactions, who sends, which policy."""

from trading.admin import (
    alerts,
    leader_trades,
    paper,
    policy,
    positions,
    providers,
    signals,
    state,
    submissions,
)

__all__ = [
    "alerts",
    "leader_trades",
    "paper",
    "policy",
    "positions",
    "providers",
    "signals",
    "state",
    "submissions",
]
