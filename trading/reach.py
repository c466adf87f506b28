"""Opens the way to the outside in the mode that was chosen; nobody behind this asks which one it is."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from django.conf import settings

from trading.gateways.base import Endpoints
from trading.gateways.connect import Gateways, connect
from trading.gateways.jupiter import Jupiter
from trading.outside import endpoints
from trading.paper import Books, Market, Threads


def utc_now() -> datetime:
    return datetime.now(UTC)


def ledger_name() -> str:
    """What the books can be compared with, in words for people."""
    return (
        "the paper ledger (on paper there is no chain)" if settings.MODE == "paper" else "the chain"
    )


@asynccontextmanager
async def open_gateways(
    where: Endpoints | None = None,
    *,
    books: Books | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> AsyncIterator[Gateways]:
    """The gateways to the configured endpoints, or to `where`, closed at the end.

    In paper mode they only read, and what is sent goes to the paper ledger in `books`.
    """

    def market(jupiter: Jupiter) -> Market:
        return Market(
            wallet=settings.PAPER_WALLET,
            jupiter=jupiter,
            landing=timedelta(seconds=settings.PAPER_LANDING_SECONDS),
            clock=clock,
            books=books or Threads(),
        )

    paper = market if settings.MODE == "paper" else None
    async with connect(where or endpoints(), paper=paper) as gateways:
        yield gateways
