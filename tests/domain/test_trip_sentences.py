"""What people read about the circuit breaker: measured against limit, what it stops, what ends it and when."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.domain.facts import NOW
from trading.domain.trip_sentences import sentence
from trading.domain.trips import Phase, Rule, Trip


def trip(rule: Rule, measured: str, limit: int, **changes: Any) -> Trip:
    values: dict[str, Any] = {
        "rule": rule,
        "phase": Phase.TRIPPED,
        "tripped_at": NOW,
        "measured": Decimal(measured),
        "limit": Decimal(limit),
        **changes,
    }
    return Trip(**values)


HALTED = "Entries are halted, exits go on."
PAUSED = "SPEAR is paused, SHIELD and exits go on."
SENTENCES: list[tuple[Trip, str]] = [
    (
        trip(Rule.DAILY_LOSS, "1512.345", 500, clears_at=NOW + timedelta(hours=3)),
        f"Lost $1,512.34 in 24 h (limit $500). {HALTED} It ends when the loss is below the limit again; "
        "the oldest close that counts is 24 h old at 15:00 UTC; then it cools down, or by a reset.",
    ),
    (
        trip(Rule.DRAWDOWN, "1623.7", 1_500),
        "Equity is 16.2 % below its 24 h peak (limit 15.0 %). Entries are halted, losing positions are "
        "sold, winners keep a tightened stop. It ends when equity recovers or its peak is 24 h old; then "
        "it cools down, or by a reset.",
    ),
    (
        trip(Rule.CONSECUTIVE_LOSSES, "6", 5),
        f"6 losing closes in a row (limit 5). {PAUSED} It ends with a close that loses nothing; then it cools down, "
        "or by a reset.",
    ),
    (
        trip(Rule.RPC_ERRORS, "2500", 2_000),
        f"The first RPC failed 25.0 % of the last minute's calls (limit 20.0 %). {PAUSED} It ends when "
        "fewer calls fail.",
    ),
    (
        trip(Rule.RPC_FAILOVER, "12", 300, clears_at=NOW + timedelta(seconds=288)),
        f"RPC failover 12 s ago (SPEAR waits 300 s). {PAUSED} It ends by itself, at 12:04 UTC at the "
        "latest.",
    ),
    (
        trip(Rule.WALLET_DRAINED, "6204000000", 5_000_000_000),
        "6.20 SOL left the wallet without a trade of ours (limit 5.00 SOL). "
        f"{HALTED} It ends only by a reset, once somebody knows who took it.",
    ),
    (
        trip(Rule.SOL_PRICE_UNKNOWN, "1", 1),
        "Nobody has told the SOL price yet, so losses in dollars cannot be counted. "
        f"{HALTED} It ends with the first price.",
    ),
]


@pytest.mark.parametrize(("tripped", "text"), SENTENCES, ids=[each.rule for each, _ in SENTENCES])
def test_a_trip_reads_as_a_person_would_say_it(tripped: Trip, text: str) -> None:
    assert str(sentence(tripped)) == text


def test_every_rule_has_its_sentence_here() -> None:
    assert {tripped.rule for tripped, _ in SENTENCES} == set(Rule)


def test_a_cooldown_says_until_when() -> None:
    cooling = replace(
        trip(Rule.DAILY_LOSS, "-20", 500),
        phase=Phase.COOLDOWN,
        cooling_since=NOW,
        clears_at=NOW + timedelta(minutes=30),
    )
    assert str(sentence(cooling)) == (
        "Gained $20.00 in 24 h (limit $500). Entries are halted, exits go on. "
        "Below the limit again: cooling down until 12:30 UTC, or a reset."
    )
