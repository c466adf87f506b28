"""Celery's part: one task a wallet, a chord that ends the run, and a housekeeping that takes up what is left."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chimera_site.celery import app
from scout import tasks
from scout.archive import Reading
from scout.models import RunState, ScoutRun
from scout.services import runs
from tests import factories
from tests.cluster import Sandbox
from tests.scout.rosters import address
from wallets import services as wallets
from wallets.models import Chooser, Leader, LeaderStatus

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def at_once(settings: Any, sandbox: Sandbox) -> Iterator[None]:
    """Tasks run where they are sent from, on the sandbox's chain."""
    settings.RPC_URLS = [f"{sandbox.url}/rpc/primary"]
    settings.JUPITER_URL, settings.JITO_URL = sandbox.jupiter_url, sandbox.jito_url
    settings.DEXSCREENER_URL = sandbox.dexscreener_url
    app.conf.update(task_always_eager=True, task_eager_propagates=True)
    yield
    app.conf.update(task_always_eager=False, task_eager_propagates=False)


@pytest.mark.usefixtures("at_once")
def test_the_daily_run_reads_every_wallet_and_ends_itself() -> None:
    leaders = [factories.make_leader(address(), chosen_by=Chooser.SCOUT) for _ in range(3)]
    tasks.run_daily()
    run = ScoutRun.objects.get()
    assert (run.state, run.wallets, run.actor) == (RunState.FINISHED, 3, "scout"), run.text
    assert {each.address for each in Reading.objects.all()} == {each.address for each in leaders}
    assert float(run.parameters["sol_price_usd"]) > 0


@pytest.mark.usefixtures("at_once")
def test_a_daily_run_with_nobody_to_look_at_is_no_error() -> None:
    tasks.run_daily()
    assert not ScoutRun.objects.exists()


@pytest.mark.usefixtures("at_once")
def test_a_task_that_comes_twice_changes_nothing_more() -> None:
    factories.make_leader()
    tasks.run_daily()
    run = ScoutRun.objects.get()
    tasks.read_wallet(str(run.pk), factories.LEADER)
    tasks.finish_run(str(run.pk))
    assert run.scores.get().attempts == 1
    assert ScoutRun.objects.get().finished_at == run.finished_at


@pytest.mark.usefixtures("at_once")
def test_a_run_left_behind_is_finished_by_the_next_housekeeping() -> None:
    now = timezone.now()
    run = runs.begin([address(), address()], actor="tests", parameters={}, now=now)
    ScoutRun.objects.update(progressed_at=now - timedelta(minutes=6))
    tasks.tend_runs()
    run.refresh_from_db()
    assert run.state == RunState.FINISHED


def test_housekeeping_ends_promotions_and_demotes_who_loses() -> None:
    now = timezone.now()
    late, losing = (factories.make_leader(address()) for _ in range(2))
    wallets.promote(
        late.address,
        actor="ada",
        reason="for a while",
        now=now,
        active_until=now - timedelta(seconds=1),
    )
    Leader.objects.filter(pk=losing.pk).update(status_changed_at=now - timedelta(days=1))
    for _ in range(5):
        factories.make_closed_position(leader_address=losing.address, pnl_lamports=-(10**8))
    tasks.expire_promotions()
    tasks.review_copies()
    assert set(Leader.objects.values_list("status", flat=True)) == {LeaderStatus.CANDIDATE}
    reasons = set(Leader.objects.values_list("status_reason", flat=True))
    assert any("time has passed" in each for each in reasons)
    assert any("5 copies made -40.0%" in each for each in reasons)
