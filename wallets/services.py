"""The verbs of the roster: who is followed, and why that changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from audit import services as audit
from wallets.models import (
    COPY_SETTINGS,
    Chooser,
    CopyState,
    Episode,
    Leader,
    LeaderStatus,
    LeaderStrategy,
)


class UnableToChangeRoster(Exception):
    """The leader is not on the roster, or is not in a state that this change starts from."""


class SettingsInvalid(ValueError):
    """These copy settings contradict themselves; `errors` names each and the remedy."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(text)}" for name, text in errors.items()))
        self.errors = errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Who chooses a leader's place, and why. What a person chooses stays until a person releases it."""

    actor: str
    reason: str
    now: datetime
    by: Chooser = Chooser.PERSON
    run: str = ""


@transaction.atomic
def promote(
    address: str, *, actor: str, reason: str, now: datetime, active_until: datetime | None = None
) -> None:
    """Copy this leader from now on, until a time when one is given; no run of Scout changes that."""
    choice = Choice(actor=actor, reason=reason, now=now)
    _move(_leader(address), LeaderStatus.ACTIVE, choice, active_until=active_until)


@transaction.atomic
def demote(address: str, *, actor: str, reason: str, now: datetime) -> None:
    """Stop copying this leader's buys; what is held is still sold by the rules."""
    choice = Choice(actor=actor, reason=reason, now=now)
    _move(_leader(address), LeaderStatus.CANDIDATE, choice)


@transaction.atomic
def reject(address: str, *, actor: str, reason: str, now: datetime) -> None:
    """Put this leader aside for good; what is held is still sold by the rules."""
    choice = Choice(actor=actor, reason=reason, now=now)
    _move(_leader(address), LeaderStatus.REJECTED, choice)


@transaction.atomic
def release(address: str, *, actor: str, reason: str, now: datetime) -> None:
    """Leave this leader's place to Scout again, from its next run on."""
    leader = _leader(address)
    choice = Choice(actor=actor, reason=reason, now=now, by=Chooser.SCOUT)
    _move(leader, LeaderStatus(leader.status), choice, active_until=leader.active_until)


@transaction.atomic
def place(address: str, status: LeaderStatus, choice: Choice) -> bool:
    """Scout's word on a leader; False, and nothing changes, where a person has chosen or it stays as it is."""
    leader = _leader(address)
    if leader.chosen_by == Chooser.PERSON or leader.status == status:
        return False
    _move(leader, status, choice)
    return True


@transaction.atomic
def step_down(address: str, choice: Choice) -> bool:
    """Take an ACTIVE leader from the roster whoever put it there; False when it is not ACTIVE any more.

    A candidate again, left to Scout: what went wrong or ran out says nothing about later.
    """
    leader = _leader(address)
    if leader.status != LeaderStatus.ACTIVE:
        return False
    _move(leader, LeaderStatus.CANDIDATE, choice)
    return True


@transaction.atomic
def describe(address: str, *, label: str, strategy: LeaderStrategy) -> None:
    """What kind of trader Scout takes this leader for, and under which strategy it fits; not its place."""
    _leader(address)
    Leader.objects.filter(address=address).update(label=label[:40], strategy=strategy)


@transaction.atomic
def rate(qualities: Mapping[str, int | None]) -> int:
    """Keep the quality score of each of these leaders in basis points, None where none is known any more;
    how many changed.

    A measurement and no choice: told of those too whose place a person chose. Strangers are passed over.
    """
    known = Leader.objects.select_for_update().only("address", "quality_bps").order_by("address")
    rated = [
        leader
        for leader in known
        if leader.address in qualities and leader.quality_bps != qualities[leader.address]
    ]
    for leader in rated:
        leader.quality_bps = qualities[leader.address]
    return Leader.objects.bulk_update(rated, ["quality_bps"], batch_size=500)


def expire(*, now: datetime) -> list[str]:
    """End every promotion whose time has passed; the addresses. Each is a transaction of its own."""
    due = Leader.objects.filter(status=LeaderStatus.ACTIVE, active_until__lt=now)
    choice = Choice(
        actor="time limit", reason="the promotion's time has passed", now=now, by=Chooser.SCOUT
    )
    return [
        address for address in due.values_list("address", flat=True) if _expire(address, choice)
    ]


@transaction.atomic
def _expire(address: str, choice: Choice) -> bool:
    """Unless somebody has prolonged it meanwhile."""
    until = _leader(address).active_until
    return until is not None and until < choice.now and step_down(address, choice)


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
    by: Chooser = Chooser.PERSON,
    run: str = "",
) -> bool:
    """Put a leader on the roster; False, and nothing changes, when it is there already."""
    leader, is_new = Leader.objects.get_or_create(
        address=address,
        defaults={
            "name": name,
            "status": status,
            "strategy": strategy,
            "label": label,
            "chosen_by": by,
            "status_reason": reason[:500],
            "created_at": now,
            "status_changed_at": now,
        },
    )
    if is_new:
        choice = Choice(actor=actor, reason=reason, now=now, by=by, run=run)
        _tell_episode(leader, "", choice)
        audit.record(
            actor=actor,
            action="leader.followed",
            target=address,
            now=now,
            after=status,
            reason=reason,
        )
    return is_new


def _move(
    leader: Leader,
    status: LeaderStatus,
    choice: Choice,
    *,
    active_until: datetime | None = None,
) -> None:
    before = leader.status
    told = {"status": before, "active_until": _text(leader.active_until)}
    leader.status, leader.active_until, leader.chosen_by = status, active_until, choice.by
    leader.status_reason, leader.status_changed_at = choice.reason[:500], choice.now
    leader.save(
        update_fields=["status", "active_until", "chosen_by", "status_reason", "status_changed_at"]
    )
    _tell_episode(leader, before, choice)
    audit.record(
        actor=choice.actor,
        action=f"leader.{status.lower()}",
        target=leader.address,
        now=choice.now,
        before=told,
        after={"status": status, "active_until": _text(active_until)},
        reason=choice.reason,
    )


def _tell_episode(leader: Leader, before: str, choice: Choice) -> None:
    Episode.objects.create(
        leader_address=leader.address,
        at=choice.now,
        actor=choice.actor[:150],
        chosen_by=choice.by,
        before=before,
        after=leader.status,
        active_until=leader.active_until,
        reason=choice.reason[:500],
        run=choice.run,
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
