"""The timetable of Celery's beat, and the signs of life that go through it."""

import os
import time

import pytest
from django.utils import timezone

from audit.models import Heartbeat
from chimera_site.celery import app
from workers.tasks import record_heartbeats


def test_every_entry_expires_before_its_next_turn_so_that_a_late_worker_does_nothing_twice():
    schedule = app.conf.beat_schedule
    assert schedule
    for entry in schedule.values():
        expires = entry["options"]["expires"]
        assert expires > 0
        if isinstance(entry["schedule"], (int, float)):
            assert expires <= entry["schedule"]


def test_every_entry_names_a_task_that_exists():
    app.loader.import_default_modules()
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)


@pytest.mark.django_db
def test_one_heartbeat_is_the_sign_of_life_of_beat_and_of_the_worker():
    before = timezone.now()
    record_heartbeats(4711, time.time())
    beats = {beat.name: beat for beat in Heartbeat.objects.all()}
    assert set(beats) == {"worker", "beat"}
    assert beats["beat"].pid == 4711
    assert beats["worker"].pid == os.getpid()
    assert all(beat.beat_at >= before for beat in beats.values())
