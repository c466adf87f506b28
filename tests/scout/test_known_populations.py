"""A population with known truth: the score finds who is worth copying, the labels who is not.

Only where the generator lies beside the repository; its data are made here and not kept.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scout.research.facts import facts_beside
from scout.research.trades import Trades, read_trades
from scout.scoring import score

SHARED = Path(__file__).resolve().parents[3] / "shared" / "scout"
SEED, SCALE = 31, 0.2
FAKES = {
    "wash": {"WASH_TRADER"}, "insider": {"INSIDER", "SNIPER"}, "sniper": {"SNIPER"},
    "bot_arb": {"MARKET_MAKER"}, "bot_scalp": {"MARKET_MAKER"}, "bagholder": {"BAG_HOLDER"},
}  # fmt: skip

pytestmark = pytest.mark.skipif(
    not SHARED.exists(), reason="the generator of populations is not beside the repository"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    arguments = ["--seed", SEED, "--scale", SCALE, "--reps", 0, "--out", tmp_path]
    script = [sys.executable, str(SHARED / "gen_population.py"), *map(str, arguments)]
    subprocess.run(script, check=True, capture_output=True)
    return tmp_path


def judged(folder: Path, trades: Trades) -> pd.DataFrame:
    as_of = json.loads((folder / "meta.json").read_text())["as_of"]
    scores = score(trades, facts=facts_beside(folder / "swaps.csv"), as_of=as_of)
    truth = pd.read_csv(folder / "truth.csv").set_index("wallet")
    return scores.join(truth[["klass", "is_skilled", "fwd_copy_pnl_sol"]])


@pytest.mark.timeout(400)  # the generator simulates a whole market first
def test_the_best_scores_are_the_skilled_and_the_fakes_are_named(folder: Path):
    trades = read_trades(folder / "swaps.csv", is_strict=True)
    blind = Trades(rows=trades.rows.assign(price_after_sol=np.nan))
    for found in (judged(folder, trades), judged(folder, blind)):
        assert found["skill"].rank().corr(found["fwd_copy_pnl_sol"].rank()) > 0.5
        best = found.sort_values("skill", ascending=False).head(5)
        assert best["is_skilled"].mean() >= 0.8
        active = found[found["status"] == "ACTIVE"]
        assert len(active) >= 1
        assert active["is_skilled"].mean() >= 0.8
        for kind, names in FAKES.items():
            assert set(found.loc[found["klass"] == kind, "archetype"]) <= names, kind
        assert not found.loc[found["klass"] == "decayed", "status"].eq("ACTIVE").any()
