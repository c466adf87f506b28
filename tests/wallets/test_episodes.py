"""Every change of a leader's place is an episode: who, when, why; nobody edits one, on either database."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from tests import factories
from tests.factories import LEADER
from wallets import services as roster
from wallets.models import Chooser, Episode, Leader, LeaderStatus, LeaderStrategy

pytestmark = pytest.mark.usefixtures("database")
NOW = timezone.now()
PERSON = {"actor": "ada", "reason": "steady hands", "now": NOW}
SCOUT = roster.Choice(actor="scout", reason="skill", now=NOW, by=Chooser.SCOUT, run="r-1")


def leader() -> Leader:
    return Leader.objects.get(address=LEADER)


def told() -> list[tuple[str, str, str]]:
    return list(Episode.objects.order_by("id").values_list("actor", "before", "after"))


def test_joining_and_every_change_is_told_with_its_run_and_its_end() -> None:
    roster.follow(
        address=LEADER,
        name="Ada",
        status=LeaderStatus.CANDIDATE,
        strategy=LeaderStrategy.SHIELD,
        label="swing",
        actor="scout",
        reason="found",
        now=NOW,
        by=Chooser.SCOUT,
        run="r-0",
    )
    roster.place(LEADER, LeaderStatus.ACTIVE, SCOUT)
    until = NOW + timedelta(hours=6)
    roster.promote(LEADER, active_until=until, **PERSON)
    assert told() == [
        ("scout", "", "CANDIDATE"),
        ("scout", "CANDIDATE", "ACTIVE"),
        ("ada", "ACTIVE", "ACTIVE"),
    ]
    assert list(Episode.objects.order_by("id").values_list("run", flat=True)) == ["r-0", "r-1", ""]
    newest = Episode.objects.latest("id")
    assert (newest.active_until, newest.chosen_by) == (until, Chooser.PERSON)


@pytest.mark.parametrize("verb", [roster.promote, roster.demote, roster.reject])
def test_what_a_person_chose_no_run_changes_until_a_person_releases_it(verb) -> None:
    factories.make_leader(chosen_by=Chooser.SCOUT)
    verb(LEADER, **PERSON)
    chosen = leader().status
    other = LeaderStatus.REJECTED if chosen != "REJECTED" else LeaderStatus.ACTIVE
    assert not roster.place(LEADER, other, SCOUT)
    assert leader().status == chosen
    roster.release(LEADER, **PERSON)
    assert leader().status == chosen
    assert roster.place(LEADER, other, SCOUT)
    assert leader().status == other


def test_placing_a_leader_where_it_is_leaves_no_episode() -> None:
    factories.make_leader(chosen_by=Chooser.SCOUT)
    assert not roster.place(LEADER, LeaderStatus.ACTIVE, SCOUT)
    assert told() == []


def test_a_promotion_whose_time_has_passed_ends_and_is_left_to_scout() -> None:
    factories.make_leader()
    roster.promote(LEADER, active_until=NOW + timedelta(minutes=1), **PERSON)
    assert roster.expire(now=NOW + timedelta(seconds=60)) == []
    assert roster.expire(now=NOW + timedelta(seconds=61)) == [LEADER]
    assert (leader().status, leader().active_until) == (LeaderStatus.CANDIDATE, None)
    assert leader().chosen_by == Chooser.SCOUT
    assert roster.expire(now=NOW + timedelta(days=1)) == []


def test_stepping_down_takes_only_an_active_leader() -> None:
    factories.make_leader(status=LeaderStatus.REJECTED)
    assert not roster.step_down(LEADER, SCOUT)
    assert told() == []


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "statement", ["UPDATE wallets_episode SET actor = 'x'", "DELETE FROM wallets_episode"]
)
def test_an_episode_is_neither_changed_nor_removed(statement: str, database) -> None:
    factories.make_leader()
    roster.demote(LEADER, **PERSON)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute(statement)
    assert told() == [("ada", "ACTIVE", "CANDIDATE")]
