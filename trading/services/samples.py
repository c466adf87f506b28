"""Samples of every token that was seen: which are due, keeping them, and what they say to Scout."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from decimal import Context, Decimal
from itertools import islice

from django.db import transaction
from django.db.models import Max

from trading.domain.lifecycle import OPEN
from trading.domain.market_readings import Reading
from trading.domain.samples import AFTER, SHORTEST_PAUSE, Sample, market_at, next_look
from trading.domain.values import QUOTE_MINTS
from trading.models import LeaderLeg, LiquiditySample, Position, SampledToken, Signal

LOOK_BACK = timedelta(days=7)
OVERLAP = timedelta(minutes=2)
NEWS_AFTER = timedelta(minutes=1)
ROWS_AT_ONCE, MINTS_AT_ONCE = 500, 500
USD_CEILING, PRICE_CEILING = Decimal(10) ** 18, Decimal(10) ** 12
USD_PLACES, PRICE_PLACES, SOL_PLACES = Decimal("1e-6"), Decimal("1e-18"), Decimal("1e-8")
WIDE = Context(prec=60)


def noticed_until(*, now: datetime) -> datetime:
    """From when on to look for tokens that were seen; reads every noticed token, so ask it once."""
    newest = SampledToken.objects.aggregate(at=Max("seen_at"))["at"]
    return now - LOOK_BACK if newest is None else max(newest - OVERLAP, now - LOOK_BACK)


def unnoticed(*, since: datetime, now: datetime) -> dict[str, datetime]:
    """Tokens seen since then that are new, or were seen well after they were noticed last, and when last."""
    seen = _seen(since=since, now=now)
    known = SampledToken.objects.filter(mint__in=list(seen)).values_list("mint", "seen_at")
    before = dict(known)
    return {
        mint: at
        for mint, at in seen.items()
        if mint not in before or at - before[mint] >= NEWS_AFTER
    }


def _seen(*, since: datetime, now: datetime) -> dict[str, datetime]:
    """In signals, in leaders' trades and, at this moment, in what we hold."""
    heard = Signal.objects.filter(received_at__gte=since).values_list("mint")
    seen = dict(heard.annotate(at=Max("received_at")).order_by().values_list("mint", "at"))
    traded = LeaderLeg.objects.filter(trade__first_heard_at__gte=since).values_list("mint")
    newest_by_mint = traded.annotate(at=Max("trade__first_heard_at")).order_by()
    for mint, at in newest_by_mint.values_list("mint", "at"):
        seen[mint] = max(at, seen.get(mint, at))
    held = Position.objects.filter(status__in=OPEN).values_list("mint", flat=True).distinct()
    seen |= dict.fromkeys(held, now)
    return {mint: at for mint, at in seen.items() if mint not in QUOTE_MINTS}


@transaction.atomic
def notice(seen: Mapping[str, datetime], *, now: datetime) -> None:
    """Have these tokens looked at: at once, unless that was done a moment ago."""
    known = {row.mint: row for row in SampledToken.objects.filter(mint__in=list(seen))}
    fresh = [
        SampledToken(mint=mint, seen_at=at, due_at=now)
        for mint, at in seen.items()
        if mint not in known
    ]
    SampledToken.objects.bulk_create(fresh, ignore_conflicts=True)
    for row in known.values():
        row.seen_at = max(row.seen_at, seen[row.mint])
        if row.sampled_at is None or now - row.sampled_at >= SHORTEST_PAUSE:
            row.due_at = now
    SampledToken.objects.bulk_update(known.values(), ["seen_at", "due_at"])


def due_tokens(*, now: datetime, limit: int) -> list[str]:
    """Tokens that are to be looked at by now, the longest overdue first."""
    due = SampledToken.objects.filter(due_at__lte=now).order_by("due_at")
    return list(due.values_list("mint", flat=True)[:limit])


@transaction.atomic
def keep_samples(samples: Sequence[Sample], *, now: datetime) -> None:
    """Store what was told of these tokens, and when each is due again."""
    add_samples(samples)
    rows = list(SampledToken.objects.filter(mint__in=[sample.mint for sample in samples]))
    for row in rows:
        row.sampled_at, row.due_at = now, next_look(seen_at=row.seen_at, now=now)
    SampledToken.objects.bulk_update(rows, ["sampled_at", "due_at"])


def postpone(mints: Iterable[str], *, until: datetime) -> None:
    """Ask about these no sooner than that: what failed is not known, and no sample is made of it."""
    SampledToken.objects.filter(mint__in=list(mints)).update(due_at=until)


def add_samples(samples: Iterable[Sample]) -> None:
    """Store samples; a moment of a token that is stored already stays as it is."""
    rows = map(_row, samples)
    while some := list(islice(rows, ROWS_AT_ONCE)):
        LiquiditySample.objects.bulk_create(some, ignore_conflicts=True)


@transaction.atomic
def import_samples(samples: Iterable[Sample]) -> int:
    """Store these, all or none; how many of them were new."""
    before = LiquiditySample.objects.count()
    add_samples(samples)
    return LiquiditySample.objects.count() - before


def _row(sample: Sample) -> LiquiditySample:
    values = asdict(sample)
    for name in ("liquidity_usd", "volume_24h_usd"):
        values[name] = _fitting(values[name], USD_PLACES, USD_CEILING)
    values["price_sol"] = _fitting(values["price_sol"], PRICE_PLACES, PRICE_CEILING)
    values["sol_price_usd"] = _fitting(values["sol_price_usd"], SOL_PLACES, PRICE_CEILING)
    return LiquiditySample(**values)


def _fitting(amount: Decimal | None, places: Decimal, ceiling: Decimal) -> Decimal | None:
    """What the column can hold; a figure beyond it, or one that would become zero there, is not known."""
    if amount is None or not 0 <= amount < ceiling:
        return None
    fitted = amount.quantize(places, context=WIDE)
    return None if amount and not fitted else fitted


def market_of(mint: str, *, at: datetime) -> Reading[Sample]:
    """What is known of a token's market at a moment; see `market_at` for the five answers."""
    return markets_of([(mint, at)])[0]


def markets_of(asked: Sequence[tuple[str, datetime]]) -> list[Reading[Sample]]:
    """The same of many (mint, moment) at once, each at the place at which it was asked.

    Some tokens at a time are read, each once: Scout asks about every swap of every wallet.
    """
    places: dict[str, list[int]] = {}
    for place, (mint, _) in enumerate(asked):
        places.setdefault(mint, []).append(place)
    readings: dict[int, Reading[Sample]] = {}
    mints = iter(places)
    while some := list(islice(mints, MINTS_AT_ONCE)):
        latest = max(asked[place][1] for mint in some for place in places[mint])
        series = _series(some, until=latest + AFTER)
        for mint in some:
            known = series.get(mint, [])
            readings |= {place: market_at(known, asked[place][1]) for place in places[mint]}
    return [readings[place] for place in range(len(asked))]


def _series(mints: Sequence[str], *, until: datetime) -> dict[str, list[Sample]]:
    """The samples of each of these tokens that has any, in order of time."""
    rows = LiquiditySample.objects.filter(mint__in=mints, at__lte=until).order_by("at")
    series: dict[str, list[Sample]] = {}
    for row in rows.values(*(each.name for each in fields(Sample))).iterator():
        series.setdefault(row["mint"], []).append(Sample(**row))
    return series
