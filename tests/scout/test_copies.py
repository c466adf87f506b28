"""Who leaves the roster: leaders whose copies lose, counted from a person's choice on, and Scout's that fell silent."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from scout.services.copies import review
from tests import factories
from tests.factories import LEADER
from wallets.models import Chooser, Episode, Leader, LeaderStatus

pytestmark = pytest.mark.usefixtures("database")
NOW = timezone.now()
LOSS = -(10**8)


def leader(*, by: Chooser, days: float) -> Leader:
    changed = NOW - timedelta(days=days)
    return factories.make_leader(chosen_by=by, status_changed_at=changed)


def copies(number: int, *, days_ago: float = 0.5, pnl: int = LOSS) -> None:
    for _ in range(number):
        opened = NOW - timedelta(days=days_ago)
        factories.make_closed_position(
            opened_at=opened, closed_at=opened + timedelta(minutes=5), pnl_lamports=pnl
        )


def is_active() -> bool:
    return Leader.objects.get(pk=LEADER).status == LeaderStatus.ACTIVE


@pytest.mark.both_databases
def test_enough_losing_copies_demote_whoever_chose_the_leader(database: Any) -> None:
    leader(by=Chooser.PERSON, days=2)
    copies(5)
    assert list(review(now=NOW)) == [LEADER]
    assert not is_active()
    episode = Episode.objects.get()
    assert (episode.actor, episode.before, episode.after) == ("scout", "ACTIVE", "CANDIDATE")
    assert review(now=NOW) == {}


@pytest.mark.parametrize(("number", "pnl"), [(4, LOSS), (5, 10**7), (5, -(10**7))])
def test_few_copies_gains_and_small_losses_demote_nobody(number: int, pnl: int) -> None:
    leader(by=Chooser.PERSON, days=2)
    copies(number, pnl=pnl)
    assert review(now=NOW) == {}


def test_a_person_who_promotes_again_starts_the_count_anew() -> None:
    leader(by=Chooser.PERSON, days=0.1)
    copies(9, days_ago=1)
    assert review(now=NOW) == {}


def test_old_copies_say_nothing_about_today() -> None:
    leader(by=Chooser.SCOUT, days=90)
    copies(9, days_ago=40)
    factories.make_signal(received_at=NOW)
    assert review(now=NOW) == {}


def test_scouts_choice_that_fell_silent_steps_down_and_a_persons_stays() -> None:
    leader(by=Chooser.SCOUT, days=10)
    factories.make_signal(received_at=NOW - timedelta(days=6))
    assert "not traded for 5 days" in review(now=NOW)[LEADER]
    Leader.objects.update(status=LeaderStatus.ACTIVE, chosen_by=Chooser.PERSON)
    assert review(now=NOW) == {}


def test_whoever_was_heard_or_chosen_lately_is_not_silent() -> None:
    leader(by=Chooser.SCOUT, days=10)
    factories.make_signal(received_at=NOW - timedelta(days=1))
    assert review(now=NOW) == {}
    Leader.objects.update(status_changed_at=NOW - timedelta(days=1))
    assert review(now=NOW) == {}
