"""The Celery app and its timetable; the tasks themselves live in their apps as shared tasks."""

import os
import time
import warnings
from typing import Any

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.schedules import crontab
from celery.signals import beat_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chimera_site.settings")

HEARTBEAT_SECONDS = 10
REGISTRATION_SECONDS = 5
RETENTION_SECONDS = 300
OBSERVATIONS_SECONDS = 600
REVIEW_SECONDS = 300
ADMISSIONS_SECONDS = 300
MINUTE, HOUR = 60, 3600

# It warns root of pickled messages, and ours are JSON.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("chimera")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def every(seconds: float, task: str, *args: object) -> dict[str, Any]:
    """An entry of the timetable; what was not started before the next turn is not started at all."""
    return {"task": task, "schedule": seconds, "args": args, "options": {"expires": seconds}}


app.conf.beat_schedule = {
    # Read in beat's own process, so the worker learns whose sign of life it writes down.
    "heartbeat": every(
        HEARTBEAT_SECONDS, "workers.tasks.record_heartbeats", os.getpid(), time.time()
    ),
    "registration": every(REGISTRATION_SECONDS, "workers.tasks.keep_helius_registered"),
    "retention": every(RETENTION_SECONDS, "trading.tasks.forget_old_requests"),
    "observations": every(OBSERVATIONS_SECONDS, "trading.tasks.forget_old_observations"),
    "admissions": every(ADMISSIONS_SECONDS, "trading.tasks.look_for_admissions"),
    "promotions": every(MINUTE, "scout.tasks.expire_promotions"),
    "runs left behind": every(MINUTE, "scout.tasks.tend_runs"),
    "copies": every(REVIEW_SECONDS, "scout.tasks.review_copies"),
    "scout": {
        "task": "scout.tasks.run_daily",
        "schedule": crontab(hour=2, minute=0),
        "options": {"expires": HOUR},
    },
    "discovery": {
        "task": "scout.tasks.look_around",
        "schedule": crontab(hour=3, minute=30),
        "options": {"expires": HOUR},
    },
}


@beat_init.connect
def announce(**_: object) -> None:
    """Send the first heartbeat at once: a fresh timetable would wait a whole turn for it."""
    entry = app.conf.beat_schedule["heartbeat"]
    app.send_task(entry["task"], args=entry["args"], expires=HEARTBEAT_SECONDS)
