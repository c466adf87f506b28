"""The pages that tell one signal's or one position's whole story."""

from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.factories import (
    make_closed_position,
    make_decision,
    make_delivery,
    make_position,
    make_signal,
    make_submission,
    signature,
    sol,
)
from trading.models import Hearing, LeaderLeg, LeaderTrade

pytestmark = pytest.mark.django_db


def read(client, name, uuid):
    text = client.get(reverse(name, args=[uuid])).content.decode()
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_a_denied_signal_shows_each_gate_with_value_and_limit(trader):
    signal = make_signal(status="REJECTED", code="LIQUIDITY_TOO_LOW", text="too shallow")
    make_decision(
        signal,
        code="LIQUIDITY_TOO_LOW",
        gates=[
            {"code": "STALE_SIGNAL", "measured": "1.0 s", "limit": "30 s", "is_passed": True},
            {
                "code": "LIQUIDITY_TOO_LOW",
                "measured": "$6,120",
                "limit": "$10,000",
                "is_passed": False,
            },
        ],
    )
    text = read(trader, "signal", signal.uuid)
    assert "$6,120" in text
    assert "$10,000" in text
    assert text.index("stale signal") < text.index("$6,120")
    assert "Nothing was signed for this signal." in text


def test_a_bought_signal_links_to_its_position_and_shows_the_transaction(trader):
    position = make_position()
    text = read(trader, "signal", position.signal_id)
    assert reverse("position", args=[position.uuid]) in text
    assert position.submissions.get().signature in text
    assert "0.250000000" in text


def test_the_delivery_and_its_body_are_part_of_the_story(trader):
    signal = make_signal()
    make_delivery(signal, body='{"token":"<i>BONK</i>"}')
    text = read(trader, "signal", signal.uuid)
    assert "from sandbox: 202 accepted" in text
    assert "&lt;i&gt;BONK&lt;/i&gt;" in text


def test_a_story_still_going_on_refreshes_itself_and_a_finished_one_does_not(trader):
    waiting = read(trader, "signal", make_signal().uuid)
    finished = read(trader, "signal", make_signal(status="SKIPPED", code="NO_POSITION").uuid)
    assert 'hx-trigger="every 1s"' in waiting
    assert "hx-trigger" not in finished


def test_what_was_set_aside_undecided_is_not_said_to_wait_for_a_decision(trader):
    waiting = make_signal(status="EXECUTING")
    assert "Not decided yet" in read(trader, "signal", waiting.uuid)
    ended = make_signal(status="DEAD_LETTER", code="WORK_FAILED", text="it broke our code")
    page = read(trader, "signal", ended.uuid)
    assert "It ended before anything was decided" in page
    assert "Not decided yet" not in page


def test_an_expired_transaction_is_shown_beside_the_one_that_landed(trader):
    signal = make_signal(status="COMPLETED")
    make_submission(signal, status="EXPIRED", slot=None, error="block height passed")
    make_submission(signal)
    text = read(trader, "signal", signal.uuid)
    assert "block height passed" in text
    assert ">landed<" in text


def test_a_closed_position_shows_its_result_fills_and_exit(trader):
    position = make_closed_position(pnl_lamports=sol("0.0123"), exit_reason="TRAILING_STOP")
    text = read(trader, "position", position.uuid)
    assert "+0.012300000 SOL" in text
    assert "+4.92 %" in text
    assert "trailing stop" in text
    assert text.count("<tr>") >= 4
    assert "Close position" not in text


def test_a_leaders_sell_that_names_no_position_is_part_of_the_story_of_what_it_sold(trader):
    position = make_closed_position(pnl_lamports=sol("0.01"))
    [selling] = position.exit_signals.all()
    position.exit_signals.update(position=None, exit_reason="")
    link = f'href="{reverse("signal", args=[selling.uuid])}"'
    assert link in read(trader, "position", position.uuid)
    assert f'href="{reverse("position", args=[position.uuid])}"' in read(
        trader, "signal", selling.uuid
    )


def test_an_open_position_offers_to_close_it(trader):
    position = make_position(gain="0.3", peak="0.4")
    text = read(trader, "position", position.uuid)
    assert reverse("close_position", args=[position.uuid]) in text
    assert "Trailing stop" in text


@pytest.mark.parametrize("name", ["signal", "position", "close_position"])
def test_an_unknown_uuid_is_not_found(trader, name):
    assert trader.get(reverse(name, args=[uuid4()])).status_code == 404


def test_a_position_shows_its_lots_its_liquidity_and_what_is_gone(trader):
    position = make_position(
        entry_liquidity_usd=48_211, liquidity_left_bps=4_200, chain_raw=400_000_000_000
    )
    text = read(trader, "position", position.uuid)
    assert "first in, first out" in text
    assert "of $48,211 at entry" in text
    assert "42" in text.split('id="liquidity"')[1][:60]
    assert "600,000 of it are gone" in text
    closed = make_closed_position(pnl_lamports=sol("0.1"), mint="other", symbol="WIF")
    text = read(trader, "position", closed.uuid)
    assert "sold" in text.split('id="lots"')[1]
    assert "are gone" not in text


def test_who_told_of_the_leaders_trade_is_part_of_the_story(trader, staff):
    signal = make_signal(source="helius")
    now = timezone.now()
    trade = LeaderTrade.objects.create(
        leader_address=signal.leader_address, signature=signature(), first_heard_at=now
    )
    LeaderLeg.objects.create(
        trade=trade,
        action=signal.action,
        mint=signal.mint,
        amount_raw=1,
        decimals=5,
        signal=signal,
        decided_at=now,
    )
    for source in ("helius", "watcher"):
        Hearing.objects.create(trade=trade, source=source, heard_at=now)
    Hearing.objects.create(trade=trade, source="somebody who did not", how="lost")
    page = reverse("admin:trading_leadertrade_change", args=[trade.pk])
    text = read(trader, "signal", signal.uuid)
    assert "Heard from" in text
    assert text.index("helius") < text.index("watcher")
    assert "somebody who did not" not in text
    assert page not in text
    assert page in read(staff, "signal", signal.uuid)
    shown = staff.get(page).content.decode()
    assert "somebody who did not" in shown
    listed = staff.get(reverse("admin:trading_leadertrade_changelist")).content.decode()
    assert reverse("signal", args=[signal.uuid]) in listed
