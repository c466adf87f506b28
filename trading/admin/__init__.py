"""The admin of trading: signals and why, positions and their transactions, who sends, which policy."""

from trading.admin import policy, positions, providers, signals, state, submissions

__all__ = ["policy", "positions", "providers", "signals", "state", "submissions"]
