"""What we hold, read from the rows: the snapshot a decision rests on, prices seen, the equity curve."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from trading import live
from trading.domain.decision import Portfolio
from trading.domain.lifecycle import OPEN, SubmissionStatus
from trading.domain.pnl import apportioned_cost_lamports, value_lamports
from trading.domain.tips import MOST_SAMPLES
from trading.domain.values import Strategy
from trading.models import EquityPoint, Position, Signal, Submission
from trading.rows import every, first, insert, load, load_all, moment, parameter, update

PRICE_CEILING_SOL = Decimal(10) ** 20
"""What the columns of prices hold; SQLite would take more, and then nobody could read the position."""

# One statement each: on PostgreSQL every one is a way to the server and back, and other buys wait meanwhile.
_EXPOSURE = (
    "SELECT strategy, mint, cost_lamports, held_raw, bought_raw FROM trading_position"
    " WHERE status IN ('ACTIVE', 'EXITING')"
    " UNION ALL SELECT strategy, mint, reserved_lamports, NULL, NULL FROM trading_signal"
    " WHERE status = 'EXECUTING' AND reserved_lamports > 0 AND uuid <> %s"
)
_LATELY = (
    "SELECT (SELECT sum(balance_change_lamports) FROM trading_submission"
    " WHERE resolved_at >= %s AND action = 'BUY'),"
    " (SELECT max(closed_at) FROM trading_position WHERE mint = %s AND status = 'CLOSED')"
)

# What is needed to value every open position, and without a price what was realised and what all bookings
# did to our SOL.
_BOOKS = (
    "SELECT held_raw, decimals, last_price_sol FROM trading_position"
    " WHERE status IN ('ACTIVE', 'EXITING')"
    " UNION ALL SELECT (SELECT sum(realised_pnl_lamports) FROM trading_position),"
    " (SELECT sum(balance_change_lamports) FROM trading_submission), NULL"
)


def snapshot(
    *,
    signal: UUID,
    mint: str,
    balance_lamports: int | None,
    balance_at: datetime | None = None,
) -> Portfolio:
    """The portfolio without `signal` itself: open positions at cost plus capital reserved by other buys.

    `balance_lamports` is what the chain said at `balance_at`; reservations and buys booked since are
    taken off it, because it does not know of them yet.
    """
    exposure: dict[str, int] = dict.fromkeys(Strategy, 0)
    held_mints: list[str] = []
    in_token = reserved = 0
    for strategy, held, cost, held_raw, bought_raw in every(
        _EXPOSURE, parameter(Signal, "uuid", signal)
    ):
        # Most are whole, or not even bought yet, and there may be hundreds.
        lamports = cost if held_raw == bought_raw else _left(cost, held_raw, bought_raw)
        exposure[strategy] += lamports
        held_mints.append(held)
        if held_raw is None:
            reserved += lamports
        elif held == mint:
            in_token += lamports
    spent, closed_at = _lately(mint, balance_at)
    return Portfolio(
        balance_lamports=None if balance_lamports is None else balance_lamports - reserved - spent,
        open_positions=len(held_mints),
        shield_lamports=exposure[Strategy.SHIELD],
        spear_lamports=exposure[Strategy.SPEAR],
        token_lamports=in_token,
        is_held=mint in held_mints,
        last_closed_at=closed_at,
    )


def _left(cost_lamports: int, held_raw: Any, bought_raw: Any) -> int:
    """Cost of what a position still holds, from its columns as a plain SELECT returns them."""
    return apportioned_cost_lamports(
        cost_lamports=cost_lamports, held_raw=int(held_raw), bought_raw=int(bought_raw)
    )


def _lately(mint: str, balance_at: datetime | None) -> tuple[int, datetime | None]:
    """What buys booked after that moment took out of our balance, and when we last closed this token."""
    row = first(_LATELY, parameter(Submission, "resolved_at", balance_at), mint)
    assert row is not None, "sums have one row"
    return -int(row[0] or 0), moment(row[1])


def open_cost_lamports(position: Position) -> int:
    """Cost of what a position still holds."""
    return apportioned_cost_lamports(
        cost_lamports=position.cost_lamports,
        held_raw=position.held_raw,
        bought_raw=position.bought_raw,
    )


def position_value_lamports(position: Position) -> int:
    """What a position's tokens are worth at the last price seen."""
    return value_lamports(
        token_raw=position.held_raw,
        decimals=position.decimals,
        price_sol=position.last_price_sol,
    )


@transaction.atomic(savepoint=False)
def mark_price(
    position: Position, *, price_sol: Decimal, now: datetime, is_quoted: bool = False
) -> None:
    """Remember a price seen for an open position, and the highest one; one beyond all money is no price.

    One that `is_quoted` is what a sale would bring, because nobody tells a price.
    """
    if price_sol >= PRICE_CEILING_SOL:
        return
    peak = max(position.peak_price_sol, price_sol)
    quoted_since = (position.quoted_since or position.priced_at) if is_quoted else None
    marked = update(
        Position,
        {"uuid": position.pk, "status": OPEN},
        last_price_sol=price_sol,
        peak_price_sol=peak,
        priced_at=now,
        quoted_since=quoted_since,
    )
    if marked == 1:
        position.last_price_sol, position.peak_price_sol = price_sol, peak
        position.priced_at, position.quoted_since = now, quoted_since
    transaction.on_commit(lambda: live.publish("positions"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CashFlow:
    """What all booked transactions together did to our SOL, and how many are not booked yet.

    One whose outcome nobody can tell waits for people and counts as not landed: it must not blind the
    watch over our SOL until then.
    """

    booked_lamports: int
    in_flight: int


def cash_flow() -> CashFlow:
    """The books' side of our balance at this moment."""
    row = first(
        "SELECT (SELECT sum(balance_change_lamports) FROM trading_submission),"
        " (SELECT count(*) FROM trading_submission"
        " WHERE status = 'IN_FLIGHT' AND unknown_since IS NULL)"
    )
    assert row is not None, "sums have one row"
    return CashFlow(booked_lamports=int(row[0] or 0), in_flight=row[1])


@transaction.atomic(savepoint=False)
def record_equity(*, outside_lamports: int, sol_price_usd: Decimal | None, now: datetime) -> None:
    """Add one point to the equity curve.

    `outside_lamports` is what came into the wallet other than by our trades. Balance and positions are
    both taken from the books here: the chain's own balance moves a moment before a fill is booked, and
    the curve would dip by the whole trade.
    """
    # One statement: a buy that is booked between two of them would look like a loss of all that it cost.
    value = realised = booked = 0
    for one, other, price in every(_BOOKS):
        if price is None:
            realised, booked = int(one or 0), int(other or 0)
        else:
            value += value_lamports(
                token_raw=int(one), decimals=other, price_sol=Decimal(str(price))
            )
    insert(
        EquityPoint,
        at=now,
        balance_lamports=outside_lamports + booked,
        positions_lamports=value,
        outside_lamports=outside_lamports,
        realised_pnl_lamports=realised,
        sol_price_usd=sol_price_usd,
    )
    transaction.on_commit(lambda: live.publish("equity"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ToSell:
    """What a sell signal refers to: a position, or the hope of one, or nothing."""

    position: Position | None
    is_buy_pending: bool = False


def position_to_sell(
    *, leader_address: str, mint: str, position: UUID | None, received_at: datetime
) -> ToSell:
    """The position a sell means: the named one, else the oldest open one of that leader and mint.

    Without one, `is_buy_pending` tells that a buy which came before is still on its way.
    """
    if position is not None:
        return ToSell(position=load(Position, uuid=position))
    # A sell never means what was bought after it.
    earlier = (leader_address, mint, parameter(Signal, "received_at", received_at))
    held = _oldest_held(earlier)
    if held is not None:
        return ToSell(position=held)
    if _is_buy_pending(earlier):
        return ToSell(position=None, is_buy_pending=True)
    # A buy that was booked between the two questions was in neither, and its exit would end for nothing.
    return ToSell(position=_oldest_held(earlier))


def _oldest_held(earlier: tuple[Any, ...]) -> Position | None:
    found = first(
        "SELECT p.uuid FROM trading_position p JOIN trading_signal s ON s.uuid = p.signal_id"
        " WHERE p.leader_address = %s AND p.mint = %s AND p.status IN ('ACTIVE', 'EXITING')"
        " AND s.received_at <= %s ORDER BY p.opened_at LIMIT 1",
        *earlier,
    )
    return None if found is None else load(Position, uuid=UUID(str(found[0])))


def _is_buy_pending(earlier: tuple[Any, ...]) -> bool:
    pending = first(
        "SELECT 1 FROM trading_signal WHERE leader_address = %s AND mint = %s"
        " AND status IN ('QUEUED', 'EXECUTING', 'RETRY') AND received_at <= %s AND action = 'BUY'",
        *earlier,
    )
    return pending is not None


def has_live_submission(signal: UUID) -> bool:
    """Whether a transaction of this signal may still land, or has."""
    live = (SubmissionStatus.IN_FLIGHT, SubmissionStatus.LANDED)
    return Submission.objects.filter(signal=signal, status__in=live).exists()


def in_flight() -> list[Submission]:
    """Every submission whose outcome the chain has not told yet, oldest first."""
    # Written out: with a parameter SQLite could not know that its small partial index serves.
    return load_all(Submission, "status = 'IN_FLIGHT' ORDER BY recorded_at")


def privacy_in_flight() -> dict[int, bool]:
    """Every submission in flight, and whether only the block engine may see its bytes: SPEAR's buys."""
    rows = every(
        "SELECT b.id, b.action = 'BUY' AND s.strategy = 'SPEAR'"
        " FROM trading_submission b JOIN trading_signal s ON s.uuid = b.signal_id"
        " WHERE b.status = 'IN_FLIGHT'"
    )
    return {int(id_): bool(is_private) for id_, is_private in rows}


def landed_tips() -> tuple[int, ...]:
    """What our last bundles that landed have paid, the newest first.

    Bytes that went on by the nodes paid their tip too, but it bought them nothing.
    """
    rows = every(
        "SELECT tip_lamports FROM trading_submission WHERE status = 'LANDED' AND route = 'JITO'"
        " AND tip_lamports > 0 ORDER BY resolved_at DESC LIMIT %s",
        MOST_SAMPLES,
    )
    return tuple(int(row[0]) for row in rows)


def is_held(mint: str) -> bool:
    """Whether any position still holds this token."""
    return (
        first(
            "SELECT 1 FROM trading_position WHERE mint = %s AND status IN ('ACTIVE', 'EXITING')",
            mint,
        )
        is not None
    )


def is_as_read(position: Position) -> bool:
    """Whether nobody has begun to sell a position, or sold of it, since this row of it was read."""
    same = {"status": position.status, "exit_generation": position.exit_generation}
    return load(Position, uuid=position.pk, **same) is not None


def held_raw(mint: str) -> int:
    """Raw tokens of a mint that the books say we hold."""
    rows = every(
        "SELECT held_raw FROM trading_position WHERE mint = %s AND status IN ('ACTIVE', 'EXITING')",
        mint,
    )
    return sum(int(row[0]) for row in rows)


def open_positions() -> list[Position]:
    """Every position that still holds tokens."""
    return load_all(Position, "status IN ('ACTIVE', 'EXITING') ORDER BY opened_at")
