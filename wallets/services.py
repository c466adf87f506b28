"""The verbs of the roster: who is followed, and why that changed."""

from datetime import datetime
from typing import Any

from django.db import transaction

from audit import services as audit
from wallets.models import Leader, LeaderStatus, LeaderStrategy


class UnableToChangeRoster(Exception):
    """The leader is not on the roster."""


@transaction.atomic
def promote(
    address: str, *, actor: str, reason: str, now: datetime, active_until: datetime | None = None
) -> None:
    """Copy this leader from now on, until a time when one is given."""
    _set_status(address, LeaderStatus.ACTIVE, actor, reason, now, active_until=active_until)


@transaction.atomic
def demote(address: str, *, actor: str, reason: str, now: datetime) -> None:
    """Stop copying this leader's buys; what is held is still sold by the rules."""
    _set_status(address, LeaderStatus.CANDIDATE, actor, reason, now, active_until=None)


@transaction.atomic
def reject(address: str, *, actor: str, reason: str, now: datetime) -> None:
    """Put this leader aside for good; what is held is still sold by the rules."""
    _set_status(address, LeaderStatus.REJECTED, actor, reason, now, active_until=None)


@transaction.atomic
def mute(address: str, *, actor: str, reason: str, now: datetime) -> None:
    """Take no new entries from this leader for the time being."""
    _set_muted(address, actor=actor, reason=reason, now=now, is_muted=True)


@transaction.atomic
def unmute(address: str, *, actor: str, reason: str, now: datetime) -> None:
    """Take entries from this leader again."""
    _set_muted(address, actor=actor, reason=reason, now=now, is_muted=False)


@transaction.atomic
def follow(
    *,
    address: str,
    name: str,
    status: LeaderStatus,
    strategy: LeaderStrategy,
    label: str,
    actor: str,
    reason: str,
    now: datetime,
) -> bool:
    """Put a leader on the roster; False, and nothing changes, when it is there already."""
    _, is_new = Leader.objects.get_or_create(
        address=address,
        defaults={
            "name": name,
            "status": status,
            "strategy": strategy,
            "label": label,
            "status_reason": reason,
            "created_at": now,
            "status_changed_at": now,
        },
    )
    if is_new:
        audit.record(
            actor=actor,
            action="leader.followed",
            target=address,
            now=now,
            after=status,
            reason=reason,
        )
    return is_new


def _set_status(
    address: str,
    status: LeaderStatus,
    actor: str,
    reason: str,
    now: datetime,
    *,
    active_until: datetime | None,
) -> None:
    leader = _leader(address)
    before = {"status": leader.status, "active_until": _text(leader.active_until)}
    leader.status, leader.active_until = status, active_until
    leader.status_reason, leader.status_changed_at = reason[:500], now
    leader.save(update_fields=["status", "active_until", "status_reason", "status_changed_at"])
    audit.record(
        actor=actor,
        action=f"leader.{status.lower()}",
        target=address,
        now=now,
        before=before,
        after={"status": status, "active_until": _text(active_until)},
        reason=reason,
    )


def _set_muted(address: str, *, actor: str, reason: str, now: datetime, is_muted: bool) -> None:
    leader = _leader(address)
    before: Any = leader.is_muted
    leader.is_muted = is_muted
    leader.save(update_fields=["is_muted"])
    action = "leader.muted" if is_muted else "leader.unmuted"
    audit.record(
        actor=actor,
        action=action,
        target=address,
        now=now,
        before=before,
        after=is_muted,
        reason=reason,
    )


def _leader(address: str) -> Leader:
    leader = Leader.objects.select_for_update().filter(address=address).first()
    if leader is None:
        raise UnableToChangeRoster(f"{address} is not on the roster")
    return leader


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
