"""Known, zero, stale, missing and failed are five answers, and none is ever taken for another."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from trading.domain.market_readings import (
    Failed,
    Known,
    Missing,
    Reading,
    Source,
    Stale,
    Zero,
    aged,
    is_answer,
    or_else,
    told,
)

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
ONE = Decimal(1)
FIRST, SECOND = Source.JUPITER, Source.DEXSCREENER
KNOWN, OTHER = (Known(value=ONE, at=AT, source=each) for each in (FIRST, SECOND))
ZERO, NOTHING = Zero(at=AT, source=FIRST), Zero(at=AT, source=SECOND)
MISSING, GONE = Missing(at=AT, source=FIRST), Missing(at=AT, source=SECOND)
FAILED, BROKEN = Failed(text="429", at=AT), Failed(text="503", at=AT)


@pytest.mark.parametrize(
    ("amount", "reading"),
    [
        (ONE, KNOWN),
        (Decimal(0), ZERO),
        (Decimal("0.00"), ZERO),
        (None, MISSING),
        (Decimal(-1), Failed(text="jupiter: a negative figure", at=AT)),
    ],
)
def test_a_figure_is_what_was_told(amount: Decimal | None, reading: Reading[Decimal]) -> None:
    assert told(amount, at=AT, source=FIRST) == reading


@pytest.mark.parametrize(
    ("reading", "later"),
    [
        (KNOWN, Stale(value=ONE, at=AT, source=FIRST)),
        (ZERO, MISSING),
        (MISSING, MISSING),
        (FAILED, FAILED),
    ],
)
def test_what_is_too_old_is_not_known_any_more(
    reading: Reading[Decimal], later: Reading[Decimal]
) -> None:
    lifetime = timedelta(minutes=1)
    assert aged(reading, now=AT + lifetime, lifetime=lifetime) == reading
    assert aged(reading, now=AT + lifetime * 1.01, lifetime=lifetime) == later


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        (KNOWN, BROKEN, KNOWN),
        (ZERO, OTHER, ZERO),
        (MISSING, OTHER, OTHER),
        (FAILED, OTHER, OTHER),
        (MISSING, NOTHING, NOTHING),
        (MISSING, GONE, GONE),
        (MISSING, BROKEN, BROKEN),
        (FAILED, GONE, FAILED),
        (FAILED, BROKEN, BROKEN),
    ],
)
def test_two_sources_together_say_the_first_answer_and_a_failure_rather_than_nothing(
    first: Reading[Decimal], second: Reading[Decimal], together: Reading[Decimal]
) -> None:
    assert or_else(first, second) == together


def test_only_known_and_zero_are_answers() -> None:
    stale = Stale(value=ONE, at=AT, source=FIRST)
    assert [is_answer(each) for each in (KNOWN, ZERO, stale, MISSING, FAILED)] == [
        *(True, True),
        *(False, False, False),
    ]
