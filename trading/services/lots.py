"""Lots on the rows: a buy opens one, what leaves takes from the oldest, and both make a position's result."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from trading.domain.lots import DisposalKind, OpenLot, take
from trading.domain.values import Action
from trading.models import Disposal, Fill, Lot, Position, Submission
from trading.rows import every, first, insert, load_all, parameter, update


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
    key = parameter(Position, "uuid", position.pk)
    received, fees, rent = _flows(key)
    fees += _failed_fees(position)
    pnl = received - _disposed_cost(key) - fees - (rent if position.held_raw == 0 else 0)
    update(Position, {"uuid": position.pk}, realised_pnl_lamports=pnl)
    position.realised_pnl_lamports = pnl


def _flows(position: Any) -> tuple[int, int, int]:
    """(received, fees and tips, rent) over all fills of a position, in lamports."""
    fills = every(
        "SELECT action, sol_lamports, network_fee_lamports + tip_lamports, rent_lamports"
        " FROM trading_fill WHERE position_id = %s",
        position,
    )
    received = sum(lamports for action, lamports, _, _ in fills if action == Action.SELL)
    return received, sum(fees for _, _, fees, _ in fills), sum(rent for *_, rent in fills)


def _disposed_cost(position: Any) -> int:
    row = first(
        "SELECT sum(d.cost_lamports) FROM trading_disposal d JOIN trading_lot l ON l.id = d.lot_id"
        " WHERE l.position_id = %s",
        position,
    )
    return int(row[0] or 0) if row else 0


def _failed_fees(position: Position) -> int:
    """Fees of the tries that failed on chain, for this position's sells and for the buy that opened it."""
    row = first(
        "SELECT sum(network_fee_lamports) FROM trading_submission WHERE status = 'FAILED'"
        " AND (position_id = %s OR signal_id = %s)",
        parameter(Position, "uuid", position.pk),
        parameter(Submission, "signal", position.signal_id),
    )
    return int(row[0] or 0) if row else 0


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
