"""Lots on the rows: a buy opens one, what leaves takes from the oldest, and both make a position's result."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Sum

from trading.domain.lifecycle import SubmissionStatus
from trading.domain.lots import DisposalKind, OpenLot, take
from trading.domain.values import Action
from trading.models import Disposal, Fill, Lot, Position, Submission


class BooksChanged(Exception):
    """A lot is no longer as it was read; nothing may be booked on top of it."""


def open_lot(fill: Fill) -> None:
    """The lot that a buy's fill opens."""
    Lot.objects.create(
        position_id=fill.position_id,
        fill=fill,
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
    fills = list(position.fills.all())
    received = sum(fill.sol_lamports for fill in fills if fill.action == Action.SELL)
    disposals = Disposal.objects.filter(lot__position=position)
    cost: int = disposals.aggregate(total=Sum("cost_lamports"))["total"] or 0
    fees = sum(fill.network_fee_lamports + fill.tip_lamports for fill in fills)
    fees += _failed_fees(position)
    rent = sum(fill.rent_lamports for fill in fills) if position.held_raw == 0 else 0
    pnl = received - cost - fees - rent
    Position.objects.filter(pk=position.pk).update(realised_pnl_lamports=pnl)
    position.realised_pnl_lamports = pnl


def _failed_fees(position: Position) -> int:
    """Fees of the tries that failed on chain, for this position's sells and for the buy that opened it."""
    failed = Submission.objects.filter(status=SubmissionStatus.FAILED)
    of_sells = failed.filter(position=position)
    of_buy = failed.filter(signal=position.signal_id)
    return sum((of_sells | of_buy).distinct().values_list("network_fee_lamports", flat=True))


def _dispose(
    position: UUID,
    *,
    kind: DisposalKind,
    token_raw: int,
    fill: Fill | None,
    sol_price_usd: Decimal | None,
    at: datetime,
) -> None:
    lots = list(Lot.objects.filter(position=position).order_by("id"))
    held = [
        OpenLot(bought_raw=lot.bought_raw, cost_lamports=lot.cost_lamports, left_raw=lot.left_raw)
        for lot in lots
    ]
    proceeds = 0 if fill is None else fill.sol_lamports
    for part in take(held, token_raw=token_raw, proceeds_lamports=proceeds):
        lot = lots[part.lot]
        _reduce(lot, left_raw=part.left_raw)
        Disposal.objects.create(
            lot=lot,
            fill=fill,
            kind=kind,
            token_raw=part.token_raw,
            cost_lamports=part.cost_lamports,
            proceeds_lamports=part.proceeds_lamports,
            sol_price_usd=sol_price_usd,
            disposed_at=at,
        )


def _reduce(lot: Lot, *, left_raw: int) -> None:
    if Lot.objects.filter(pk=lot.pk, left_raw=lot.left_raw).update(left_raw=left_raw) != 1:
        raise BooksChanged(f"lot {lot.pk} does not hold {lot.left_raw} any more")
