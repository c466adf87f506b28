"""Tasks about the processes themselves."""

import os
from datetime import UTC, datetime

from celery import shared_task
from django.utils import timezone

from audit.models import Heartbeat

STARTED_AT = timezone.now()


@shared_task
def record_heartbeats(beat_pid: int, beat_started_at_unix: float) -> None:
    """Write down that beat sent this and that a worker did it: both are alive."""
    now = timezone.now()
    signs = {
        "worker": (os.getpid(), STARTED_AT),
        "beat": (beat_pid, datetime.fromtimestamp(beat_started_at_unix, tz=UTC)),
    }
    for name, (pid, started_at) in signs.items():
        Heartbeat.objects.update_or_create(
            name=name, defaults={"beat_at": now, "pid": pid, "started_at": started_at}
        )
