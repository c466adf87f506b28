"""What Celery does for Scout: one task a wallet, a chord that ends the run, and the minute's housekeeping."""

from uuid import UUID

from celery import chord, shared_task
from django.db import DatabaseError
from django.utils import timezone

from scout.chain import open_chain, sol_price_usd
from scout.services import copies, discovery, queue, runs
from wallets import services as wallets

READ_EXPIRES_SECONDS = 6 * 3600
RETRY_SECONDS = 30


@shared_task
def run_daily() -> None:
    """The scheduled run over everybody on the roster and in the queue."""
    now = timezone.now()
    try:
        run = runs.begin(
            queue.chosen(now=now),
            actor="scout",
            parameters={"sol_price_usd": sol_price_usd()},
            now=now,
        )
    except runs.UnableToRun:
        return
    dispatch(run.pk)


def dispatch(run: UUID) -> None:
    """Send the run's wallets to the workers; the last one to be read ends it."""
    reading = [
        read_wallet.si(str(run), address).set(expires=READ_EXPIRES_SECONDS)
        for address in runs.waiting(run)
    ]
    finishing = finish_run.si(str(run)).set(expires=READ_EXPIRES_SECONDS)
    if reading:
        chord(reading)(finishing)
    else:
        finishing.apply_async()


@shared_task(
    ignore_result=False,
    acks_late=True,
    autoretry_for=(DatabaseError,),
    retry_backoff=RETRY_SECONDS,
    max_retries=3,
)
def read_wallet(run: str, address: str) -> None:
    """One wallet's history; twice is as good as once."""
    with open_chain() as chain:
        runs.read(UUID(run), address, chain=chain, now=timezone.now())


@shared_task(acks_late=True)
def finish_run(run: str) -> None:
    """Judge what was read, unless it is done or somebody is at it."""
    runs.finish(UUID(run), now=timezone.now())


@shared_task
def tend_runs() -> None:
    """Take up what killed workers left behind."""
    for run in runs.tend(now=timezone.now()):
        dispatch(run)


@shared_task
def look_around() -> None:
    """Queue strangers who trade what good leaders trade."""
    with open_chain() as chain:
        discovery.look_around(chain=chain, now=timezone.now())


@shared_task
def expire_promotions() -> None:
    """End promotions whose time has passed."""
    wallets.expire(now=timezone.now())


@shared_task
def review_copies() -> None:
    """Demote leaders whose copies lose, and those that have fallen silent."""
    copies.review(now=timezone.now())
