"""A file of swaps becomes part of the store: once, complete, with what is told beside it."""

import io
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from solders.pubkey import Pubkey

from audit.models import Entry
from scout.frames import swap_frame
from scout.judging import Question, judge
from scout.knowledge import Moments, funders, moments
from scout.models import Candidate, Source, Swap
from scout.research.trades import read_trades, trades_of
from scout.services.queue import Find, enqueue
from trading.domain.policy import Policy
from trading.models import LiquiditySample

from .markets import wandering_rows
from .swaps import T0, as_csv, swaps

pytestmark = pytest.mark.usefixtures("database")
WALLETS = [str(Pubkey(bytes([number]) * 32)) for number in range(1, 5)]
TOKENS = [str(Pubkey(bytes([number]) * 32)) for number in range(101, 104)]


def rows(count: int = 60) -> list[dict]:
    names = {f"W{n}": each for n, each in enumerate(WALLETS)}
    names |= {f"T{n}": each for n, each in enumerate(TOKENS)}
    return [
        {**row, "wallet": names[row["wallet"]], "token": names[row["token"]]}
        for row in wandering_rows(1, swaps_=count)
    ]


def written(folder: Path, listed: list[dict]) -> Path:
    path = folder / "swaps.csv"
    path.write_bytes(as_csv(swaps(*listed)).getvalue())
    return path


def run(path: Path, *arguments: str) -> str:
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("scout", "import", str(path), *arguments, stdout=out, stderr=out)
    assert ended.value.code == 0
    return out.getvalue()


def test_what_was_imported_is_what_the_research_reads_from_the_file(tmp_path):
    path = written(tmp_path, rows())
    text = run(path)
    assert "60 swaps of 4 wallets are new" in text
    assert "stored 60 of 60 swaps" in text
    until = datetime.fromtimestamp(T0 + 10**8, UTC)
    stored = trades_of(
        swap_frame(WALLETS, known=moments(sol_price_usd=None), until=until),
        is_strict=True,
        keep_signatures=True,
    ).rows
    told = read_trades(path, is_strict=True, keep_signatures=True).rows
    assert stored["tx_sig"].tolist() == told["tx_sig"].tolist()
    for name in ("wallet", "token", "symbol", "ts", "is_buy"):
        assert stored[name].tolist() == told[name].tolist()
    for name in ("sol_amount", "token_amount", "liquidity_usd", "price_after_sol", "sol_price_usd"):
        np.testing.assert_allclose(stored[name], told[name], rtol=1e-6)
    np.testing.assert_array_equal(stored["token_created_ts"], told["token_created_ts"])


def test_the_same_file_twice_doubles_nothing_and_a_longer_one_adds_what_is_new(tmp_path):
    run(written(tmp_path, rows(40)))
    text = run(written(tmp_path, rows(60)))
    assert "20 swaps of 4 wallets are new, 40 were stored before" in text
    assert Swap.objects.count() == 60
    assert run(tmp_path / "swaps.csv").count("0 swaps of 4 wallets are new, 60 were") == 1
    assert Entry.objects.filter(action="history.imported").count() == 3


def test_one_bad_row_stores_nothing_unless_it_may_be_left_out(tmp_path):
    path = written(tmp_path, [*rows(5), {"wallet": WALLETS[0], "sol_amount": "lots"}])
    for arguments in ([], ["--strict"]):
        with pytest.raises(CommandError, match="line 7"):
            call_command("scout", "import", str(path), *arguments, stderr=io.StringIO())
    assert Swap.objects.count() == Candidate.objects.count() == 0
    assert "left out, line 7" in run(path, "--lenient")
    assert Swap.objects.count() == 5


def test_a_name_that_is_too_long_for_an_address_is_named_and_nothing_is_stored(tmp_path):
    path = written(tmp_path, [*rows(5), {"wallet": "W" * 45}])
    with pytest.raises(CommandError, match=r"wallet: 1 of them .*WWW"):
        call_command("scout", "import", str(path), "--lenient", stderr=io.StringIO())
    assert Swap.objects.count() == 0


def test_a_token_bought_and_sold_in_one_transaction_is_stored_by_what_changed(tmp_path):
    both = {"wallet": WALLETS[0], "token": TOKENS[0]}
    sale = {**both, "side": "SELL"}
    path = written(
        tmp_path,
        [
            {**both, "tx_sig": "kept", "token_amount": 1_000.0, "sol_amount": 1.0},
            {**sale, "tx_sig": "kept", "token_amount": 400.0, "sol_amount": 0.5},
            {**both, "tx_sig": "turned", "token_amount": 1_000.0, "sol_amount": 1.0},
            {**sale, "tx_sig": "turned", "token_amount": 1_000.0, "sol_amount": 1.01},
        ],
    )
    assert "1 transactions left nothing that could be stored" in run(path)
    (swap,) = Swap.objects.all()
    assert (swap.signature, swap.side, swap.sol_lamports) == ("kept", "BUY", 500_000_000)
    assert Decimal(swap.token_raw).scaleb(-swap.decimals) == 600


def test_what_lies_beside_the_file_is_taken_over_too(tmp_path):
    path = written(tmp_path, [{**row, "token_created_ts": None} for row in rows(20)])
    (tmp_path / "tokens.csv").write_text(
        "token,created_ts,price_sol_asof,liquidity_usd_asof\n"
        f"{TOKENS[0]},{T0 - 5000},0.0015,250000.5\nnobody,1,1,1\n"
    )
    (tmp_path / "wallets.csv").write_text(f"wallet,created_ts,funder\n{WALLETS[1]},{T0 - 9000},F\n")
    (tmp_path / "meta.json").write_text(f'{{"as_of": {T0 + 86_400}}}')
    assert "the market of 1 tokens was sampled" in run(path)
    (sample,) = LiquiditySample.objects.all()
    assert (sample.mint, sample.price_sol) == (TOKENS[0], Decimal("0.0015"))
    assert sample.at == datetime.fromtimestamp(T0 + 86_400, UTC)
    births = set(Swap.objects.filter(mint=TOKENS[0]).values_list("token_created_at", flat=True))
    assert births == {datetime.fromtimestamp(T0 - 5000, UTC)}
    funded = Candidate.objects.get(pk=WALLETS[1])
    assert (funded.source, funded.evidence["funder"]) == (Source.IMPORT, "F")
    assert funded.evidence["created_ts"] == T0 - 9000
    assert funders(WALLETS).to_dict() == {WALLETS[1]: "F"}


def test_what_an_import_tells_of_a_known_candidate_is_added_to_what_is_known_of_it(tmp_path):
    find = Find(address=WALLETS[0], source=Source.WINNER, rank=5.0, evidence={"runners": 2})
    enqueue([find], now=datetime.now(UTC))
    path = written(tmp_path, rows(20))
    (tmp_path / "wallets.csv").write_text(f"wallet,created_ts,funder\n{WALLETS[0]},,F\n")
    run(path)
    known = Candidate.objects.get(pk=WALLETS[0])
    assert (known.rank, known.source, known.evidence["runners"]) == (5.0, Source.WINNER, 2)
    assert known.evidence["funder"] == "F"


def test_wallets_of_one_funder_are_one_owners_to_a_run(tmp_path):
    path = written(tmp_path, rows(60))
    lines = "".join(f"{wallet},,F\n" for wallet in WALLETS[:2])
    (tmp_path / "wallets.csv").write_text("wallet,created_ts,funder\n" + lines)
    run(path)
    question = Question(
        addresses=tuple(WALLETS),
        as_of=datetime.fromtimestamp(T0 + 10**8, UTC),
        known=Moments(),
        copies={},
        policy=Policy(),
    )
    found = judge(question, progress=lambda: None).wallets
    assert {found[each].owner for each in WALLETS[:2]} == {min(WALLETS[:2])}
    assert {found[each].owner for each in WALLETS[2:]} == {""}
    assert "funded by F" in found[WALLETS[0]].owner_evidence[0]


def test_amounts_of_any_size_keep_what_a_float_can_say(tmp_path):
    amounts = [1e-9, 0.123456789012345, 1_234.5, 9.87654321e12, 1e17]
    listed = [
        {"wallet": WALLETS[0], "token": TOKENS[0], "token_amount": each, "price_sol": 1 / each}
        for each in amounts
    ]
    run(written(tmp_path, listed))
    stored = [swap.token_raw / 10**swap.decimals for swap in Swap.objects.order_by("signature")]
    assert stored == pytest.approx(amounts, rel=1e-15)


def test_wallets_that_are_no_addresses_are_stored_and_not_queued(tmp_path):
    assert "0 wallets joined the queue" in run(written(tmp_path, [{"wallet": "W1"}]))
    assert Swap.objects.get().address == "W1"


def test_a_file_that_is_none_is_told(tmp_path):
    with pytest.raises(CommandError, match="nothing-here"):
        call_command("scout", "import", str(tmp_path / "nothing-here.csv"), stderr=io.StringIO())
