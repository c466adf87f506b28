"""Which leaders are watched, and how far each one's transactions are known; nothing here asks the chain."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial

from django.db import transaction
from django.db.models import Q

from trading import live
from trading.domain.lifecycle import OPEN
from trading.domain.tiers import Tier, Watched
from trading.models import LeaderCursor, Position
from wallets.models import CopyState, Leader, LeaderStatus


class CursorMoved(Exception):
    """Another process has moved this cursor meanwhile; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Up to where a leader's transactions are known; `signature` is empty while it has none."""

    signature: str
    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """When a leader's list was last read to its end, and how the leader is watched."""

    address: str
    complete_at: datetime
    tier: Tier
    is_subscribed: bool


def watched_leaders(*, now: datetime, scores: Mapping[str, Decimal] | None = None) -> list[Watched]:
    """ACTIVE leaders, and everybody after whom something is still held; the most urgent first.

    `scores` from 0 to 100 by address, where somebody has scored them.
    """
    held = set(Position.objects.filter(status__in=OPEN).values_list("leader_address", flat=True))
    is_current = Q(active_until__isnull=True) | Q(active_until__gt=now)
    active = dict(
        Leader.objects.filter(is_current, status=LeaderStatus.ACTIVE).values_list(
            "address", "copy_state"
        )
    )
    found = [
        Watched(
            address=address,
            is_held=address in held,
            is_copied=active.get(address) == CopyState.ON,
            score=(scores or {}).get(address),
        )
        for address in sorted(held | active.keys())
    ]
    return sorted(found, key=lambda each: list(Tier).index(each.tier))


def places() -> dict[str, Place]:
    """Every cursor by its leader's address."""
    rows = LeaderCursor.objects.values_list("address", "signature", "slot")
    return {address: Place(signature=signature, slot=slot) for address, signature, slot in rows}


def begin(address: str, place: Place, *, tier: Tier, now: datetime) -> Place:
    """Begin to know a leader's transactions here; where it was known before, it stays as it is."""
    row, _ = LeaderCursor.objects.get_or_create(
        address=address,
        defaults={
            "signature": place.signature,
            "slot": place.slot,
            "began_at": now,
            "complete_at": now,
            "tier": tier,
        },
    )
    return Place(signature=row.signature, slot=row.slot)


def move(address: str, *, before: Place, after: Place, now: datetime) -> None:
    """Everything up to `after` is committed, with this transaction at the latest. CursorMoved if not ours."""
    ours = LeaderCursor.objects.filter(
        address=address, signature=before.signature, slot=before.slot
    )
    if ours.update(signature=after.signature, slot=after.slot, moved_at=now) != 1:
        raise CursorMoved(f"the cursor of {address} is no longer where it was")
    transaction.on_commit(partial(live.publish, "sources"))


def forget(addresses: Collection[str]) -> None:
    """These are watched no longer: who comes back begins anew, what was missed is not ours to trade."""
    LeaderCursor.objects.filter(address__in=addresses).delete()


def note_completeness(found: Collection[Completeness]) -> None:
    """Keep for the pages how complete each leader is known; a cursor that is gone meanwhile is left out."""
    rows = LeaderCursor.objects.in_bulk([each.address for each in found])
    for each in found:
        row = rows.get(each.address)
        if row is not None:
            row.complete_at, row.tier = each.complete_at, each.tier
            row.is_subscribed = each.is_subscribed
    LeaderCursor.objects.bulk_update(rows.values(), ["complete_at", "tier", "is_subscribed"])
    if rows:
        transaction.on_commit(partial(live.publish, "sources"))
