"""`scout score`: from a CSV to a CSV, without any database."""

import io
from pathlib import Path

import pandas as pd
import pytest
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from .populace import AS_OF, population
from .swaps import as_csv, swaps

COLUMNS = "wallet,n_trades,wqs,skill,skill_p_positive,expected_copy_return,archetype,status,reasons"


def run(trades: Path, out: Path, *options: str) -> tuple[int, str, str]:
    said, complained = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit) as end:
        call_command(
            "scout", "score", str(trades), "--as-of", str(AS_OF), "--out", str(out), *options,
            stdout=said, stderr=complained,
        )  # fmt: skip
    return int(end.value.code or 0), said.getvalue(), complained.getvalue()


@pytest.fixture(autouse=True)
def _no_database(django_db_blocker: DjangoDbBlocker):
    with django_db_blocker.block():
        yield


@pytest.fixture(scope="module")
def trades(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scout") / "swaps.csv"
    path.write_bytes(as_csv(population(skilled=2, plain=6)).getvalue())
    return path


def test_a_file_of_trades_becomes_a_file_of_scores(trades: Path, tmp_path: Path):
    out = tmp_path / "scores.csv"
    status, said, complained = run(trades, out)
    assert (status, complained) == (0, "")
    assert said.startswith("8 wallets: ")
    assert out.read_text().splitlines()[0] == COLUMNS
    assert pd.read_csv(out)["skill"].notna().all()


def test_the_same_input_gives_the_same_bytes(trades: Path, tmp_path: Path):
    run(trades, tmp_path / "a.csv")
    lines = trades.read_text().splitlines()
    turned = tmp_path / "turned.csv"
    turned.write_text("\n".join([lines[0], *reversed(lines[1:])]))
    run(turned, tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_all_figures_can_be_had(trades: Path, tmp_path: Path):
    run(trades, tmp_path / "a.csv", "--figures")
    figures = pd.read_csv(tmp_path / "a.csv")
    assert {"q_value", "drawdown_pct", "largest_win_share", "evidence"} <= set(figures)


def test_bad_rows_are_named_and_nothing_is_written(tmp_path: Path):
    bad = tmp_path / "bad.csv"
    bad.write_bytes(as_csv(swaps({}, {"side": "HODL"})).getvalue())
    status, _, complained = run(bad, tmp_path / "out.csv")
    assert status == 1
    assert "line 3: side: BUY or SELL, not 'HODL'" in complained
    assert not (tmp_path / "out.csv").exists()
    status, said, complained = run(bad, tmp_path / "out.csv", "--lenient")
    assert status == 0
    assert "left out, line 3" in complained
    assert said.startswith("1 wallets")


def test_missing_columns_are_said(tmp_path: Path):
    poor = tmp_path / "poor.csv"
    poor.write_bytes(
        as_csv(population(skilled=1, plain=2), without=("price_after_sol", "dex")).getvalue()
    )
    status, _, complained = run(poor, tmp_path / "out.csv")
    assert status == 0
    assert "without dex, price_after_sol: assumptions stand in" in complained


def test_an_output_that_cannot_be_written_is_named(trades: Path, tmp_path: Path):
    status, _, complained = run(trades, tmp_path / "absent" / "out.csv")
    assert status == 1
    assert "out.csv: Cannot save file into a non-existent directory" in complained


def test_nothing_known_then_is_said(trades: Path, tmp_path: Path):
    status, _, complained = run(trades, tmp_path / "out.csv", "--as-of", "2020-01-01")
    assert status == 1
    assert "all are later" in complained


def test_a_moment_that_is_none_is_refused(trades: Path, tmp_path: Path, capsys):
    with pytest.raises(Exception, match="neither unix seconds nor an ISO date: 'soon'"):
        run(trades, tmp_path / "out.csv", "--as-of", "soon")
