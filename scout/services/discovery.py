"""Whom else to look at: strangers who trade what good leaders trade, read from the chain within the day's budget."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count

from scout.archive import Reading, Swap
from scout.chain import ChainReader
from scout.frames import trades_until
from scout.history import UnableToRead, read_signatures
from scout.knowledge import moments
from scout.models import Candidate, Source
from scout.research.discovery import Candidate as Found
from scout.research.discovery import discover
from scout.services.queue import Find, enqueue
from trading.services.policy import policy_for_exits
from wallets.models import Leader, LeaderStatus

TOKENS, TRANSACTIONS = 10, 300
WINDOW = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What a look around came to."""

    tokens: int
    transactions: int
    strangers: int
    queued: int


def look_around(*, chain: ChainReader, now: datetime) -> Discovery:
    """Read the latest trades of the tokens that ACTIVE leaders bought most, and queue who traded alike.

    GatewayError when nobody answers. A day's budget that is used up ends the reading, not the look.
    """
    leaders = set(
        Leader.objects.filter(status=LeaderStatus.ACTIVE).values_list("address", flat=True)
    )
    mints = _favourites(leaders, since=now - WINDOW)
    transactions = sum(_read_token(mint, chain=chain, now=now) for mint in mints)
    traders = set(
        Swap.objects.filter(mint__in=mints, at__gte=now - WINDOW).values_list("address", flat=True)
    )
    known = {*Leader.objects.values_list("address", flat=True)}
    known |= {*Candidate.objects.values_list("address", flat=True)}
    known |= {*Reading.objects.values_list("address", flat=True)}
    return Discovery(
        tokens=len(mints),
        transactions=transactions,
        strangers=len(traders - known),
        queued=_queue(traders, leaders=leaders, known=known - leaders, now=now),
    )


def _favourites(leaders: set[str], *, since: datetime) -> list[str]:
    """The tokens bought by most of them, then most often."""
    bought = Swap.objects.filter(address__in=leaders, side="BUY", at__gte=since).values("mint")
    ranked = bought.annotate(buyers=Count("address", distinct=True), buys=Count("id")).order_by(
        "-buyers", "-buys", "mint"
    )
    return list(ranked.values_list("mint", flat=True)[:TOKENS])


def _read_token(mint: str, *, chain: ChainReader, now: datetime) -> int:
    """Store the latest swaps of a token, whoever made them; how many transactions were looked at."""
    rows = chain.signatures(mint, limit=TRANSACTIONS)
    listed = [row["signature"] for row in rows if row.get("err") is None]
    try:
        return read_signatures(
            listed, chain=chain, per_day=policy_for_exits().scout.transactions_per_day, now=now
        )
    except UnableToRead:
        return 0


def _queue(traders: set[str], *, leaders: set[str], known: set[str], now: datetime) -> int:
    trades = trades_until(sorted(traders | leaders), known=moments(sol_price_usd=None), until=now)
    if trades.empty:
        return 0
    found = discover(trades, leaders=leaders, known=known, as_of=int(now.timestamp()))
    return enqueue(_finds(found), now=now)


def _finds(found: Sequence[Found]) -> list[Find]:
    """In the order in which they should be read: the first has the highest rank."""
    return [
        Find(
            address=each.wallet,
            source=Source(str(each.source)),
            rank=1.0 - place / len(found),
            evidence={"text": each.text, **each.evidence},
        )
        for place, each in enumerate(found)
    ]
