"""The project: settings and the wiring of its doors. Importing it makes ours the Celery app of every process."""

from chimera_site.celery import app as celery_app

__all__ = ["celery_app"]
