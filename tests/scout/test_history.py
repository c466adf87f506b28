"""A wallet's history is read whole, whatever dies or is silent in between, and nothing is asked for twice."""

import itertools
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from scout import history
from scout.archive import FetchDay, Pending, RawTransaction, Reading, Side, Swap
from scout.chain import ChainReader
from scout.history import Depth, UnableToRead, read_history
from tests.cluster import LAMPORTS_PER_SOL, Sandbox
from trading.gateways.base import Unavailable

pytestmark = pytest.mark.usefixtures("database")
NOW = timezone.now()
DEPTH = Depth(since=NOW - timedelta(days=30), most=1_000, per_day=10_000)


@dataclass(frozen=True, slots=True)
class Trader:
    """A leader of the sandbox who trades when told to."""

    sandbox: Sandbox
    address: str
    mint: str

    def trade(self, side: str, **more: float) -> str:
        body = {"side": side, "mint": self.mint, **more}
        return str(self.sandbox.control("POST", f"leaders/{self.address}/trade", body)["signature"])


_places = itertools.count()


@pytest.fixture
def trader(sandbox: Sandbox) -> Trader:
    """Each test has a leader of its own, who has bought twice and sold once."""
    able = [each for each in sandbox.control("GET", "leaders") if each["archetype"] != "example"]
    mint = sandbox.tokens("memecoin")[0]["mint"]
    found = Trader(sandbox, able[next(_places) % len(able)]["address"], mint)
    found.trade("BUY", sol=0.5)
    found.trade("BUY", sol=0.25)
    found.trade("SELL", fraction=0.5)
    return found


@dataclass
class MortalChain:
    """The chain as seen by a process that is killed at its n-th question."""

    chain: ChainReader
    dies_at: int
    asked: int = 0

    def signatures(self, *args: Any, **options: Any) -> Any:
        self._live()
        return self.chain.signatures(*args, **options)

    def transactions(self, signatures: Any) -> Any:
        self._live()
        return self.chain.transactions(signatures)

    def _live(self) -> None:
        self.asked += 1
        if self.asked == self.dies_at:
            raise SystemExit


def rows(address: str) -> list[tuple[Any, ...]]:
    found = Swap.objects.filter(address=address).order_by("slot", "id")
    return list(found.values_list("signature", "side", "mint", "sol_lamports", "token_raw"))


def all_of(address: str, chain: ChainReader) -> list[str]:
    listed = chain.signatures(address, limit=1_000)
    return [row["signature"] for row in listed if row["err"] is None]


def test_every_swap_is_stored_as_the_chain_saw_it(trader: Trader, chain: ChainReader) -> None:
    reading = read_history(trader.address, chain=chain, depth=DEPTH, now=NOW)
    swaps = list(
        Swap.objects.filter(address=trader.address, mint=trader.mint).order_by("slot", "id")
    )
    assert [swap.side for swap in swaps[-3:]] == [Side.BUY, Side.BUY, Side.SELL]
    assert [swap.sol_lamports for swap in swaps[-3:-1]] == [
        LAMPORTS_PER_SOL // 2,
        LAMPORTS_PER_SOL // 4,
    ]
    assert all(swap.pool_lamports for swap in swaps)
    assert not reading.is_sweeping
    assert reading.listed == len(chain.signatures(trader.address, limit=1_000))


def test_what_was_read_is_never_asked_for_again(trader: Trader, chain: ChainReader) -> None:
    read_history(trader.address, chain=chain, depth=DEPTH, now=NOW)
    before = FetchDay.objects.get().transactions
    signature = trader.trade("SELL", fraction=1.0)
    read_history(trader.address, chain=chain, depth=DEPTH, now=NOW)
    assert FetchDay.objects.get().transactions == before + 1
    assert rows(trader.address)[-1][0] == signature


@pytest.mark.both_databases
def test_a_reader_killed_at_any_question_leaves_no_gap(
    trader: Trader, chain: ChainReader, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "PAGE", 2)
    monkeypatch.setattr(history, "BATCH", 1)
    dies_at = 1
    while True:
        mortal = MortalChain(chain, dies_at)
        try:
            read_history(trader.address, chain=mortal, depth=DEPTH, now=NOW)
        except SystemExit:
            dies_at += 1
            trader.trade("BUY", sol=0.1)
            continue
        break
    assert dies_at > 4
    read_history(trader.address, chain=chain, depth=DEPTH, now=NOW)
    kept = set(RawTransaction.objects.values_list("signature", flat=True))
    assert set(all_of(trader.address, chain)) <= kept
    assert not Pending.objects.exists()


def test_a_node_that_is_silent_for_a_while_costs_only_patience(
    trader: Trader, chain: ChainReader, sandbox: Sandbox
) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        sandbox.clear()

    chain.sleep = wait
    sandbox.fault(plane="rpc", kind="http_error")
    read_history(trader.address, chain=chain, depth=DEPTH, now=NOW)
    assert len(waits) == 1
    assert len(rows(trader.address)) >= 3


def test_a_chain_that_stays_silent_is_an_error_and_nothing_is_lost(
    trader: Trader, chain: ChainReader, sandbox: Sandbox
) -> None:
    sandbox.fault(plane="rpc", kind="http_error", method="getTransaction")
    with pytest.raises(Unavailable):
        read_history(trader.address, chain=chain, depth=DEPTH, now=NOW)
    assert Pending.objects.count() == len(all_of(trader.address, chain))
    sandbox.clear()
    read_history(trader.address, chain=chain, depth=DEPTH, now=NOW)
    assert not Pending.objects.exists()


def test_the_days_budget_ends_reading_with_a_reason_and_the_next_day_goes_on(
    trader: Trader, chain: ChainReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "BATCH", 1)
    tight = Depth(since=DEPTH.since, most=DEPTH.most, per_day=2)
    with pytest.raises(UnableToRead, match="goes on tomorrow"):
        read_history(trader.address, chain=chain, depth=tight, now=NOW)
    assert RawTransaction.objects.count() == 2
    read_history(trader.address, chain=chain, depth=DEPTH, now=NOW + timedelta(days=1))
    assert not Pending.objects.exists()


def test_a_history_that_is_cut_off_says_since_when_it_is_complete(
    trader: Trader, chain: ChainReader
) -> None:
    short = Depth(since=DEPTH.since, most=2, per_day=100)
    reading = read_history(trader.address, chain=chain, depth=short, now=NOW)
    assert reading.listed == 2
    assert reading.complete_since is not None
    assert len(rows(trader.address)) == 2


def test_only_what_is_young_enough_is_listed(trader: Trader, chain: ChainReader) -> None:
    ahead = Depth(since=NOW + timedelta(days=3_650), most=1_000, per_day=100)
    reading = read_history(trader.address, chain=chain, depth=ahead, now=NOW)
    assert (reading.listed, rows(trader.address)) == (0, [])
    read_history(trader.address, chain=chain, depth=DEPTH, now=NOW)
    assert len(rows(trader.address)) >= 3


def test_a_parser_that_has_learnt_reads_what_is_kept_and_asks_for_no_transaction(
    trader: Trader, chain: ChainReader
) -> None:
    read_history(trader.address, chain=chain, depth=DEPTH, now=NOW)
    before, fetched = rows(trader.address), FetchDay.objects.get().transactions
    Reading.objects.update(parser=0)
    Swap.objects.update(sol_lamports=1)
    read_history(trader.address, chain=chain, depth=DEPTH, now=NOW)
    assert rows(trader.address) == before
    assert FetchDay.objects.get().transactions == fetched


def test_a_transaction_that_no_node_knows_is_counted_as_lost_in_the_end(
    trader: Trader, chain: ChainReader
) -> None:
    read_history(trader.address, chain=chain, depth=DEPTH, now=NOW)
    unknown = "1" * 87 + "2"
    Pending.objects.create(address=trader.address, signature=unknown, slot=1)
    for _ in range(history.MOST_TRIES):
        with pytest.raises(UnableToRead, match="1 of its transactions"):
            read_history(trader.address, chain=chain, depth=DEPTH, now=NOW)
    assert read_history(trader.address, chain=chain, depth=DEPTH, now=NOW).lost == 1
