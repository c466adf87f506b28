"""What the Command Center says, on a plain load without any script."""

import html
import re
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories import (
    make_closed_position,
    make_decision,
    make_delivery,
    make_equity,
    make_heartbeats,
    make_leader,
    make_position,
    make_signal,
    make_submission,
    make_trading_state,
    sol,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(trader):
    """The page's text, with no-break spaces as plain ones."""
    return lambda: trader.get("/").content.decode().replace("\N{NO-BREAK SPACE}", " ")


def test_an_empty_platform_says_what_to_do_next(page, trading):
    text = page()
    assert "Nothing is held." in text
    assert "POST /api/v1/webhook" in text
    assert "Nothing closed yet." in text
    assert "The curve starts with the second valuation" in text


def test_a_missing_trading_state_reads_as_halted(page):
    assert "Entries halted" in page()


def test_a_halt_shows_who_and_why_and_that_exits_go_on(page):
    make_trading_state(entries_halted=True, reason="odd fills", actor="ada")
    text = page()
    assert "Entries are halted by ada" in text
    assert "odd fills. Exits go on." in text


def test_the_mode_is_on_the_page(page, trading, settings):
    settings.MODE = "live"
    assert 'class="mode mode-live"' in page()


def test_processes_are_late_after_15_seconds_and_gone_after_a_minute(page, trading):
    now = timezone.now()
    make_heartbeats(["executor"], beat_at=now)
    make_heartbeats(["watcher"], beat_at=now - timedelta(seconds=30))
    make_heartbeats(["worker"], beat_at=now - timedelta(minutes=5))
    text = page()
    for process, tone in (("executor", "ok"), ("watcher", "late"), ("worker", "gone")):
        before = text[: text.index(f">{process}<")]
        assert before[before.rindex('class="vital') :].startswith(f'class="vital {tone}"')
    assert "not seen" in text  # beat has never been alive


def test_of_several_executors_the_freshest_decides_and_the_fresh_ones_are_counted(page, trading):
    now = timezone.now()
    for seconds_ago in (1, 5, 40):
        make_heartbeats(["executor"], beat_at=now - timedelta(seconds=seconds_ago))
    text = page()
    [line] = [each for each in text.splitlines() if ">executor<" in each]
    assert 'class="vital ok"' in line
    assert ">×2<" in line


def test_an_open_position_shows_its_money_with_fees_and_tips(page, trading):
    make_leader(name="Ada")
    make_position(gain="0.10")
    text = page()
    assert "Ada" in text
    # 0.25 SOL at +10 % less 0.001 tip and 0.000005 fee
    assert "+0.0240" in text
    assert "+9.6 %" in text


def test_a_position_on_its_way_out_cannot_be_closed_again(page, trading):
    make_position(status="EXITING", exit_reason="HARD_STOP")
    text = page()
    assert "exiting" in text
    assert "/close/" not in text


def test_a_denied_signal_shows_its_code_and_its_reason(page, trading):
    signal = make_signal(status="REJECTED", code="STALE_SIGNAL", text="31 s old (limit 30 s)")
    make_decision(signal, code="STALE_SIGNAL")
    text = page()
    assert "<code>STALE_SIGNAL</code>" in text
    assert "31 s old (limit 30 s)" in text
    assert ">denied<" in text


def test_the_steps_of_a_copied_signal_are_timed(page, trading):
    signal = make_signal(status="COMPLETED")
    make_decision(signal, at=signal.received_at + timedelta(milliseconds=180))
    make_submission(signal, recorded_at=signal.received_at + timedelta(milliseconds=220))
    text = page()
    assert "decided <b>180 ms</b>" in text
    assert "sent <b>44 ms</b>" in text
    assert "landed <b>896 ms</b>" in text


def test_a_sell_without_decision_counts_from_its_arrival(page, trading):
    selling = make_signal(action="SELL", strategy="EXIT", status="COMPLETED")
    make_submission(selling)
    text = page()
    assert "decided" not in text
    assert "sent <b>224 ms</b>" in text
    assert ">sold<" in text


def test_requests_without_a_signal_are_counted_by_code(page, trading):
    for _ in range(3):
        make_delivery(None, code="duplicate_signal", answer="rejected", http_status=200)
    assert "3 × <code>duplicate_signal</code>" in page()


def test_sells_of_what_we_never_held_are_counted_and_not_listed(page, trading):
    for _ in range(2):
        make_signal(action="SELL", strategy="EXIT", symbol="NOTOURS", status="SKIPPED")
    text = page()
    assert "NOTOURS" not in text
    assert "2 sells of what we do not hold" in text


def test_totals_add_closed_and_open_positions(page, trading):
    make_equity([20, 21])
    make_closed_position(pnl_lamports=sol("0.05"))
    make_closed_position(pnl_lamports=-sol("0.02"))
    text = page()
    assert "21.0000" in text
    assert "$3,150.00" in text
    assert "+0.0300" in text
    assert "1 of 2 won" in text


def test_a_symbol_cannot_carry_markup(page, trading):
    make_signal(symbol="<script>x</script>", status="REJECTED", text="<b>no</b>")
    text = page()
    assert "<script>x" not in text
    assert "&lt;b&gt;no&lt;/b&gt;" in text


def test_the_page_costs_as_many_queries_for_ten_positions_as_for_one(
    trader, trading, django_assert_max_num_queries
):
    for index in range(10):
        make_position(symbol=f"T{index}")
        make_closed_position(pnl_lamports=index)
    make_equity([1, 2, 3])
    with django_assert_max_num_queries(32):
        trader.get("/")


def test_staff_are_led_to_what_the_door_turned_away(staff):
    make_trading_state()
    make_delivery(make_signal())
    refused = make_delivery(None, http_status=503, answer="rejected", code="queue_full")
    page = staff.get("/").content.decode()
    link = re.search(r'href="(/admin/trading/delivery/[^"]*)"', page)
    assert link is not None
    assert list(staff.get(html.unescape(link[1])).context["cl"].result_list) == [refused]
