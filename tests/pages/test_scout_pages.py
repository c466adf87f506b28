"""The pages of roster, wallet and runs: what they show, what they let people do, and what stays as it was."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import Entry
from scout.archive import Reading
from scout.models import RunState, ScoreState, ScoutRun
from tests import factories
from tests.factories import LEADER
from tests.scout.rosters import NOW, address, make_run
from wallets import services as wallets
from wallets.models import Chooser, CopyState, Leader, LeaderStatus

CURVE = [{"at": 1_790_000_000 + 3600 * hour, "pnl_lamports": hour * 10**8} for hour in range(5)]
BACKTEST = {
    "text": "+0.4 SOL over 5 copies",
    "curve": CURVE,
    "drawdown_lamports": 10**7,
    "refusals": {"LIQUIDITY_TOO_LOW": 3},
    "copies": [
        {
            "token": factories.MINT,
            "symbol": "BONK",
            "opened_at": 1_790_000_000,
            "closed_at": 1_790_003_600,
            "size_lamports": 5 * 10**8,
            "pnl_lamports": 10**8,
            "reason": "LEADER_SOLD",
        }
    ],
}


def scored(who: str = LEADER, **fields: Any) -> dict[str, Any]:
    return {
        "address": who,
        "skill": 2.5,
        "wqs": 71.3,
        "p_positive": 0.97,
        "copy_return": 0.03,
        "copy_return_error": 0.01,
        "archetype": "SWING",
        "status": "ACTIVE",
        "verdict": "PASSED",
        "reasons": ["skill 2.5: ACTIVE", "<script>alert(1)</script>"],
        "backtest": BACKTEST,
        "trades": 120,
        **fields,
    }


@pytest.fixture
def leader(db) -> Leader:
    return factories.make_leader(chosen_by=Chooser.SCOUT)


def text(client: Client, name: str, *args: Any, **query: str) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_roster_shows_place_scores_verdict_equity_and_our_own_copies(trader, leader) -> None:
    make_run(scored())
    factories.make_closed_position(pnl_lamports=factories.sol("0.05"))
    page = text(trader, "roster")
    for shown in ("Ada", "ACTIVE", "2.50", "71.3", "97", "passed", "+20.0", 'class="spark gain"'):
        assert shown in page, shown
    assert 'class="whisker"' in page


def test_an_older_score_gives_way_to_the_newest(trader, leader) -> None:
    make_run(scored(skill=9.75))
    make_run(scored(skill=2.5))
    page = text(trader, "roster")
    assert "2.50" in page
    assert "9.75" not in page


def test_the_roster_is_filtered_searched_and_sorted(trader, leader) -> None:
    other = factories.make_leader(
        address(), name="Zed", status="REJECTED", strategy="SPEAR", label="SCALPER"
    )
    make_run(scored(skill=1.0), scored(other.address, skill=5.0))
    assert "Zed" not in text(trader, "roster", status="ACTIVE")
    assert "Ada" not in text(trader, "roster", strategy="SPEAR")
    assert "Ada" not in text(trader, "roster", archetype="SCALPER")
    assert "Ada" not in text(trader, "roster", words="zed")
    assert "Nobody fits" in text(trader, "roster", words="nobody at all")
    by_place, by_skill = text(trader, "roster"), text(trader, "roster", sort="skill")
    assert by_place.index(">Ada<") < by_place.index(">Zed<")
    assert by_skill.index(">Zed<") < by_skill.index(">Ada<")


def test_an_empty_roster_says_what_to_do_next(trader) -> None:
    assert "Nobody is followed yet" in text(trader, "roster")
    assert "has not looked at anybody" in text(trader, "scout_runs")


def test_a_wallets_page_tells_its_whole_story_and_runs_no_foreign_script(trader, leader) -> None:
    wallets.promote(LEADER, actor="ada", reason="I know her", now=NOW)
    make_run(
        scored(owner=LEADER, owner_evidence=["trades within 10 s"]), scored(address(), owner=LEADER)
    )
    Reading.objects.create(address=LEADER, listed=12, failed=1, lost=2, read_at=NOW)
    page = text(trader, "wallet", LEADER)
    for shown in (
        "+0.4 SOL over 5 copies",
        "BONK",
        "leader sold",
        "3 × liquidity too low",
        "trades within 10 s",
        "I know her",
        "by hand",
        "12 transactions listed",
        "&lt;script&gt;",
    ):
        assert shown in page, shown
    assert "<script>alert" not in page


def test_a_wallet_whose_reading_failed_says_why(trader, leader) -> None:
    make_run({"address": LEADER, "state": ScoreState.FAILED, "text": "nobody answers"})
    assert "nobody answers" in text(trader, "wallet", LEADER)


def test_a_wallet_nobody_has_met_is_not_found(trader) -> None:
    assert trader.get(reverse("wallet", args=[address()])).status_code == 404
    assert trader.get(reverse("wallet", args=["x" * 200])).status_code == 404


def test_a_run_shows_progress_results_and_failures(trader, leader) -> None:
    run = make_run(
        scored(),
        {"address": address(), "state": ScoreState.FAILED, "text": "history is gone"},
        {"address": address(), "state": ScoreState.WAITING},
        state=RunState.RUNNING,
    )
    page = text(trader, "scout_run", run.pk)
    assert 'aria-valuenow="60"' in page
    assert 'hx-trigger="every 1s"' in page
    assert "history is gone" in page
    assert "Ada" in page
    assert "End the run" in page
    ScoutRun.objects.update(state=RunState.FINISHED)
    assert 'hx-trigger="every 1s"' not in text(trader, "scout_run", run.pk)


def act(client: Client, name: str, **data: Any) -> Any:
    return client.post(reverse("change_leaders", args=[name]), data)


def test_staff_promote_for_hours_with_a_reason(staff, leader) -> None:
    before = timezone.now()
    answer = act(staff, "promote", address=LEADER, reason="steady", ttl_hours="6")
    assert answer["Location"] == reverse("wallet", args=[LEADER])
    leader.refresh_from_db()
    assert leader.chosen_by == Chooser.PERSON
    assert timedelta(hours=6) <= leader.active_until - before < timedelta(hours=6, minutes=1)
    assert Entry.objects.get().reason == "steady"


@pytest.mark.parametrize("hours", ["0", "-1", "many", "999999999"])
def test_hours_that_are_none_are_named_and_nothing_changes(staff, leader, hours) -> None:
    answer = act(staff, "promote", address=LEADER, reason="steady", ttl_hours=hours)
    assert answer.status_code == 422
    assert 'id="ttl-error"' in answer.content.decode()
    leader.refresh_from_db()
    assert leader.chosen_by == Chooser.SCOUT


def test_an_act_without_a_reason_asks_for_one(staff, leader) -> None:
    answer = act(staff, "demote", address=LEADER, reason="")
    assert answer.status_code == 422
    assert Leader.objects.get().status == LeaderStatus.ACTIVE


def test_many_are_changed_at_once_and_one_that_cannot_be_stops_no_other(staff, leader) -> None:
    off = factories.make_leader(address(), name="Off", copy_state=CopyState.OFF)
    page = staff.get(reverse("change_leaders", args=["mute"]), {"address": [LEADER, off.address]})
    assert "2 leaders" in page.content.decode()
    act(staff, "mute", address=[LEADER, off.address], reason="too loud")
    assert Leader.objects.get(pk=LEADER).copy_state == CopyState.CLOSES_ONLY
    assert Leader.objects.get(pk=off.pk).copy_state == CopyState.OFF
    assert "OFF" in text(staff, "roster")


def test_an_act_upon_nobody_or_an_unknown_act_is_refused(staff, leader) -> None:
    assert act(staff, "promote", reason="steady")["Location"] == reverse("roster")
    assert act(staff, "praise", address=LEADER, reason="steady").status_code == 404


def test_traders_see_and_change_nothing(trader, leader) -> None:
    assert act(trader, "demote", address=LEADER, reason="because").status_code == 403
    assert Leader.objects.get().status == LeaderStatus.ACTIVE


def test_a_run_that_cannot_begin_says_why(staff) -> None:
    answer = staff.post(reverse("begin_run"), {"reason": "curious"}, follow=True)
    assert "nobody to look at" in answer.content.decode()


def test_staff_end_a_run_with_a_reason(staff, leader) -> None:
    run = make_run(state=RunState.RUNNING)
    staff.post(reverse("end_run", args=[run.pk]), {"reason": "too long"})
    run.refresh_from_db()
    assert (run.state, run.text) == (RunState.FAILED, "ended by admin: too long")
