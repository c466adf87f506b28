"""Strangers who trade what good leaders trade join the queue with their evidence; people's word on the queue stays."""

from datetime import timedelta

import pytest
from django.utils import timezone

from scout.archive import FetchDay, Swap
from scout.chain import ChainReader
from scout.history import Depth, read_history
from scout.models import Candidate, Source
from scout.services import queue
from scout.services.discovery import look_around
from scout.services.queue import Find
from tests import factories
from tests.cluster import Sandbox
from tests.scout.rosters import address
from trading.domain.policy import Policy
from trading.domain.scouting import ScoutPolicy

pytestmark = pytest.mark.usefixtures("database")


def test_who_buys_what_an_active_leader_buys_is_queued(
    chain: ChainReader, sandbox: Sandbox
) -> None:
    able = [each for each in sandbox.control("GET", "leaders") if each["archetype"] != "example"]
    good, alike, other = (each["address"] for each in able[-3:])
    mints = [each["mint"] for each in sandbox.tokens("memecoin")]
    # What everybody buys says nothing: so there is somebody who does not buy it all.
    for who, bought in ((good, mints[:4]), (alike, mints[:4]), (other, mints[:1])):
        for mint in bought:
            body = {"side": "BUY", "mint": mint, "sol": 0.2}
            sandbox.control("POST", f"leaders/{who}/trade", body)
    factories.make_leader(good)
    # Other tests may have moved the shared cluster's clock on.
    now = timezone.now() + timedelta(hours=2)
    depth = Depth(since=now - timedelta(days=30), most=100, per_day=1_000)
    read_history(good, chain=chain, depth=depth, now=now)
    found = look_around(chain=chain, now=now)
    assert found.strangers >= 1
    row = Candidate.objects.get(pk=alike)
    assert (row.source, row.evidence["shared"]) == (Source.CO_TRADER, 4)
    assert "what a leader bought" in row.evidence["text"]
    assert not Candidate.objects.filter(pk__in=[good, other]).exists()
    spent = FetchDay.objects.get().transactions
    assert look_around(chain=chain, now=now).queued == 0
    assert FetchDay.objects.get().transactions == spent
    assert Swap.objects.filter(address=alike).count() >= 4


def test_without_leaders_nobody_is_asked(chain: ChainReader) -> None:
    assert look_around(chain=chain, now=timezone.now()).tokens == 0
    assert not FetchDay.objects.exists()


def finds(*ranks: float, source: Source = Source.CO_TRADER) -> list[Find]:
    return [Find(address=address(), source=source, rank=rank) for rank in ranks]


def test_the_queue_keeps_the_better_rank_and_what_people_set_aside() -> None:
    now = timezone.now()
    one, two = finds(0.5, 0.4)
    assert queue.enqueue([one, two, Find(address="nobody", source=Source.IMPORT)], now=now) == 2
    assert queue.set_aside([one.address], actor="ada", reason="a bot", now=now) == 1
    assert queue.set_aside([one.address], actor="ada", reason="a bot", now=now) == 0
    better = Find(address=two.address, source=Source.WINNER, rank=0.9, evidence={"text": "early"})
    assert (
        queue.enqueue([better, Find(address=one.address, source=Source.WINNER, rank=1.0)], now=now)
        == 0
    )
    rows = Candidate.objects.in_bulk()
    assert (rows[two.address].rank, rows[two.address].evidence) == (0.9, {"text": "early"})
    assert rows[one.address].is_set_aside
    assert queue.chosen(now=now) == [two.address]


def test_a_run_reads_the_roster_first_and_no_more_than_the_policy_allows() -> None:
    factories.make_policy_revision(Policy(scout=ScoutPolicy(most_candidates=3)))
    factories.make_leader()
    now = timezone.now()
    best, second, third = finds(0.9, 0.8, 0.7, source=Source.IMPORT)
    queue.enqueue([third, best, second], now=now)
    assert queue.chosen(now=now) == [factories.LEADER, best.address, second.address]


def test_the_least_promising_finds_are_forgotten_and_imports_never() -> None:
    factories.make_policy_revision(Policy(scout=ScoutPolicy(most_candidates=2)))
    now = timezone.now()
    imported, *found = [*finds(0.1, source=Source.IMPORT), *finds(0.5, 0.6, 0.7)]
    queue.enqueue([imported, *found], now=now)
    kept = set(Candidate.objects.values_list("address", flat=True))
    assert kept == {imported.address, found[1].address, found[2].address}
