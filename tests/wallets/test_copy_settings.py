"""Copy settings change by one verb, validated as a whole, every change on record."""

from datetime import time
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from audit.models import Entry
from tests import factories
from tests.factories import LEADER, MINT
from wallets import services as roster
from wallets.models import CopyState, Leader

pytestmark = pytest.mark.usefixtures("database")
SOL = 10**9
WHO = {"actor": "ada", "reason": "steady hands", "now": timezone.now()}


def configure(**settings: Any) -> Leader:
    roster.configure(LEADER, settings, **WHO)
    return Leader.objects.get(address=LEADER)


def test_only_what_changes_is_stored_and_goes_on_record() -> None:
    factories.make_leader()
    leader = configure(
        copy_state="CLOSES_ONLY",
        size_mode="FIXED",
        size_lamports=SOL,
        hours_from=time(9),
        hours_to=time(17),
        follow_bps=10_000,
    )
    assert (leader.copy_state, leader.size_lamports, leader.hours_to) == (
        "CLOSES_ONLY",
        SOL,
        time(17),
    )
    entry = Entry.objects.get()
    assert (entry.action, entry.target, entry.actor) == ("leader.configured", LEADER, "ada")
    assert entry.after == {
        "copy_state": "CLOSES_ONLY",
        "size_mode": "FIXED",
        "size_lamports": SOL,
        "hours_from": "09:00:00",
        "hours_to": "17:00:00",
    }
    assert entry.before["size_lamports"] is None


def test_what_stays_the_same_leaves_no_entry() -> None:
    factories.make_leader(follow_bps=5_000)
    configure(follow_bps=5_000, copy_state="ON")
    assert not Entry.objects.exists()


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"size_mode": "FIXED"}, {"size_lamports"}),
        ({"size_mode": "PERCENT_OF_CAPITAL", "size_bps": 10_001}, {"size_bps"}),
        ({"size_bps": 0}, {"size_bps"}),
        ({"size_mode": "QUALITY"}, {"size_lamports"}),
        ({"size_mode": "KELLY"}, {"size_mode"}),
        (
            {"minimum_size_lamports": 2, "maximum_size_lamports": 1},
            {"minimum_size_lamports"},
        ),
        (
            {"minimum_leader_trade_lamports": 2, "maximum_leader_trade_lamports": 1},
            {"minimum_leader_trade_lamports"},
        ),
        ({"maximum_buys_per_token": 0}, {"maximum_buys_per_token"}),
        ({"daily_cap_lamports": -1}, {"daily_cap_lamports"}),
        ({"hours_from": time(9)}, {"hours_to"}),
        ({"hours_from": time(9), "hours_to": time(9)}, {"hours_to"}),
        ({"hours_zone": "Nowhere/Else"}, {"hours_zone"}),
        ({"allowed_mints": ["bonk"]}, {"allowed_mints"}),
        ({"blocked_mints": MINT}, {"blocked_mints"}),
        ({"blocked_mints": [7]}, {"blocked_mints"}),
        ({"allowed_mints": [MINT] * 501}, {"allowed_mints"}),
        ({"follow_bps": 10_001}, {"follow_bps"}),
        ({"slippage_bps": 0}, {"slippage_bps"}),
        ({"tip_lamports": 0}, {"tip_lamports"}),
        ({"status": "ACTIVE"}, {"status"}),
    ],
)
def test_settings_that_contradict_themselves_are_refused_by_name(
    settings: dict[str, Any], names: set[str]
) -> None:
    factories.make_leader()
    before = Leader.objects.values().get()
    with pytest.raises(roster.SettingsInvalid) as refusal:
        configure(**settings)
    assert refusal.value.errors.keys() == names
    assert Leader.objects.values().get() == before
    assert not Entry.objects.exists()


def test_a_stranger_cannot_be_configured() -> None:
    with pytest.raises(roster.UnableToChangeRoster):
        configure(copy_state="OFF")


@pytest.mark.parametrize("verb", [roster.mute, roster.unmute])
def test_a_leader_who_is_off_is_neither_muted_nor_heard_by_the_way(verb: Any) -> None:
    factories.make_leader(copy_state=CopyState.OFF)
    with pytest.raises(roster.UnableToChangeRoster, match="is OFF"):
        verb(LEADER, **WHO)
    assert Leader.objects.get().copy_state == CopyState.OFF


def test_a_leader_muted_before_states_existed_closes_only_and_the_other_way_round() -> None:
    factories.make_leader(copy_state=CopyState.CLOSES_ONLY)
    heard = factories.make_leader(factories.address())
    call_command("migrate", "wallets", "0001", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT address FROM wallets_leader WHERE is_muted")
        assert cursor.fetchall() == [(LEADER,)]
    call_command("migrate", "wallets", verbosity=0)
    states = dict(Leader.objects.values_list("address", "copy_state"))
    assert states == {LEADER: CopyState.CLOSES_ONLY, heard.address: CopyState.ON}
