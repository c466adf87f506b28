"""The verbs of the roster: who is followed, and why that changed."""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from audit import services as audit
from wallets.models import COPY_SETTINGS, CopyState, Leader, LeaderStatus, LeaderStrategy


class UnableToChangeRoster(Exception):
    """The leader is not on the roster, or is not in a state that this change starts from."""


class SettingsInvalid(ValueError):
    """These copy settings contradict themselves; `errors` names each and the remedy."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(text)}" for name, text in errors.items()))
        self.errors = errors


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
    """Take no new entries from this leader for the time being; its sells are still followed."""
    _pause(address, CopyState.CLOSES_ONLY, actor=actor, reason=reason, now=now)


@transaction.atomic
def unmute(address: str, *, actor: str, reason: str, now: datetime) -> None:
    """Take entries from this leader again."""
    _pause(address, CopyState.ON, actor=actor, reason=reason, now=now)


@transaction.atomic
def configure(
    address: str, settings: Mapping[str, Any], *, actor: str, reason: str, now: datetime
) -> None:
    """Change how a leader is copied: any of COPY_SETTINGS by column name, the others stay as they are.

    SettingsInvalid, and nothing is stored, when the result contradicts itself. What stays the same is no
    change and leaves no entry.
    """
    leader = _leader(address)
    unknown = settings.keys() - set(COPY_SETTINGS)
    if unknown:
        raise SettingsInvalid({name: ["is not a copy setting"] for name in sorted(unknown)})
    before = {name: getattr(leader, name) for name in settings}
    for name, value in settings.items():
        setattr(leader, name, value)
    _validate(leader)
    changed = [name for name in settings if getattr(leader, name) != before[name]]
    if not changed:
        return
    leader.save(update_fields=changed)
    audit.record(
        actor=actor,
        action="leader.configured",
        target=address,
        now=now,
        before={name: _plain(before[name]) for name in changed},
        after={name: _plain(getattr(leader, name)) for name in changed},
        reason=reason,
    )


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


def _pause(address: str, state: CopyState, *, actor: str, reason: str, now: datetime) -> None:
    """Between ON and CLOSES_ONLY; OFF is left by `configure` alone, so that nobody ends it by the way."""
    leader = _leader(address)
    before = leader.copy_state
    if before == CopyState.OFF:
        raise UnableToChangeRoster(f"{leader} is OFF; change its copy settings instead")
    leader.copy_state = state
    leader.save(update_fields=["copy_state"])
    action = "leader.unmuted" if state == CopyState.ON else "leader.muted"
    audit.record(
        actor=actor,
        action=action,
        target=address,
        now=now,
        before=str(before),
        after=str(state),
        reason=reason,
    )


def _validate(leader: Leader) -> None:
    others = {field.name for field in leader._meta.fields} - set(COPY_SETTINGS)
    try:
        leader.clean_fields(exclude=others)
        leader.clean()
    except ValidationError as error:
        raise SettingsInvalid(error.message_dict) from error


def _plain(value: Any) -> Any:
    """A setting as JSON."""
    return value.isoformat() if isinstance(value, time) else value


def _leader(address: str) -> Leader:
    leader = Leader.objects.select_for_update().filter(address=address).first()
    if leader is None:
        raise UnableToChangeRoster(f"{address} is not on the roster")
    return leader


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
