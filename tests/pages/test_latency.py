"""The Latency page, and who may read the metrics behind it."""

import json

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from tests.factories import make_user
from trading import metrics
from trading.benchmark import last_bench
from trading.domain.values import Action
from trading.latency import BAR_SECONDS, lanes
from trading.metrics import Stage
from trading.timings import Timings, read

BENCH = {
    "internal_latency_ms": {"100/s": {"p50": 0.71, "p90": 1.1, "p99": 1.94, "p999": 3}},
    "accepted_per_s": 5120.4,
    "lost": 0,
    "floor": {"p99": 0.8},
    "machine": {"cores": 2, "load": 0.31},
}


def render(minute: Timings, whole: Timings, **context: object) -> str:
    return render_to_string(
        "trading/_latency.html",
        {"lanes": lanes(minute, whole), "bar_seconds": BAR_SECONDS, **context},
    )


@pytest.fixture
def measured() -> Timings:
    """One buy of 1.2 ms and one of 30 ms, each with 50 ms of waiting."""
    before = read()
    for own in (0.0012, 0.03):
        metrics.observe_stage(Stage.COMMITTED, Action.BUY, seconds=0.0004)
        metrics.observe_stage(Stage.CLAIMED, Action.BUY, seconds=0.0006)
        metrics.observe_stage(Stage.DECIDED, Action.BUY, seconds=own - 0.0006)
        metrics.observe_first_byte(Action.BUY, total_seconds=own + 0.05, waited_seconds=0.05)
    return read().since(before)


@pytest.mark.django_db
def test_the_page_is_whole_after_a_plain_reload(measured):
    client = Client()
    client.force_login(make_user())
    page = client.get(reverse("latency")).content.decode()
    for text in ('ws-connect="/ws/live/latency/"', "Buys:", "Sells:", "Last benchmark", "decided"):
        assert text in page
    assert 'aria-current="page">Latency' in page


def test_an_empty_page_says_what_to_do_next():
    nothing = Timings(found={})
    page = render(nothing, nothing)
    for text in (
        "No buy has been sent",
        "/api/v1/webhook",
        "make journey",
        "No sell",
        "make bench",
    ):
        assert text in page
    assert "<table" not in page


def test_signals_that_were_all_denied_are_told_where_to_ask_why():
    before = read()
    metrics.observe_stage(Stage.CLAIMED, Action.BUY, seconds=0.001)
    page = render(Timings(found={}), read().since(before))
    assert "1 came in and went no further" in page


def test_signals_that_end_where_they_are_claimed_are_told_too():
    before = read()
    metrics.observe_stage(Stage.COMMITTED, Action.BUY, seconds=0.001)
    page = render(Timings(found={}), read().since(before))
    assert "1 came in and went no further" in page


def test_storing_what_went_no_further_is_not_taken_off_the_stage_behind_it():
    before = read()
    for _ in range(10):
        metrics.observe_stage(Stage.COMMITTED, Action.BUY, seconds=0.004)
    metrics.observe_stage(Stage.CLAIMED, Action.BUY, seconds=0.006)
    metrics.observe_first_byte(Action.BUY, total_seconds=0.006, waited_seconds=0)
    whole = read().since(before)
    [buys, _] = lanes(whole, whole)
    assert {each.name: round(each.seconds, 4) for each in buys.segments} == {
        "committed": 0.004,
        "claimed": 0.002,
    }


def test_the_bar_is_judged_by_what_was_counted_and_waiting_stands_apart(measured):
    [buys, sells] = lanes(measured, measured)
    assert buys.within_bar == 0.5
    assert not buys.is_met
    assert buys.internal.count == 2
    assert buys.waited.p50 <= 0.05
    assert [row.name for row in buys.rows[-2:]] == ["internal", "waiting"]
    assert [each.name for each in buys.segments] == ["committed", "claimed", "decided"]
    assert not sells.has_sent
    assert "decided" not in [row.name for row in sells.rows]


def test_without_anything_recent_the_pictures_show_everything(measured):
    [buys, _] = lanes(Timings(found={}), measured)
    assert not buys.is_recent
    assert buys.histogram.total == 2
    assert buys.rows[0].minute.count == 0
    assert "since the start" in render(Timings(found={}), measured)


def test_the_last_benchmark_is_told(tmp_path):
    path = tmp_path / "bench.json"
    path.write_text(json.dumps(BENCH))
    page = render(Timings(found={}), Timings(found={}), bench=last_bench(path))
    for text in ("100/s", "1.94", "5120 accepted", "0 lost", "cores 2"):
        assert text in page


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"internal_latency_ms": 7, "floor": [], "machine": null}', "\x00", "1"]
)
def test_a_benchmark_that_is_not_whole_does_no_harm(tmp_path, text):
    path = tmp_path / "bench.json"
    path.write_text(text)
    nothing = Timings(found={})
    assert "Last benchmark" in render(nothing, nothing, bench=last_bench(path))


def test_no_benchmark_yet_is_no_error(tmp_path):
    assert last_bench(tmp_path / "bench.json") is None


@pytest.mark.django_db
def test_prometheus_on_this_machine_gets_every_metric(measured):
    metrics.count_answer(status=202, code="")
    metrics.count_decision("ORDER")
    metrics.count_submission("BUY", "landed")
    answer = Client().get(reverse("metrics"))
    text = answer.content.decode()
    assert answer.status_code == 200
    for name in (
        'chimera_signal_stage_seconds_bucket{action="BUY",le="0.005",stage="decided"}',
        'chimera_signal_internal_seconds_count{action="BUY"}',
        'chimera_signal_waited_seconds_sum{action="BUY"}',
        'chimera_webhook_answers_total{code="accepted",status="202"}',
        'chimera_decisions_total{code="ORDER"}',
        'chimera_submissions_total{action="BUY",outcome="landed"}',
    ):
        assert name in text


@pytest.mark.parametrize(
    "extra",
    [
        {"REMOTE_ADDR": "203.0.113.7"},
        {"REMOTE_ADDR": "10.0.0.2"},
        {"headers": {"X-Forwarded-For": "203.0.113.7"}},
        {"headers": {"X-Real-IP": "127.0.0.1"}},
        {"headers": {"Forwarded": "for=127.0.0.1"}},
        {"headers": {"Via": "1.1 proxy"}},
    ],
)
def test_the_world_gets_no_metrics_not_even_through_a_proxy_on_this_machine(extra):
    answer = Client().get(reverse("metrics"), **extra)
    assert answer.status_code == 403
    assert b"chimera_" not in answer.content
