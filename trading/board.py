"""The Command Center's sections, read from the database: one function and one partial template each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Min, Q, Sum
from django.template.loader import render_to_string

from audit.models import Heartbeat, Incident
from trading.curve.nav import nav_curve, nav_lamports
from trading.domain.lifecycle import OPEN, WAITING, PositionStatus, SignalStatus
from trading.domain.market_readings import Known, Reading, Source, Stale, aged, told
from trading.domain.trip_sentences import Sentence, sentence
from trading.domain.trips import Closing, Phase, Trip
from trading.domain.values import Route, lamports_to_sol
from trading.holdings import closed_holdings, open_holdings
from trading.latency import latency, tail
from trading.models import Delivery, EquityPoint, Position, Signal, TradingState, UnknownOutcome
from trading.services.state import trading_state
from trading.sources import sources
from trading.stories import recent_signals

PROCESSES = ("executor", "resolver", "watcher", "wallet_watcher", "worker", "beat")
LATE_AFTER = timedelta(seconds=15)
GONE_AFTER = timedelta(seconds=60)
PRICE_LATE_AFTER = timedelta(seconds=5)
PRICE_GONE_AFTER = timedelta(seconds=90)
SOL_LATE_AFTER = timedelta(minutes=5)
SIGNALS_SHOWN = 15
CLOSED_SHOWN = 10
CODES_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Vital:
    """One sign of health: `tone` is ok, late or gone; a missing `at` was never seen.

    Of processes of one name the freshest decides, and `count` is how many of them are fresh.
    """

    name: str
    tone: str
    at: datetime | None
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TripNotice:
    """One rule of the circuit breaker that holds trading back, in words."""

    is_cooling: bool
    sentence: Sentence
    tripped_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the platform is. `is_switched_off`: by a person; `is_halted`: by whatever reason, for all entries."""

    mode: str
    route: str
    is_halted: bool
    is_switched_off: bool
    is_closing_all: bool
    is_closing_losers: bool
    is_spear_paused: bool
    is_resettable: bool
    trips: list[TripNotice]
    halt_reason: str
    halted_by: str
    halted_at: datetime | None
    processes: list[Vital]
    prices: Vital | None
    internal_p99: float | None
    queue_depth: int
    oldest_waiting_at: datetime | None
    open_incidents: int
    unknown_outcomes: int
    oldest_unknown: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """Totals in lamports; None where no equity point is stored yet.

    `sol_price_from` is when the dollars' price was told, where that is too long ago to rest on.
    """

    balance_lamports: int | None
    nav_lamports: int | None
    nav_usd: Decimal | None
    balance_usd: Decimal | None
    open_value_lamports: int
    open_count: int
    unrealised_lamports: int
    unrealised_usd: Decimal | None
    realised_lamports: int
    realised_usd: Decimal | None
    closed_count: int
    won_count: int
    sol_price_usd: Decimal | None
    sol_price_from: datetime | None
    at: datetime | None


def health(now: datetime) -> dict[str, Any]:
    state = TradingState.objects.filter(id=1).first()
    present = trading_state()
    is_switched_off = state is None or state.entries_halted
    unknown = UnknownOutcome.objects.all()
    waiting = Signal.objects.filter(status__in=WAITING).aggregate(
        depth=Count("uuid"), oldest=Min("received_at")
    )
    return {
        "health": Health(
            mode=settings.MODE.upper(),
            route=state.route if state else Route.JITO,
            is_halted=present.are_entries_halted,
            is_switched_off=is_switched_off,
            is_closing_all=present.closing is Closing.ALL,
            is_closing_losers=present.closing is Closing.LOSERS,
            is_spear_paused=present.is_spear_paused,
            is_resettable=bool(present.trips)
            or (present.are_entries_halted and not is_switched_off),
            trips=[_notice(trip) for trip in present.trips],
            halt_reason=present.held_back_by,
            halted_by=state.actor if state and is_switched_off else "",
            halted_at=state.changed_at if state and is_switched_off else None,
            processes=_processes(now),
            prices=_prices(now),
            internal_p99=tail(),
            queue_depth=waiting["depth"],
            oldest_waiting_at=waiting["oldest"],
            open_incidents=Incident.objects.filter(resolved_at__isnull=True).count(),
            unknown_outcomes=unknown.count(),
            oldest_unknown=unknown.values_list("pk", flat=True).first(),
        )
    }


def _notice(trip: Trip) -> TripNotice:
    return TripNotice(
        is_cooling=trip.phase is Phase.COOLDOWN,
        sentence=sentence(trip),
        tripped_at=trip.tripped_at,
    )


def _processes(now: datetime) -> list[Vital]:
    fresh = Q(beat_at__gte=now - LATE_AFTER)
    rows = Heartbeat.objects.values("name").annotate(
        last=Max("beat_at"), fresh=Count("pk", filter=fresh)
    )
    beats = {row["name"]: (row["last"], row["fresh"]) for row in rows}
    names = [*PROCESSES, *sorted(set(beats) - set(PROCESSES))]
    return [_process(name, *beats.get(name, (None, 0)), now=now) for name in names]


def _process(name: str, last: datetime | None, count: int, *, now: datetime) -> Vital:
    return replace(_vital(name, last, now, LATE_AFTER, GONE_AFTER), count=count)


def _prices(now: datetime) -> Vital | None:
    """The price seen longest ago among open positions; None while nothing is open."""
    oldest = Position.objects.filter(status__in=OPEN).aggregate(at=Min("priced_at"))["at"]
    if oldest is None:
        return None
    return _vital("prices", oldest, now, PRICE_LATE_AFTER, PRICE_GONE_AFTER)


def _vital(
    name: str, at: datetime | None, now: datetime, late: timedelta, gone: timedelta
) -> Vital:
    if at is None or now - at > gone:
        return Vital(name=name, tone="gone", at=at)
    return Vital(name=name, tone="late" if now - at > late else "ok", at=at)


def money(now: datetime) -> dict[str, Any]:
    point = EquityPoint.objects.order_by("-at").first()
    holdings = open_holdings()
    closed = Position.objects.filter(status=PositionStatus.CLOSED)
    total = closed.aggregate(pnl=Sum("realised_pnl_lamports"), count=Count("uuid"))
    realised = (total["pnl"] or 0) + sum(holding.realised_lamports for holding in holdings)
    unrealised = sum(holding.unrealised_lamports for holding in holdings)
    sol = _sol_price(point, now)
    price = sol.value if isinstance(sol, Known | Stale) else None
    nav = nav_lamports(point) if point else None
    balance = point.balance_lamports if point else None
    return {
        "money": Money(
            balance_lamports=balance,
            balance_usd=_usd(balance, price),
            nav_lamports=nav,
            nav_usd=_usd(nav, price),
            open_value_lamports=sum(holding.value_lamports for holding in holdings),
            open_count=len(holdings),
            unrealised_lamports=unrealised,
            unrealised_usd=_usd(unrealised, price),
            realised_lamports=realised,
            realised_usd=_usd(realised, price),
            closed_count=total["count"],
            won_count=closed.filter(realised_pnl_lamports__gt=0).count(),
            sol_price_usd=price,
            sol_price_from=sol.at if isinstance(sol, Stale) else None,
            at=point.at if point else None,
        )
    }


def _sol_price(point: EquityPoint | None, now: datetime) -> Reading[Decimal]:
    """What the breaker counts with; the newest valuation's own price where it has none yet."""
    row = TradingState.objects.filter(id=1).values_list("sol_price_usd", "sol_priced_at").first()
    usd, at = row or (None, None)
    if usd is None and point is not None:
        usd, at = point.sol_price_usd, point.at
    reading = told(usd, at=at or now, source=Source.JUPITER)
    return aged(reading, now=now, lifetime=SOL_LATE_AFTER)


def _usd(lamports: int | None, sol_price_usd: Decimal | None) -> Decimal | None:
    if lamports is None or sol_price_usd is None:
        return None
    return lamports_to_sol(lamports) * sol_price_usd


def curve(now: datetime) -> dict[str, Any]:
    return {"curve": nav_curve(now=now)}


def positions(now: datetime) -> dict[str, Any]:
    return {"positions": open_holdings()}


def closed(now: datetime) -> dict[str, Any]:
    return {"closed": closed_holdings(limit=CLOSED_SHOWN)}


def signals(now: datetime) -> dict[str, Any]:
    """The newest signals, and what came in the last hour without a story of its own."""
    hour = now - timedelta(hours=1)
    turned_away = Delivery.objects.filter(received_at__gte=hour, signal__isnull=True)
    by_code = turned_away.values("code").annotate(count=Count("id")).order_by("-count")
    skipped = Signal.objects.filter(received_at__gte=hour, status=SignalStatus.SKIPPED)
    return {
        "signals": recent_signals(limit=SIGNALS_SHOWN),
        "skipped": skipped.count(),
        "turned_away": list(by_code[:CODES_SHOWN]),
    }


SECTIONS: Mapping[str, Callable[[datetime], dict[str, Any]]] = {
    "health": health,
    "money": money,
    "curve": curve,
    "positions": positions,
    "signals": signals,
    "closed": closed,
    "latency": latency,
    "sources": sources,
}
PAGES: Mapping[str, tuple[str, ...]] = {
    "command_center": ("health", "money", "curve", "positions", "signals", "closed"),
    "latency": ("latency",),
    "sources": ("sources",),
}
SECTIONS_OF_TOPIC: Mapping[str, tuple[str, ...]] = {
    "health": ("health",),
    "signals": ("signals", "health", "latency"),
    "positions": ("positions", "closed", "money"),
    "equity": ("money", "curve"),
    "sources": ("sources",),
}


def everything(now: datetime, *, page: str) -> dict[str, Any]:
    """The context of a whole page."""
    context: dict[str, Any] = {}
    for section in PAGES[page]:
        context |= SECTIONS[section](now)
    return context


def render(section: str, *, now: datetime) -> str:
    """A section as the HTML that both the page and the socket use."""
    return render_to_string(f"trading/_{section}.html", SECTIONS[section](now))
