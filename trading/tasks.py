"""What Celery does for trading, off the hot path."""

from celery import shared_task
from django.utils import timezone

from trading.services.admissions import look_for_drought
from trading.services.forgetting import forget_observations
from trading.services.retention import forget_old


@shared_task
def forget_old_observations() -> None:
    """Forget prices and samples that are too old or too many."""
    forget_observations(now=timezone.now())


@shared_task
def forget_old_requests() -> None:
    """Forget refused requests and dead letters that the policy keeps no longer."""
    forget_old(now=timezone.now())


@shared_task
def look_for_admissions() -> None:
    """Raise an incident when leaders buy and nothing is admitted for hours."""
    look_for_drought(now=timezone.now())
