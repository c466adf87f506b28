"""Lots on the rows: a buy opens one, what leaves takes from the oldest, and both make a position's result."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from trading.domain.lots import DisposalKind, OpenLot, take
from trading.models import Disposal, Fill, Lot, Position
from trading.rows import first, insert, load_all, parameter, update

# What sells received without all fees, rent, cost of what has left, and fees of the tries that failed on
# chain: for this position's sells and for the buy that opened it.
_FLOWS = (
    "SELECT (SELECT sum(CASE action WHEN 'SELL' THEN sol_lamports ELSE 0 END"
    " - network_fee_lamports - tip_lamports) FROM trading_fill WHERE position_id = %s),"
    " (SELECT sum(rent_lamports) FROM trading_fill WHERE position_id = %s),"
    " (SELECT sum(d.cost_lamports) FROM trading_disposal d JOIN trading_lot l ON l.id = d.lot_id"
    " WHERE l.position_id = %s),"
    " (SELECT sum(network_fee_lamports) FROM trading_submission WHERE status = 'FAILED'"
    " AND (position_id = %s OR signal_id = %s))"
)


class BooksChanged(Exception):
    """A lot is no longer as it was read; nothing may be booked on top of it."""


def open_lot(fill: Fill) -> None:
    """The lot that a buy's fill opens."""
    insert(
        Lot,
        position=fill.position_id,
        fill=fill.pk,
        bought_raw=fill.token_raw,
        left_raw=fill.token_raw,
        cost_lamports=fill.sol_lamports,
        sol_price_usd=fill.sol_price_usd,
        opened_at=fill.filled_at,
    )


def sell_lots(fill: Fill) -> None:
    """Take what a sell's fill sold out of the oldest lots."""
    _dispose(
        fill.position_id,
        kind=DisposalKind.SOLD,
        token_raw=fill.token_raw,
        fill=fill,
        sol_price_usd=fill.sol_price_usd,
        at=fill.filled_at,
    )


def write_down(
    position: Position,
    *,
    kind: DisposalKind,
    token_raw: int,
    sol_price_usd: Decimal | None,
    at: datetime,
) -> None:
    """Take tokens out of the oldest lots that brought nothing in."""
    _dispose(
        position.pk,
        kind=kind,
        token_raw=token_raw,
        fill=None,
        sol_price_usd=sol_price_usd,
        at=at,
    )


def recompute_pnl(position: Position) -> None:
    """Cash in − cost of what has left − all fees and tips, failed tries too; rent only once it is closed."""
    pnl = pnl_of(position)
    if update(Position, {"uuid": position.pk}, realised_pnl_lamports=pnl) != 1:
        raise BooksChanged(f"position {position.pk} is gone")
    position.realised_pnl_lamports = pnl


def pnl_of(position: Position) -> int:
    """What `recompute_pnl` stores, for who stores more of the position at once, in lamports."""
    key = parameter(Position, "uuid", position.pk)
    signal = parameter(Position, "signal", position.signal_id)
    row = first(_FLOWS, key, key, key, key, signal)
    earned, rent, cost, failed_fees = (int(sum_ or 0) for sum_ in row or (0, 0, 0, 0))
    return earned - cost - failed_fees - (rent if position.held_raw == 0 else 0)


def _dispose(
    position: UUID,
    *,
    kind: DisposalKind,
    token_raw: int,
    fill: Fill | None,
    sol_price_usd: Decimal | None,
    at: datetime,
) -> None:
    key = parameter(Lot, "position", position)
    lots = load_all(Lot, "position_id = %s ORDER BY id", key)
    held = [
        OpenLot(bought_raw=lot.bought_raw, cost_lamports=lot.cost_lamports, left_raw=lot.left_raw)
        for lot in lots
    ]
    proceeds = 0 if fill is None else fill.sol_lamports
    for part in take(held, token_raw=token_raw, proceeds_lamports=proceeds):
        lot = lots[part.lot]
        _reduce(lot, left_raw=part.left_raw)
        insert(
            Disposal,
            lot=lot.pk,
            fill=None if fill is None else fill.pk,
            kind=kind,
            token_raw=part.token_raw,
            cost_lamports=part.cost_lamports,
            proceeds_lamports=part.proceeds_lamports,
            sol_price_usd=sol_price_usd,
            disposed_at=at,
        )


def _reduce(lot: Lot, *, left_raw: int) -> None:
    if update(Lot, {"id": lot.pk, "left_raw": lot.left_raw}, left_raw=left_raw) != 1:
        raise BooksChanged(f"lot {lot.pk} does not hold {lot.left_raw} any more")
