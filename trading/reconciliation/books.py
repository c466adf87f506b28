"""Our rows as plain values, read in one transaction, for the comparison with the chain. Writes nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from trading.models import Disposal, Fill, Lot, Position, Submission
from wallets.models import TradingWallet

Row = Any
"""One row of `values()`; its columns are those of the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedFill:
    """What the books say that one landed transaction changed."""

    position: UUID
    sol_lamports: int
    token_raw: int
    network_fee_lamports: int
    tip_lamports: int
    rent_lamports: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedSubmission:
    """One signed transaction as the books have it."""

    signature: str
    signal: UUID
    position: UUID | None
    action: str
    mint: str
    status: str
    slot: int | None
    network_fee_lamports: int
    balance_change_lamports: int
    tip_lamports: int
    fill: BookedFill | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedPosition:
    """One position as the books have it."""

    uuid: UUID
    signal: UUID
    symbol: str
    mint: str
    token_account: str
    status: str
    bought_raw: int
    held_raw: int
    cost_lamports: int
    realised_pnl_lamports: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedLot:
    """One lot and what has been taken out of it."""

    position: UUID
    bought_raw: int
    left_raw: int
    cost_lamports: int
    sold_raw: int
    lost_raw: int
    abandoned_raw: int
    disposed_cost_lamports: int
    proceeds_lamports: int

    @property
    def disposed_raw(self) -> int:
        return self.sold_raw + self.lost_raw + self.abandoned_raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """All of it, as of one moment."""

    wallets: tuple[str, ...]
    submissions: tuple[BookedSubmission, ...]
    positions: tuple[BookedPosition, ...]
    lots: tuple[BookedLot, ...] = ()


def read_books() -> Books:
    """Wallets, submissions with their fills, positions: all of the same moment."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        fills = {row["submission_id"]: _fill(row) for row in Fill.objects.values()}
        return Books(
            wallets=tuple(TradingWallet.objects.values_list("address", flat=True)),
            submissions=tuple(_submission(row, fills) for row in _submission_rows()),
            positions=tuple(_position(row) for row in Position.objects.values()),
            lots=tuple(_lots()),
        )


def known_signatures() -> set[str]:
    """The signature of every transaction that we ever signed: each is stored before it is sent."""
    return set(Submission.objects.values_list("signature", flat=True))


def _submission_rows() -> Any:
    names = [field.attname for field in Submission._meta.concrete_fields if field.name != "wire"]
    return Submission.objects.order_by("id").values(*names)


def _submission(row: Row, fills: Mapping[int, BookedFill]) -> BookedSubmission:
    return BookedSubmission(
        signature=row["signature"],
        signal=row["signal_id"],
        position=row["position_id"],
        action=row["action"],
        mint=row["mint"],
        status=row["status"],
        slot=row["slot"],
        network_fee_lamports=row["network_fee_lamports"],
        balance_change_lamports=row["balance_change_lamports"],
        tip_lamports=row["tip_lamports"],
        fill=fills.get(row["id"]),
    )


def _fill(row: Row) -> BookedFill:
    return BookedFill(
        position=row["position_id"],
        sol_lamports=row["sol_lamports"],
        token_raw=row["token_raw"],
        network_fee_lamports=row["network_fee_lamports"],
        tip_lamports=row["tip_lamports"],
        rent_lamports=row["rent_lamports"],
    )


def _lots() -> Iterator[BookedLot]:
    taken: dict[int, list[Row]] = {}
    for disposal in Disposal.objects.values():
        taken.setdefault(disposal["lot_id"], []).append(disposal)
    for row in Lot.objects.values():
        yield _lot(row, taken.get(row["id"], []))


def _lot(row: Row, disposals: list[Row]) -> BookedLot:
    raw = dict.fromkeys(("SOLD", "LOST", "ABANDONED"), 0)
    for disposal in disposals:
        raw[disposal["kind"]] += disposal["token_raw"]
    return BookedLot(
        position=row["position_id"],
        bought_raw=row["bought_raw"],
        left_raw=row["left_raw"],
        cost_lamports=row["cost_lamports"],
        sold_raw=raw["SOLD"],
        lost_raw=raw["LOST"],
        abandoned_raw=raw["ABANDONED"],
        disposed_cost_lamports=sum(disposal["cost_lamports"] for disposal in disposals),
        proceeds_lamports=sum(disposal["proceeds_lamports"] for disposal in disposals),
    )


def _position(row: Row) -> BookedPosition:
    return BookedPosition(
        uuid=row["uuid"],
        signal=row["signal_id"],
        symbol=row["symbol"],
        mint=row["mint"],
        token_account=row["token_account"],
        status=row["status"],
        bought_raw=row["bought_raw"],
        held_raw=row["held_raw"],
        cost_lamports=row["cost_lamports"],
        realised_pnl_lamports=row["realised_pnl_lamports"],
    )
