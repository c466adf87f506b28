"""The same judgements over replies that the live services gave: what we take them for is what they are."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from trading.domain.values import WSOL_MINT
from trading.gateways.base import InvalidReply
from trading.probe import judges
from trading.probe.asking import Answer
from trading.probe.findings import Finding, Judgement, Outcome, Report, Verdict
from trading.probe.nodes import BONK, clock

SHARED = Path(__file__).resolve().parents[3] / "shared" / "mainnet"
MAY = datetime(2026, 5, 16, 3, 36, tzinfo=UTC)
AICRYNODE = "PD11M8MB8qQUAiWzyEK4JwfS8rt7Set6av6a5JYpump"
RECORDED: list[tuple[str, Callable[[Any], Judgement]]] = [
    ("jito/getTipAccounts_result.json", judges.tip_accounts),
    ("jito/getInflightBundleStatuses_result.json", judges.bundle_status),
    ("jito/tip_floor_2026-05-16.json", partial(judges.tip_floor, now=MAY)),
    ("jupiter/price_v3_bonk_sol.json", partial(judges.prices, mints=[WSOL_MINT, BONK])),
    ("jupiter/price_v3_8ad285d3.json", partial(judges.prices, mints=[WSOL_MINT])),
    ("jupiter/quote_bonk_sol_430544450.json", judges.quote),
    ("jupiter/quote_sol_bonk_430544450.json", judges.quote),
    ("jupiter/quote_So11_EPjF_11b3f47f.json", judges.quote),
    ("dexscreener/tokens_BONK.json", partial(judges.pairs, mint=BONK)),
    ("dexscreener/pairs_AICRYNODE.json", partial(judges.pairs, mint=AICRYNODE)),
    ("dexscreener/pairs_SOL_fdf973e5.json", partial(judges.pairs, mint=WSOL_MINT)),
    ("accounts/rpc/getTokenSupply_BONK.json", judges.supply),
    ("accounts/rpc/getTokenLargestAccounts_docs.json", judges.largest_accounts),
]


def load(name: str) -> Any:
    if not SHARED.is_dir():
        pytest.skip("the recorded mainnet replies are not beside this checkout")
    return json.loads((SHARED / name).read_text())


@pytest.mark.parametrize(("name", "judge"), RECORDED, ids=[name for name, _ in RECORDED])
def test_a_recorded_reply_is_fine(name: str, judge: Callable[[Any], Judgement]) -> None:
    reply = load(name)
    if isinstance(reply, dict) and "jsonrpc" in reply:
        reply = reply["result"]
    assert judge(reply).verdict is Verdict.FINE


def test_a_recorded_push_of_logs_is_what_we_take_it_for() -> None:
    load("jito/getTipAccounts_result.json")
    lines = (SHARED / "streams" / "logsSubscribe_pumpfun.jsonl").read_text().splitlines()
    first, *pushes = [json.loads(json.loads(line)["raw"]) for line in lines if line.strip()]
    assert judges.subscription(first).verdict is Verdict.FINE
    assert pushes
    for push in pushes:
        assert judges.logs_notification(push).verdict is Verdict.FINE


def test_an_old_tip_floor_and_one_of_another_shape_are_told() -> None:
    floor = load("jito/tip_floor_2026-05-16.json")
    later = datetime(2026, 11, 22, tzinfo=UTC)
    assert judges.tip_floor(floor, now=later).verdict is Verdict.WARNING
    with pytest.raises(InvalidReply):
        judges.tip_floor(load("jito/getTipAccounts_result.json"), now=MAY)


def test_a_recorded_quote_of_another_kind_is_not_what_was_agreed() -> None:
    with pytest.raises(InvalidReply):
        judges.quote(load("jupiter/quote_mSoL_EPjF_072c27d5.json"))
    with pytest.raises(InvalidReply):
        judges.quote(load("jupiter/price_v3_bonk_sol.json"))


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(0.9, Verdict.FINE), (-2.4, Verdict.FINE), (5.0, Verdict.WARNING), (-60.0, Verdict.BROKEN)],
)
def test_a_clock_is_judged_by_what_the_other_sides_can_tell(
    seconds: float, verdict: Verdict
) -> None:
    answers = [
        Answer(value=None, milliseconds=ms, status=200, headers={}, drift_seconds=drift)
        for ms, drift in ((900, 99.0), (100, seconds), (50, None))
    ]
    [found] = clock("rpc", answers)
    assert found.verdict is verdict
    assert clock("rpc", answers[2:]) == []


@pytest.mark.parametrize(
    ("slots", "verdict"),
    [(4, Verdict.FINE), (3, Verdict.FINE), (1, Verdict.WARNING), (0, Verdict.BROKEN)],
)
def test_slots_are_judged_by_how_long_they_take(slots: int, verdict: Verdict) -> None:
    assert judges.slot_time(slots=slots, seconds=1.0).verdict is verdict


@pytest.mark.parametrize(
    ("verdicts", "outcome"),
    [
        ([], Outcome.FINE),
        ([Verdict.FINE], Outcome.FINE),
        ([Verdict.FINE, Verdict.WARNING], Outcome.WARNINGS),
        ([Verdict.WARNING, Verdict.BROKEN], Outcome.BROKEN),
    ],
)
def test_the_worst_row_decides(verdicts: list[Verdict], outcome: Outcome) -> None:
    rows = [Finding(endpoint="e", check="c", verdict=each, measured="m") for each in verdicts]
    assert Report(findings=rows).outcome is outcome
    assert Report(findings=rows).as_lines()[-1].endswith("broken")
