"""The verbs of audit: write the log, keep the policy's revisions, set aside what could not be processed."""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import F

from audit.models import DeadLetter, Entry, Heartbeat, Incident, PolicyRevision

FORGOTTEN_AFTER = timedelta(minutes=2)
GENESIS_HASH = "0" * 64


class UnableToActivate(Exception):
    """There is no such revision."""


class UnableToResolve(Exception):
    """Nothing open was found under that number."""


@transaction.atomic
def record(
    *,
    actor: str,
    action: str,
    target: str,
    now: datetime,
    before: Any = None,
    after: Any = None,
    reason: str = "",
) -> Entry:
    """Append one line to the audit log, sealed with the hash of the line before."""
    if connection.vendor == "postgresql":
        # A lock on the last line would not do: who waits for it wakes up beside a newer one.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('audit.entry'))")
    last = Entry.objects.order_by("-number").first()
    entry = Entry(
        number=last.number + 1 if last else 1,
        at=now,
        actor=actor[:150],
        action=action,
        target=target[:200],
        before=before,
        after=after,
        reason=reason[:500],
        previous_hash=last.hash if last else GENESIS_HASH,
    )
    entry.hash = seal(entry)
    entry.save(force_insert=True)
    return entry


def seal(entry: Entry) -> str:
    """SHA-256 over the line's canonical JSON and the hash of the line before."""
    content = json.dumps(
        [
            entry.number,
            entry.at.astimezone(UTC).isoformat(),
            entry.actor,
            entry.action,
            entry.target,
            entry.before,
            entry.after,
            entry.reason,
            entry.previous_hash,
        ],
        sort_keys=True,
        separators=(",", ":"),
        default=str,
    )
    return hashlib.sha256(content.encode()).hexdigest()


def first_broken_entry() -> int | None:
    """The number of the first line whose seal does not hold, or None when the log is whole."""
    previous = GENESIS_HASH
    for expected, entry in enumerate(Entry.objects.order_by("number").iterator(), start=1):
        is_whole = entry.number == expected and entry.previous_hash == previous
        if not is_whole or entry.hash != seal(entry):
            return expected
        previous = entry.hash
    return None


@transaction.atomic
def propose_revision(
    policy: dict[str, Any], *, actor: str, reason: str, now: datetime
) -> PolicyRevision:
    """Store a policy (already validated by its owner) as a new revision and activate it."""
    last = PolicyRevision.objects.select_for_update().order_by("-number").first()
    revision = PolicyRevision.objects.create(
        number=last.number + 1 if last else 1,
        policy=policy,
        author=actor,
        reason=reason,
        created_at=now,
    )
    activate_revision(revision.number, actor=actor, reason=reason, now=now)
    return revision


@transaction.atomic
def activate_revision(number: int, *, actor: str, reason: str, now: datetime) -> None:
    """Make one stored revision the active one; UnableToActivate when there is no such number."""
    current = PolicyRevision.objects.filter(is_active=True).first()
    PolicyRevision.objects.filter(is_active=True).update(is_active=False)
    if PolicyRevision.objects.filter(number=number).update(is_active=True) != 1:
        raise UnableToActivate(f"there is no policy revision {number}")
    record(
        actor=actor,
        action="policy.activated",
        target=f"revision {number}",
        now=now,
        before=current.number if current else None,
        after=number,
        reason=reason,
    )


def set_aside(
    *, source: str, code: str, text: str, payload: Any, is_retryable: bool, now: datetime
) -> DeadLetter:
    """Keep what could not be processed, with its reason."""
    letter = DeadLetter(
        source=source,
        code=code,
        text=text[:500],
        payload=payload,
        is_retryable=is_retryable,
        created_at=now,
    )
    letter.save(force_insert=True)
    return letter


def set_aside_all(
    *, source: str, code: str, letters: Iterable[tuple[str, Any]], now: datetime
) -> None:
    """Keep many of one kind, each with its text and payload; whoever sent them may send them again."""
    DeadLetter.objects.bulk_create(
        DeadLetter(
            source=source,
            code=code,
            text=text[:500],
            payload=payload,
            is_retryable=False,
            created_at=now,
        )
        for text, payload in letters
    )


@transaction.atomic
def resolve_dead_letter(pk: int, *, actor: str, note: str, now: datetime) -> None:
    """Close a dead letter with a note; UnableToResolve when it is not open."""
    open_letters = DeadLetter.objects.filter(pk=pk, resolved_at__isnull=True)
    if open_letters.update(resolved_at=now, note=note[:500]) != 1:
        raise UnableToResolve(f"dead letter {pk} is not open")
    record(actor=actor, action="dead_letter.resolved", target=str(pk), now=now, reason=note)


@transaction.atomic
def open_incident(*, key: str, title: str, now: datetime, detail: str = "") -> None:
    """Raise an incident, or count one more sighting of the open one with the same key."""
    if _is_seen_again(key, now, detail):
        return
    try:
        with transaction.atomic():
            Incident.objects.create(
                key=key, title=title[:200], detail=detail[:1000], opened_at=now, last_seen_at=now
            )
    except IntegrityError:
        # Another process raised it between our look and our insert.
        _is_seen_again(key, now, detail)


def _is_seen_again(key: str, now: datetime, detail: str) -> bool:
    """Count one more sighting of the open incident with this key; False when none is open."""
    is_open = Incident.objects.filter(key=key, resolved_at__isnull=True)
    times = F("times_seen") + 1
    return is_open.update(last_seen_at=now, times_seen=times, detail=detail[:1000]) == 1


def close_incident(*, key: str, now: datetime) -> bool:
    """Close the open incident with this key because its cause is gone; False when none was open."""
    return Incident.objects.filter(key=key, resolved_at__isnull=True).update(resolved_at=now) == 1


@transaction.atomic
def resolve_incident(pk: int, *, actor: str, note: str, now: datetime) -> None:
    """Close an incident by hand; UnableToResolve when it is not open."""
    if Incident.objects.filter(pk=pk, resolved_at__isnull=True).update(resolved_at=now) != 1:
        raise UnableToResolve(f"incident {pk} is not open")
    record(actor=actor, action="incident.resolved", target=str(pk), now=now, reason=note)


def beat(
    *,
    name: str,
    host: str,
    pid: int,
    started_at: datetime,
    now: datetime,
    detail: Any = None,
) -> None:
    """Leave a process's sign of life, and forget those of its name that have long been silent.

    The last one of a name stays, however old: that it is silent is what people must see.
    """
    Heartbeat.objects.update_or_create(
        name=name,
        host=host[:120],
        pid=pid,
        defaults={"beat_at": now, "started_at": started_at, "detail": detail or {}},
    )
    Heartbeat.objects.filter(name=name, beat_at__lt=now - FORGOTTEN_AFTER).delete()


def is_alive(*, name: str, now: datetime, within: timedelta) -> bool:
    """Whether a process has given a sign of life lately."""
    return Heartbeat.objects.filter(name=name, beat_at__gte=now - within).exists()
