"""How figures read."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from trading.templatetags import figures

MINUS = "\N{MINUS SIGN}"


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("lamports", "text"),
    [(0, "0.0000"), (1_234_567_890_123, "1,234.5679"), (-49_999, f"{MINUS}0.0000"), (None, "–")],
)
def test_sol_has_four_decimals(lamports, text):
    shown = figures.sol(lamports)
    assert shown == text.replace(f"{MINUS}0.0000", "0.0000")


def test_exact_sol_keeps_every_lamport():
    assert figures.exact_sol(1) == "0.000000001"
    assert figures.exact_sol(0) == "0.000000000"


def test_a_signed_amount_shows_its_sign_and_nothing_has_none():
    assert figures.signed_sol(10**7) == "+0.0100"
    assert figures.signed_sol(-(10**7)) == f"{MINUS}0.0100"
    assert figures.signed_sol(0) == "0.0000"


@pytest.mark.parametrize(
    ("price", "text"),
    [
        ("0", "0"),
        ("123456.789", "123,457"),
        ("1.23456", "1.235"),
        ("0.00123456", "0.001235"),
        ("0.000123456", "0.0001235"),
        ("0.0000123456", "0.0₄1235"),
        ("0.000000000081", "0.0₁₀8100"),
    ],
)
def test_a_price_keeps_four_significant_digits(price, text):
    assert figures.price(Decimal(price)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 ms"),
        (0.0123, "12 ms"),
        (1.26, "1.3 s"),
        (90, "90 s"),
        (125, "2 min"),
        (7_300, "2 h"),
        (200_000, "2 d"),
    ],
)
def test_a_span_uses_its_largest_fitting_unit(seconds, text):
    assert plain(figures.duration(seconds)) == text


def test_an_age_is_in_whole_seconds_and_never_negative():
    now = timezone.now()
    assert plain(figures.age(now + timedelta(seconds=5))) == "0 s"
    assert plain(figures.age(now - timedelta(seconds=3.7))) == "3 s"
    assert figures.age(None) == "never"


def test_percentages_and_dollars():
    assert plain(figures.percent(Decimal("0.1234"))) == "+12.3 %"
    assert plain(figures.percent(Decimal("-0.5"), 0)) == f"{MINUS}50 %"
    assert figures.usd(Decimal("-1234.5")) == f"{MINUS}$1,234.50"
    assert plain(figures.basis_points(250)) == "2.5 %"


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_shown_amount_never_differs_by_more_than_half_a_unit(lamports):
    shown = figures.exact_sol(lamports).replace(",", "").replace(MINUS, "-")
    assert Decimal(shown).scaleb(9) == lamports


@given(st.decimals(min_value="1e-18", max_value="1e12", allow_nan=False, allow_infinity=False))
def test_every_price_can_be_written(price):
    assert len(figures.price(price)) <= 20
