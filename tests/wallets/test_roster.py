"""Who is followed: every change is a verb with a reason, and on record."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import Entry
from tests import factories
from tests.factories import LEADER
from wallets import services as roster
from wallets.models import CopyState, Leader, LeaderStatus, LeaderStrategy

pytestmark = pytest.mark.usefixtures("database")
NOW = timezone.now()
WHO = {"actor": "ada", "reason": "steady hands", "now": NOW}


def leader() -> Leader:
    return Leader.objects.get(address=LEADER)


def test_a_promotion_may_have_an_end_and_a_demotion_takes_it_away() -> None:
    factories.make_leader(status=LeaderStatus.CANDIDATE)
    until = NOW + timedelta(hours=6)
    roster.promote(LEADER, active_until=until, **WHO)
    assert (leader().status, leader().active_until) == (LeaderStatus.ACTIVE, until)
    assert (leader().status_reason, leader().status_changed_at) == ("steady hands", NOW)
    roster.demote(LEADER, **WHO)
    assert (leader().status, leader().active_until) == (LeaderStatus.CANDIDATE, None)
    roster.reject(LEADER, **WHO)
    assert leader().status == LeaderStatus.REJECTED
    actions = Entry.objects.order_by("number").values_list("action", flat=True)
    assert list(actions) == ["leader.active", "leader.candidate", "leader.rejected"]
    assert Entry.objects.get(number=1).after == {
        "status": "ACTIVE",
        "active_until": until.isoformat(),
    }


def test_muting_says_nothing_about_the_place_on_the_roster() -> None:
    factories.make_leader()
    roster.mute(LEADER, **WHO)
    assert (leader().copy_state, leader().status) == (CopyState.CLOSES_ONLY, LeaderStatus.ACTIVE)
    roster.unmute(LEADER, **WHO)
    assert leader().copy_state == CopyState.ON
    assert [(e.before, e.after) for e in Entry.objects.order_by("number")] == [
        ("ON", "CLOSES_ONLY"),
        ("CLOSES_ONLY", "ON"),
    ]


@pytest.mark.parametrize(
    "verb", [roster.promote, roster.demote, roster.reject, roster.mute, roster.unmute]
)
def test_a_stranger_cannot_be_changed(verb) -> None:
    with pytest.raises(roster.UnableToChangeRoster):
        verb(LEADER, **WHO)
    assert not Entry.objects.exists()


def test_following_twice_changes_nothing() -> None:
    fields = {"address": LEADER, "strategy": LeaderStrategy.SPEAR, "label": "sniper", **WHO}
    assert roster.follow(name="Ada", status=LeaderStatus.ACTIVE, **fields)
    assert not roster.follow(name="Bob", status=LeaderStatus.REJECTED, **fields)
    assert (leader().name, leader().status, leader().label) == (
        "Ada",
        LeaderStatus.ACTIVE,
        "sniper",
    )
    assert Entry.objects.get().action == "leader.followed"
