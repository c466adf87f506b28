"""Revisions, incidents, dead letters, signs of life: one active, one open, closed once."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import services as audit
from audit.models import DeadLetter, Entry, Heartbeat, Incident, PolicyRevision
from trading.domain.policy import Policy, as_json

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.both_databases]
NOW = timezone.now()
WHO = {"actor": "ada", "reason": "calmer", "now": NOW}


def proposed(**changes: int) -> PolicyRevision:
    return audit.propose_revision({**as_json(Policy()), **changes}, **WHO)


def active() -> list[int]:
    return list(PolicyRevision.objects.filter(is_active=True).values_list("number", flat=True))


def test_a_new_revision_is_the_active_one_and_an_older_one_may_be_again() -> None:
    proposed(), proposed(maximum_positions=3)
    assert active() == [2]
    audit.activate_revision(1, **WHO)
    assert active() == [1]
    lines = Entry.objects.order_by("number").values_list("action", "before", "after")
    assert list(lines) == [
        ("policy.activated", None, 1),
        ("policy.activated", 1, 2),
        ("policy.activated", 2, 1),
    ]


def test_a_revision_that_does_not_exist_leaves_the_active_one() -> None:
    proposed()
    with pytest.raises(audit.UnableToActivate):
        audit.activate_revision(7, **WHO)
    assert active() == [1]


def test_two_active_revisions_are_impossible() -> None:
    proposed(), proposed()
    with pytest.raises(IntegrityError), transaction.atomic():
        PolicyRevision.objects.update(is_active=True)
    assert active() == [2]


def test_one_incident_is_open_per_key_and_counts_its_sightings() -> None:
    for seconds in range(3):
        now = NOW + timedelta(seconds=seconds)
        audit.open_incident(key="price:x", title="No price", detail=str(seconds), now=now)
    incident = Incident.objects.get()
    assert (incident.times_seen, incident.detail) == (3, "2")
    assert (incident.opened_at, incident.last_seen_at) == (NOW, NOW + timedelta(seconds=2))
    assert audit.close_incident(key="price:x", now=NOW)
    assert not audit.close_incident(key="price:x", now=NOW)
    audit.open_incident(key="price:x", title="No price", now=NOW)
    assert Incident.objects.count() == 2


def test_an_incident_and_a_dead_letter_are_resolved_once_with_a_note() -> None:
    audit.open_incident(key="k", title="t", now=NOW)
    audit.set_aside(
        source="executor", code="X", text="t" * 999, payload={}, is_retryable=False, now=NOW
    )
    incident, letter = Incident.objects.get(), DeadLetter.objects.get()
    for verb, pk in (
        (audit.resolve_incident, incident.pk),
        (audit.resolve_dead_letter, letter.pk),
    ):
        verb(pk, actor="ada", note="seen", now=NOW)
        with pytest.raises(audit.UnableToResolve):
            verb(pk, actor="ada", note="again", now=NOW)
        with pytest.raises(audit.UnableToResolve):
            verb(99, actor="ada", note="what", now=NOW)
    letter.refresh_from_db()
    assert (letter.resolved_at, letter.note, len(letter.text)) == (NOW, "seen", 500)
    assert Entry.objects.count() == 2


def beat(name: str, *, pid: int, host: str = "here", now: datetime = NOW, **more: Any) -> None:
    audit.beat(name=name, host=host, pid=pid, started_at=NOW, now=now, **more)


def test_a_process_is_alive_for_a_while_after_each_beat() -> None:
    within = timedelta(seconds=10)
    assert not audit.is_alive(name="executor", now=NOW, within=within)
    for queue in (1, 2):
        beat("executor", pid=1, detail={"queue": queue})
    assert Heartbeat.objects.get().detail == {"queue": 2}
    assert audit.is_alive(name="executor", now=NOW + within, within=within)
    late = NOW + within + timedelta(microseconds=1)
    assert not audit.is_alive(name="executor", now=late, within=within)


def test_processes_of_one_name_beat_side_by_side_on_several_machines_too() -> None:
    for host, pid in (("here", 1), ("here", 2), ("there", 1)):
        beat("executor", host=host, pid=pid)
    found = Heartbeat.objects.values_list("host", "pid")
    assert list(found) == [("here", 1), ("here", 2), ("there", 1)]


def test_who_has_long_been_silent_is_forgotten_by_the_next_of_its_name_only() -> None:
    beat("executor", pid=1)
    beat("watcher", pid=2)
    beat("executor", pid=3, now=NOW + audit.FORGOTTEN_AFTER)
    assert Heartbeat.objects.count() == 3
    beat("executor", pid=3, now=NOW + audit.FORGOTTEN_AFTER + timedelta(seconds=1))
    assert set(Heartbeat.objects.values_list("name", "pid")) == {("executor", 3), ("watcher", 2)}
