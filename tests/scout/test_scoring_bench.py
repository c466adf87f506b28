"""`bench_scout` measures the scoring that users run."""

import io
import json

from django.core.management import call_command

from scout.research.trades import trades_of
from scout.synthetic import histories


def test_made_up_histories_are_as_reading_leaves_them():
    made = histories(wallets=3, trades=40, seed=1).rows
    columns = made.drop(columns=["tx_key", "is_buy"]).assign(
        tx_sig=made["tx_key"].astype("str"), side=made["is_buy"].map({True: "BUY", False: "SELL"})
    )
    read = trades_of(columns, is_strict=True).rows
    assert len(read) == len(made) == 120
    assert read.dtypes.astype(str).to_dict() == made.dtypes.astype(str).to_dict()
    assert read["ts"].tolist() == made["ts"].tolist()


def test_one_size_is_measured():
    said = io.StringIO()
    call_command(
        "bench_scout", "--json", "--wallets", "20", "--trades", "100", "--processes", "1",
        stdout=said,
    )  # fmt: skip
    found = json.loads(said.getvalue())
    assert found["trades"] == 2_000
    assert found["seconds"] > 0
    assert found["peak_mib"] > 10
