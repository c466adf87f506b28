"""Books from before there were lots get them from their fills: the same lots that booking would have made."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from tests.factories import sol
from tests.trading.test_booking import book, opened, policy, selling, sold
from trading.models import Disposal, Lot

pytestmark = [pytest.mark.usefixtures("database", "policy"), pytest.mark.both_databases]
__all__ = ["policy"]
COLUMNS = ("fill_id", "bought_raw", "left_raw", "cost_lamports", "sol_price_usd", "opened_at")
TAKEN = (
    "lot__fill_id", "fill_id", "kind", "token_raw", "cost_lamports", "proceeds_lamports",
    "sol_price_usd", "disposed_at",
)  # fmt: skip


def rows() -> tuple[list[Any], list[Any]]:
    return sorted(Lot.objects.values_list(*COLUMNS)), sorted(Disposal.objects.values_list(*TAKEN))


def test_lots_from_fills_equal_the_lots_of_booking() -> None:
    held, halved, closed = opened(), opened(), opened()
    book(selling(halved), sold(lamports=sol("0.1"), raw=333_333))
    book(selling(halved), sold(lamports=sol("0.1"), raw=333_333))
    book(selling(closed), sold(lamports=sol("0.3"), raw=1_000_000))
    before = rows()
    assert len(before[0]) == len({held.pk, halved.pk, closed.pk})
    assert len(before[1]) == 3
    Disposal.objects.all().delete()
    Lot.objects.all().delete()
    import_module("trading.migrations.0007_lots_of_fills").build_lots(apps, None)
    assert rows() == before
