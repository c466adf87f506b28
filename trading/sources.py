"""The Sources page's figures and pictures: who tells of leaders' trades, how soon, and what nobody told."""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q

from audit.models import Heartbeat, Incident
from trading.columns import Column, Frame, columns
from trading.domain.distribution import Distribution
from trading.domain.hearing import WATCHER, How, delay_seconds
from trading.metrics import DELAY_BOUNDS_SECONDS
from trading.models import Hearing, LeaderCursor, Source
from wallets.models import Leader

WINDOW = timedelta(hours=24)
DELAYS_READ = 2_000
FRAME = Frame(width=560, height=120, left=14, top=8, bottom=20)
SOON_SECONDS = 10
GONE_AFTER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of the bar of one source: how many trades it told of in this way."""

    how: str
    count: int
    percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceView:
    """One source over the last day. `unsettled`: told of, and nobody knows yet when the trade was."""

    name: str
    is_ours: bool
    last_heard_at: datetime | None
    is_silent: bool
    shares: tuple[Share, ...]
    total: int
    unsettled: int
    p50: float | None
    p90: float | None
    columns: tuple[Column, ...]
    frame: Frame = FRAME


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorView:
    """How far one leader's transactions are known."""

    address: str
    name: str
    tier: str
    is_subscribed: bool
    signature: str
    slot: int
    complete_at: datetime
    is_late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WatcherView:
    """The watcher's own word about its socket; `socket` is open, none, or what ended it last."""

    is_alive: bool
    socket: str
    subscribed: int
    leaders: int
    connections: int
    slot: int | None


def sources(now: datetime) -> dict[str, Any]:
    """The page's context."""
    return {
        "sources": source_views(now),
        "cursors": cursor_views(now),
        "watcher": watcher_view(now),
        "hows": [each.value for each in How],
    }


def source_views(now: datetime) -> list[SourceView]:
    """Every source that has ever told something, ours last."""
    counted = _counts(now)
    silent = set(
        Incident.objects.filter(key__startswith="source:", resolved_at__isnull=True).values_list(
            "key", flat=True
        )
    )
    rows = Source.objects.filter(last_heard_at__isnull=False)
    return sorted(
        (
            _view(row, counted.get(row.name, Counter()), is_silent=f"source:{row.name}" in silent)
            for row in rows
        ),
        key=lambda each: (each.is_ours, each.name),
    )


def _counts(now: datetime) -> Mapping[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    rows = Hearing.objects.filter(trade__first_heard_at__gte=now - WINDOW)
    for source, how, count in rows.values_list("source", "how").annotate(count=Count("id")):
        found.setdefault(source, Counter())[how] = count
    return found


def _view(row: Source, counts: Counter[str], *, is_silent: bool) -> SourceView:
    settled = sum(counts[how] for how in How)
    delays = _delays(row.name)
    return SourceView(
        name=row.name,
        is_ours=row.name == WATCHER,
        last_heard_at=row.last_heard_at,
        is_silent=is_silent,
        shares=tuple(
            Share(
                how=how,
                count=counts[how],
                percent=round(100 * counts[how] / settled, 2) if settled else 0.0,
            )
            for how in How
        ),
        total=settled,
        unsettled=counts[""],
        p50=delays.quantile(0.5),
        p90=delays.quantile(0.9),
        columns=delay_columns(delays),
    )


def _delays(source: str) -> Distribution:
    """Of the newest trades that the source told of by itself."""
    told = Hearing.objects.filter(source=source, how__in=(How.HEARD, How.LATE))
    newest = told.order_by("-heard_at").values_list("trade__traded_at", "heard_at")[:DELAYS_READ]
    delays = [
        delay_seconds(traded_at=traded, heard_at=heard)
        for traded, heard in newest
        if traded is not None and heard is not None
    ]
    places = Counter(bisect_left(DELAY_BOUNDS_SECONDS, each) for each in delays)
    return Distribution(
        bounds=DELAY_BOUNDS_SECONDS,
        counts=tuple(places[place] for place in range(len(DELAY_BOUNDS_SECONDS) + 1)),
        total=sum(delays),
    )


def delay_columns(delays: Distribution) -> tuple[Column, ...]:
    """One for each bound and one for what is above the last; none while nothing is known."""
    if not delays.count:
        return ()
    buckets = zip((*delays.bounds, math.inf), delays.counts, strict=True)
    return columns(tuple(buckets), frame=FRAME, limit=SOON_SECONDS, label=_label)


def _label(bound: float) -> str:
    return f"{bound:g}" if bound < math.inf else ""


def cursor_views(now: datetime) -> list[CursorView]:
    """Every watched leader, those known least well first."""
    names = dict(Leader.objects.filter(~Q(name="")).values_list("address", "name"))
    return [
        CursorView(
            address=row.address,
            name=names.get(row.address, ""),
            tier=row.tier,
            is_subscribed=row.is_subscribed,
            signature=row.signature,
            slot=row.slot,
            complete_at=row.complete_at,
            is_late=now - row.complete_at > timedelta(minutes=5),
        )
        for row in LeaderCursor.objects.order_by("complete_at", "address")
    ]


def watcher_view(now: datetime) -> WatcherView | None:
    """None when no wallet watcher has ever beaten here."""
    beat = Heartbeat.objects.filter(name="wallet_watcher").order_by("-beat_at").first()
    if beat is None:
        return None
    detail = beat.detail
    return WatcherView(
        is_alive=now - beat.beat_at <= GONE_AFTER,
        socket=detail.get("socket", ""),
        subscribed=detail.get("subscribed", 0),
        leaders=detail.get("leaders", 0),
        connections=detail.get("connections", 0),
        slot=detail.get("slot"),
    )
