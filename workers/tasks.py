"""Tasks that need more than one room: the processes' signs of life, and what is registered outside."""

import os
import socket
from datetime import UTC, datetime

from celery import shared_task
from django.utils import timezone

from audit import services as audit
from workers.wiring import open_registrar

STARTED_AT = timezone.now()


@shared_task
def record_heartbeats(beat_pid: int, beat_started_at_unix: float) -> None:
    """Write down that beat sent this and that a worker did it: both are alive."""
    now, host = timezone.now(), socket.gethostname()
    beat_started_at = datetime.fromtimestamp(beat_started_at_unix, tz=UTC)
    audit.beat(name="worker", host=host, pid=os.getpid(), started_at=STARTED_AT, now=now)
    audit.beat(name="beat", host=host, pid=beat_pid, started_at=beat_started_at, now=now)


@shared_task
def keep_helius_registered() -> None:
    """Have Helius watch whom we follow, where it is configured at all."""
    now = timezone.now()
    registrar = open_registrar(now=now)
    if registrar is not None:
        registrar.step(now=now)
