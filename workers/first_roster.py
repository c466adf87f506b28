"""The sandbox's first roster: Scout reads the days before the first visitor and says whom to follow.

Where there are hardly any days, as on the platforms that commands make for themselves, there is nothing to
read: then the cast's own places count as a person's choice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from scout.chain import open_chain, sol_price_usd
from scout.models import RosterMerge, RunState, ScoutRun
from scout.services import runs
from wallets import services as roster
from wallets.models import Chooser, Leader, LeaderStatus, LeaderStrategy

ACTOR = "set-up"
REASON = "first start"
ENOUGH_SECONDS = 7.5 * 86_400
"""Of market time: with less, everybody is FRESH, and nobody has a record that a score could rest upon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One of the cast. `has_key` is false for the README's example, which never trades by itself."""

    address: str
    name: str
    archetype: str
    strategy: str
    place: str

    @property
    def has_key(self) -> bool:
        return self.archetype != "example"


def first_roster(
    cast: Sequence[Member],
    *,
    history_seconds: float,
    clock: Callable[[], datetime],
    say: Callable[[str], None],
) -> None:
    """Follow the cast and place it; everything is done once, a start that was killed is made up for."""
    is_read = history_seconds >= ENOUGH_SECONDS
    _follow(cast, is_read=is_read, now=clock())
    is_waiting = Leader.objects.filter(chosen_by=Chooser.SCOUT).exists()
    if is_read and is_waiting and not RosterMerge.objects.exists():
        _scout([each.address for each in cast if each.has_key], clock=clock, say=say)


@transaction.atomic
def _follow(cast: Sequence[Member], *, is_read: bool, now: datetime) -> None:
    for each in cast:
        is_left_to_scout = is_read and each.has_key
        roster.follow(
            address=each.address,
            name=each.name,
            status=LeaderStatus.CANDIDATE if is_left_to_scout else LeaderStatus(each.place),
            strategy=LeaderStrategy(each.strategy),
            label="" if is_left_to_scout else each.archetype,
            actor=ACTOR,
            reason=REASON,
            now=now,
            by=Chooser.SCOUT if is_left_to_scout else Chooser.PERSON,
        )


def _scout(
    addresses: Sequence[str], *, clock: Callable[[], datetime], say: Callable[[str], None]
) -> None:
    for left in ScoutRun.objects.filter(state__in=(RunState.RUNNING, RunState.JUDGING)):
        runs.end(left.pk, reason="the platform was stopped", now=clock())
    say(f"Scout reads the histories of {len(addresses)} wallets")
    run = runs.begin(
        addresses, actor=ACTOR, parameters={"sol_price_usd": sol_price_usd()}, now=clock()
    )
    with open_chain() as chain:
        for address in addresses:
            runs.read(run.pk, address, chain=chain, now=clock())
    runs.finish(run.pk, now=clock())
    say(f"Scout: {ScoutRun.objects.get(pk=run.pk).text}")
