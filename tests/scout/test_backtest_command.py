"""`manage.py scout backtest`: verdict, trades and curve of a file of swaps, without a database."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from scout.research.curve import Point, as_svg, as_text, curve_of, drawdown_lamports
from trading.domain.policy import Policy, as_json

from .swaps import as_csv, swaps
from .test_backtest_verdicts import good


@pytest.fixture
def trades(tmp_path: Path) -> Path:
    rows = [row for each in good(5) for row in each]
    return written(tmp_path / "swaps.csv", rows)


def written(path: Path, rows: list[dict]) -> Path:
    path.write_bytes(as_csv(swaps(*rows)).getvalue())
    return path


def run(*arguments: object) -> str:
    """What the command prints; its exit status is 0."""
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("scout", "backtest", *map(str, arguments), stdout=out, stderr=out)
    assert ended.value.code == 0
    return out.getvalue()


def test_one_wallet_is_told_in_full(trades):
    text = run(trades, "--wallet", "W1")
    assert text.startswith("W1: PASSED\n")
    assert "5 chances, 0 refused, 5 copied" in text
    assert text.count("LEADER_SOLD") == 5
    assert "pool fee" in text


def test_all_wallets_are_a_table_with_a_count_of_verdicts(trades):
    text = run(trades)
    assert "W1" in text
    assert text.rstrip().endswith("1 PASSED")


def test_json_is_all_there_is_when_asked_for_and_the_same_every_time(trades):
    first = run(trades, "--wallet", "W1", "--json")
    assert first == run(trades, "--wallet", "W1", "--json")
    result = json.loads(first)
    assert result["curve"][-1]["pnl_lamports"] == result["pnl_lamports"] > 0
    assert [row["verdict"] for row in json.loads(run(trades, "--json"))] == ["PASSED"]


def test_files_are_written_where_asked(trades, tmp_path):
    run(trades, "--wallet", "W1", "--out", tmp_path / "out")
    run(trades, "--out", tmp_path / "out")
    assert json.loads((tmp_path / "out" / "W1.json").read_text())["verdict"] == "PASSED"
    assert (tmp_path / "out" / "W1.svg").read_text().startswith("<svg")
    assert "PASSED" in (tmp_path / "out" / "backtests.csv").read_text()


def test_a_policy_file_decides(trades, tmp_path):
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(as_json(Policy(maximum_trade_lamports=200_000_000))))
    text = run(trades, "--wallet", "W1", "--policy", policy, "--json")
    assert {copy["size_lamports"] for copy in json.loads(text)["copies"]} == {200_000_000}


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["--wallet", "NOBODY"], "NOBODY has no swap"),
        (["--size-sol", "much"], "--size-sol"),
        (["--size-sol", "0"], "--size-sol"),
        (["--size-sol", "-1"], "--size-sol"),
        (["--size-sol", "NaN"], "--size-sol"),
        (["--sol-usd", "-5"], "--sol-usd"),
        (["--as-of", "1"], "later moment"),
        (["--policy", "/nowhere"], "/nowhere"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_remedy(trades, arguments, answer):
    with pytest.raises(CommandError, match=answer):
        call_command("scout", "backtest", str(trades), *arguments)


def test_a_policy_that_contradicts_itself_is_refused_by_its_field(trades, tmp_path):
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(as_json(Policy(maximum_attempts=0))))
    with pytest.raises(CommandError, match="maximum_attempts"):
        call_command("scout", "backtest", str(trades), "--policy", str(policy))


def test_bad_rows_stop_everything_or_are_named_and_left_out(tmp_path):
    rows = [row for each in good(5) for row in each]
    path = written(tmp_path / "swaps.csv", [*rows, {"wallet": "W2", "sol_amount": "lots"}])
    with pytest.raises(CommandError, match="line 12"):
        call_command("scout", "backtest", str(path))
    assert "left out, line 12" in run(path, "--lenient")


def test_what_tokens_csv_tells_marks_what_is_open(tmp_path):
    path = written(tmp_path / "swaps.csv", [{"liquidity_usd": 1e9, "token": "TOK"}])
    (tmp_path / "tokens.csv").write_text(
        "token,created_ts,price_sol_asof,liquidity_usd_asof\nTOK,1780000000,0.0011,1000000000\n"
    )
    (tmp_path / "meta.json").write_text('{"as_of": 1790000600}')
    result = json.loads(run(path, "--wallet", "W1", "--as-of", "1790000600", "--json"))
    assert result["copies"][0]["sales"][0]["price_sol"] == 0.0011
    early = json.loads(run(path, "--wallet", "W1", "--as-of", "1790000500", "--json"))
    assert early["copies"][0]["sales"][0]["price_sol"] == 0.001


def test_the_curve_adds_up_by_moment_and_its_fall_is_measured_from_the_start_too():
    points = curve_of([(20, 5), (10, -3), (20, 1)])
    assert points == (Point(at=10, pnl_lamports=-3), Point(at=20, pnl_lamports=3))
    assert drawdown_lamports(points) == 3
    assert drawdown_lamports(curve_of([(1, 5), (2, -7), (3, 1)])) == 7
    assert as_text(points) == "▄▁█"
    assert len(as_text(curve_of([(n, 1) for n in range(1_000)]))) == 72
    assert "&lt;b&gt;" in as_svg(points, title="<b>")
    assert as_svg((), title="nothing").startswith("<svg")


def test_walking_forward_tells_what_was_followed_and_judges_what_came_after(tmp_path):
    rows = [row for each in good(30) for row in each]
    path = written(tmp_path / "swaps.csv", rows)
    text = run(path, "--walk-forward", "--wallet", "W1")
    assert "SHIELD, SHIELD, SHIELD" in text
    assert "PASSED" in text
    (row,) = json.loads(run(path, "--walk-forward", "--json"))
    assert row["copies"] == 15
    with pytest.raises(CommandError, match="NOBODY"):
        call_command("scout", "backtest", str(path), "--walk-forward", "--wallet", "NOBODY")
