"""The admin of trading: signals and why, positions and their transactions, who sends, which policy."""

from trading.admin import alerts, paper, policy, positions, providers, signals, state, submissions

__all__ = ["alerts", "paper", "policy", "positions", "providers", "signals", "state", "submissions"]
