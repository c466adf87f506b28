"""The dollars on the pages say what they rest on: a fresh price of SOL, an old one, or none."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests import factories
from trading.models import EquityPoint

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.mark.parametrize(
    ("state", "text", "absent"),
    [
        ({"sol_price_usd": Decimal(150), "sol_priced_at": NOW}, "at $150.00 a SOL", "told"),
        (
            {"sol_price_usd": Decimal(150), "sol_priced_at": NOW - timedelta(minutes=8)},
            "at $150.00 a SOL, told",
            "nobody",
        ),
        ({}, "nobody tells the price of SOL", "$"),
        ({"sol_price_usd": Decimal(0), "sol_priced_at": NOW}, "nobody tells", "$0"),
    ],
    ids=["known", "stale", "missing", "zero"],
)
def test_the_price_of_sol_is_shown_for_what_it_is(
    trader: Client, state: dict[str, Any], text: str, absent: str
) -> None:
    factories.make_trading_state(**state)
    factories.make_policy_revision()
    factories.make_equity([10, 11])
    EquityPoint.objects.update(sol_price_usd=None)
    page = trader.get("/").content.decode()
    money = page.split('id="money"')[1].split("</section>")[0]
    assert text in money
    assert absent not in money
