"""A roster is taken over whole or not at all; people's choices stay; what is not newer is refused."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from scout.models import RosterMerge, ScoutRun, WalletScore
from scout.roster_file import Refusal, RosterRefused
from scout.services import roster as verbs
from tests import factories
from tests.scout.rosters import NOW, address, entry, roster, written
from wallets.models import Chooser, Episode, Leader, LeaderStatus

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.both_databases]


def apply(*entries: Any, **fields: Any) -> RosterMerge:
    return verbs.apply(roster(*entries, **fields), actor="scout", origin="a test", now=NOW)


def status(who: str) -> str:
    return Leader.objects.get(address=who).status


def test_strangers_join_unless_they_are_rejected(database: Any) -> None:
    good, fair, bad = (
        entry(status=each, reasons=(f"is {each}",)) for each in ("ACTIVE", "CANDIDATE", "REJECTED")
    )
    merged = apply(good, fair, bad)
    assert (merged.wallets, merged.changed, merged.kept) == (3, 2, 0)
    assert {each.address: each.status for each in Leader.objects.all()} == {
        good.address: "ACTIVE",
        fair.address: "CANDIDATE",
    }
    leader = Leader.objects.get(address=good.address)
    assert (leader.chosen_by, leader.label, leader.status_reason) == ("SCOUT", "swing", "is ACTIVE")
    assert {each.run for each in Episode.objects.all()} == {merged.run}


def test_a_known_leader_moves_and_a_persons_choice_stays(database: Any) -> None:
    ours, theirs = address(), address()
    factories.make_leader(ours, chosen_by=Chooser.PERSON, label="mine")
    factories.make_leader(theirs, chosen_by=Chooser.SCOUT)
    merged = apply(entry(ours, status="REJECTED"), entry(theirs, status="REJECTED"))
    assert (status(ours), status(theirs)) == ("ACTIVE", "REJECTED")
    assert (merged.changed, merged.kept) == (1, 1)
    assert Leader.objects.get(address=ours).label == "mine"


def test_every_leader_gets_its_quality_and_loses_one_that_is_not_known_any_more(
    database: Any,
) -> None:
    ours, new, silent = address(), address(), address()
    factories.make_leader(ours, chosen_by=Chooser.PERSON)
    factories.make_leader(silent, chosen_by=Chooser.SCOUT, quality_bps=9_000)
    factories.make_leader(quality_bps=4_000)
    apply(entry(ours, wqs=77.554), entry(new, wqs=100.0), entry(silent, wqs=None))
    assert {each.address: each.quality_bps for each in Leader.objects.all()} == {
        ours: 7_755,
        new: 10_000,
        silent: None,
        factories.LEADER: 4_000,
    }


def test_a_leader_the_roster_does_not_name_stays_as_it_is(database: Any) -> None:
    factories.make_leader(chosen_by=Chooser.SCOUT)
    apply()
    assert status(factories.LEADER) == LeaderStatus.ACTIVE


def test_the_same_roster_and_an_older_one_are_refused(database: Any) -> None:
    merged = apply()
    with pytest.raises(RosterRefused) as caught:
        apply(run=merged.run)
    assert caught.value.code is Refusal.MERGED_BEFORE
    for age in (timedelta(0), timedelta(hours=1)):
        with pytest.raises(RosterRefused) as caught:
            apply(created_at=merged.created_at - age)
        assert caught.value.code is Refusal.OLDER
    apply(created_at=merged.created_at + timedelta(seconds=1))


def test_what_fails_in_the_middle_changes_nothing(database: Any) -> None:
    good = entry()
    with pytest.raises(ValueError, match="BOSS"):
        apply(good, entry("z" * 44, status="BOSS"))
    assert not Leader.objects.exists()
    assert not Episode.objects.exists()
    assert not RosterMerge.objects.exists()


def test_a_file_brings_its_scores_along(database: Any, tmp_path: Path) -> None:
    path = written(tmp_path / "roster_new.db", entry())
    assert verbs.validate(path).entries
    merged = verbs.merge(path, actor="ada", now=NOW)
    score = WalletScore.objects.get()
    assert (score.skill, score.wqs, score.verdict) == (1.25, 77.5, "PASSED")
    assert score.backtest == {"pnl_lamports": 5}
    assert str(ScoutRun.objects.get().uuid) == merged.run
    with pytest.raises(RosterRefused):
        verbs.validate(path)
