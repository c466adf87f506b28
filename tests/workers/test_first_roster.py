"""The sandbox's first roster is the one Scout chose: the skilled are in, every kind of fake is out, with a reason."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scout.models import ScoutRun, WalletScore
from tests import factories
from tests.cluster import Sandbox, running
from wallets.models import Chooser, Leader, LeaderStatus
from workers.sandbox.archetypes import README_WALLET
from workers.seeding import Sandbox as ControlDesk
from workers.seeding import seed_roster

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.timeout(400)]
DAYS = 10
SKILLED = {"skilled_high", "skilled_mid", "skilled_low"}


@pytest.fixture
def lived_in(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox whose leaders have traded for days."""
    options = ("--history-days", str(DAYS), "--leaders", "on", "--tempo", "0")
    with running(tmp_path / "lived-in", *options, patience_seconds=300) as started:
        yield started


def use(settings: Any, sandbox: Sandbox) -> ControlDesk:
    """The sandbox as the outside of this process."""
    settings.RPC_URLS = [f"{sandbox.url}/rpc/primary"]
    settings.JITO_URL, settings.JUPITER_URL = sandbox.jito_url, sandbox.jupiter_url
    settings.DEXSCREENER_URL = sandbox.dexscreener_url
    return ControlDesk(url=sandbox.url)


def test_scout_follows_the_skilled_and_leaves_every_fake_out(settings, lived_in: Sandbox) -> None:
    factories.make_policy_revision()
    desk, said = use(settings, lived_in), []
    seed_roster(desk, say=said.append)
    kinds = {each["address"]: each["archetype"] for each in lived_in.control("GET", "leaders")}
    active = Leader.objects.filter(status=LeaderStatus.ACTIVE).exclude(pk=README_WALLET)
    chosen = {leader.address: kinds[leader.address] for leader in active}
    assert chosen
    assert set(chosen.values()) <= SKILLED, chosen
    assert "skilled_high" in chosen.values()
    assert {leader.chosen_by for leader in active} == {Chooser.SCOUT}
    for score in WalletScore.objects.exclude(address__in=chosen):
        assert score.reasons, kinds[score.address]
    assert Leader.objects.get(pk=README_WALLET).chosen_by == Chooser.PERSON
    assert ScoutRun.objects.get().text in said[-1]
    before = list(Leader.objects.values_list("address", "status", "status_changed_at"))
    seed_roster(desk, say=said.append)
    assert list(Leader.objects.values_list("address", "status", "status_changed_at")) == before
    assert ScoutRun.objects.count() == 1, "a second start asks nobody again"


def test_without_a_history_the_casts_own_places_count_as_a_persons_choice(
    settings, sandbox: Sandbox
) -> None:
    seed_roster(use(settings, sandbox), say=lambda line: None)
    places = {each["address"]: each["roster_status"] for each in sandbox.control("GET", "leaders")}
    assert dict(Leader.objects.values_list("address", "status")) == places
    assert set(Leader.objects.values_list("chosen_by", flat=True)) == {Chooser.PERSON}
    assert not ScoutRun.objects.exists()
