"""Who told of which leader's trade: noting it, counting it, and raising an alarm when somebody falls silent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Max, Q, QuerySet

from audit import services as audit
from trading import live, metrics
from trading.domain.hearing import LOST_AFTER, How, delay_seconds, how_heard, is_silent
from trading.domain.swaps import Direction
from trading.models import Delivery, Hearing, LeaderTrade, Provider, Source
from trading.services.incidents import close_incidents

ROWS_AT_ONCE = 200
OVERLAP = 200
"""Deliveries looked at again: another process may commit a lower number a moment later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A source told of a leader's transaction; `traded_at` is the block's time, where it is known.

    What turned out to be no trade is kept, and counts for nobody.
    """

    leader_address: str
    signature: str
    heard_at: datetime
    slot: int | None = None
    traded_at: datetime | None = None
    is_recovered: bool = False
    is_trade: bool = True


def note_hearing(told: Told, *, source: str) -> bool:
    """Note in the current transaction that a source told of a trade; False when it had told before."""
    return note_hearings([told], source=source) > 0


def note_hearings(all_told: Sequence[Told], *, source: str) -> int:
    """How many of these the source had not told of before; one that was given up for lost is recovered."""
    trades = _trades(all_told)
    known = Hearing.objects.filter(source=source, trade__in=trades.values())
    heard = dict(known.values_list("trade_id", "heard_at"))
    new, found = [], 0
    for told in all_told:
        trade = trades[told.signature, told.leader_address]
        if not told.is_trade:
            continue
        if trade.pk not in heard:
            heard[trade.pk] = told.heard_at
            new.append(_hearing(told, trade, source))
        elif heard[trade.pk] is None:
            heard[trade.pk] = told.heard_at
            found += _recover(told, trade, source)
    Hearing.objects.bulk_create(new, ignore_conflicts=True)
    _spoke(source, max((told.heard_at for told in all_told), default=None))
    for hearing in new:
        _count(hearing)
    transaction.on_commit(partial(live.publish, "sources"))
    return len(new) + found


def _trades(all_told: Sequence[Told]) -> dict[tuple[str, str], LeaderTrade]:
    """The trades' rows, made where nobody had told of them, completed where somebody knows more now."""
    rows = {
        (told.signature, told.leader_address): LeaderTrade(
            leader_address=told.leader_address,
            signature=told.signature,
            slot=told.slot,
            traded_at=told.traded_at,
            first_heard_at=told.heard_at,
        )
        for told in reversed(all_told)
    }
    LeaderTrade.objects.bulk_create(rows.values(), ignore_conflicts=True)
    found = {
        (trade.signature, trade.leader_address): trade
        for trade in LeaderTrade.objects.filter(signature__in={each for each, _ in rows})
    }
    for key, row in rows.items():
        trade = found[key]
        if trade.traded_at is None and row.traded_at is not None:
            trade.slot, trade.traded_at = row.slot, row.traded_at
            trade.save(update_fields=["slot", "traded_at"])
    return found


def _hearing(told: Told, trade: LeaderTrade, source: str) -> Hearing:
    hearing = Hearing(
        trade=trade, source=source, heard_at=told.heard_at, is_recovered=told.is_recovered
    )
    hearing.how = _how(hearing)
    return hearing


def _how(hearing: Hearing) -> str:
    """Empty while nobody knows when the trade was."""
    traded_at, heard_at = hearing.trade.traded_at, hearing.heard_at
    if traded_at is None or heard_at is None:
        return ""
    return how_heard(
        traded_at=traded_at, heard_at=heard_at, is_recovered=hearing.is_recovered
    ).value


def _recover(told: Told, trade: LeaderTrade, source: str) -> int:
    lost = Hearing.objects.filter(trade=trade, source=source, heard_at__isnull=True)
    changed = lost.update(heard_at=told.heard_at, is_recovered=True, how=How.RECOVERED)
    if changed:
        metrics.count_hearing(source, How.RECOVERED)
    return changed


def _spoke(source: str, at: datetime | None) -> None:
    if at is None:
        return
    Source.objects.get_or_create(name=source)
    older = Q(last_heard_at__isnull=True) | Q(last_heard_at__lt=at)
    if Source.objects.filter(older, name=source).update(last_heard_at=at):
        close_incidents(_key(source), now=at)


def _count(hearing: Hearing) -> None:
    if not hearing.how:
        return
    metrics.count_hearing(hearing.source, hearing.how)
    if hearing.how != How.RECOVERED and hearing.trade.traded_at and hearing.heard_at:
        seconds = delay_seconds(traded_at=hearing.trade.traded_at, heard_at=hearing.heard_at)
        metrics.observe_hearing(hearing.source, seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """What a provider told at the webhook and nobody has counted, up to the delivery of this number."""

    source: str
    told: tuple[Told, ...]
    newest: int


def unread_deliveries() -> list[Unread]:
    """What came since the last look, in portions. The door itself writes nothing for this: it has to be quick."""
    found = []
    marks = dict(Source.objects.values_list("name", "read_until"))
    for provider in Provider.objects.all():
        unread = _unread(provider, after=marks.get(provider.name, 0))
        if unread is not None:
            found.append(unread)
    return found


def _unread(provider: Provider, *, after: int) -> Unread | None:
    rows = Delivery.objects.filter(provider=provider, pk__gt=after - OVERLAP)
    newest = rows.aggregate(newest=Max("pk"))["newest"] or 0
    if newest <= after:
        return None
    named = rows.filter(signal__isnull=False).exclude(signal__source_signature="").order_by("pk")
    told = list(
        named.values_list(
            "pk", "received_at", "signal__leader_address", "signal__source_signature"
        )[: OVERLAP + ROWS_AT_ONCE]
    )
    return Unread(
        source=provider.name,
        told=tuple(
            Told(leader_address=leader, signature=signature, heard_at=at)
            for _, at, leader, signature in told
        ),
        newest=told[-1][0] if len(told) == OVERLAP + ROWS_AT_ONCE else newest,
    )


@transaction.atomic
def count_deliveries(unread: Sequence[Unread]) -> None:
    """Note what was told, and up to where it has been read."""
    for each in unread:
        Source.objects.get_or_create(name=each.source)
        if each.told:
            note_hearings(each.told, source=each.source)
        Source.objects.filter(name=each.source).update(read_until=each.newest)


def has_unsettled() -> bool:
    """Whether the chain has told when a trade was that somebody told of."""
    return Hearing.objects.filter(how="", trade__traded_at__isnull=False).exists()


def has_unjudged(*, now: datetime) -> bool:
    """Whether a trade is old enough to say who never told of it."""
    return _unjudged(now).exists()


def _unjudged(now: datetime) -> "QuerySet[LeaderTrade]":
    return LeaderTrade.objects.filter(is_judged=False, traded_at__lt=now - LOST_AFTER)


@transaction.atomic
def settle_hearings() -> int:
    """Decide how in time what was heard came, now that the chain has told when the trades were."""
    ready = Hearing.objects.filter(how="", trade__traded_at__isnull=False).select_related("trade")
    found = list(ready.order_by("pk")[:ROWS_AT_ONCE])
    for hearing in found:
        hearing.how = _how(hearing)
        _count(hearing)
    Hearing.objects.bulk_update(found, ["how"])
    return len(found)


@transaction.atomic
def judge_trades(*, now: datetime) -> int:
    """Note who never told of a trade, though it tells of that leader; how many were judged."""
    trades = list(_unjudged(now).order_by("traded_at")[:ROWS_AT_ONCE])
    lost = [
        Hearing(trade=trade, source=source, how=How.LOST)
        for trade in trades
        if trade.direction != Direction.NONE
        for source in _missing_sources(trade)
    ]
    Hearing.objects.bulk_create(lost, ignore_conflicts=True)
    for hearing in lost:
        metrics.count_hearing(hearing.source, How.LOST)
    LeaderTrade.objects.filter(pk__in=[trade.pk for trade in trades]).update(is_judged=True)
    return len(trades)


def _missing_sources(trade: LeaderTrade) -> set[str]:
    """Who told of this leader before, and of this trade not."""
    of_leader = Hearing.objects.filter(
        trade__leader_address=trade.leader_address, heard_at__lt=trade.first_heard_at
    )
    told = Hearing.objects.filter(trade=trade).values_list("source", flat=True)
    return set(of_leader.values_list("source", flat=True).distinct()) - set(told)


@transaction.atomic
def look_for_silence(*, now: datetime, patience: timedelta) -> list[str]:
    """Raise an incident for every source that says nothing while others hear its leaders trade."""
    quiet = Source.objects.filter(last_heard_at__lte=now - patience)
    return [source.name for source in quiet if _raise_silence(source, now, patience)]


def _raise_silence(source: Source, now: datetime, patience: timedelta) -> bool:
    assert source.last_heard_at is not None, "the query asked for those who have spoken"
    leaders = Hearing.objects.filter(source=source.name, heard_at__isnull=False)
    others = LeaderTrade.objects.filter(
        first_heard_at__gt=source.last_heard_at,
        leader_address__in=leaders.values("trade__leader_address"),
    )
    count = others.exclude(hearings__source=source.name, hearings__heard_at__isnull=False).count()
    silence = now - source.last_heard_at
    if not is_silent(silence=silence, patience=patience, told_by_others=count):
        return False
    audit.open_incident(
        key=_key(source.name),
        title=f"Nothing heard from {source.name}",
        detail=f"silent since {source.last_heard_at:%Y-%m-%d %H:%M:%S}; others told of {count} trades",
        now=now,
    )
    return True


def _key(source: str) -> str:
    return f"source:{source}"
