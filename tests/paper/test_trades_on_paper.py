"""Signals become paper positions and exits by the very code that trades really, and nothing is sent."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from tests.cluster import Sandbox
from tests.databases import Database
from tests.paper.desks import ledger, nothing_is_sent, open_paper, pass_the_landing
from tests.platform import SOL, Platform
from trading.models import Fill, Position, Signal, SignalEvent, Submission
from trading.reconciliation.check import reconcile
from trading.writer import GroupWriter


@pytest.fixture
async def paper(
    sandbox: Sandbox, database: Database, writer: GroupWriter
) -> AsyncIterator[Platform]:
    async with open_paper(sandbox, database, writer) as opened:
        with nothing_is_sent(sandbox, opened.desk.address):
            yield opened


def mint_of(paper: Platform, symbol: str = "BONK") -> str:
    return str(next(each["mint"] for each in paper.sandbox.tokens() if each["symbol"] == symbol))


async def buy(paper: Platform, mint: str) -> Position:
    uuid = await paper.signal(mint)
    assert await paper.work()
    await pass_the_landing(paper)
    return await paper.see(lambda: Position.objects.get(signal=uuid))


@pytest.mark.both_databases
async def test_a_signal_becomes_a_paper_position_and_an_exit_closes_it(paper: Platform) -> None:
    mint = mint_of(paper)
    before = await paper.desk.gateways.rpc.balance(paper.desk.address)
    position = await buy(paper, mint)
    assert position.cost_lamports == SOL // 4
    assert await paper.held_raw(mint) == position.held_raw > 0
    uuid = await paper.sell_signal(mint)
    assert await paper.work(is_exit=True)
    await pass_the_landing(paper)
    closed = await paper.position(position)
    assert (closed.status, (await paper.row(uuid)).status) == ("CLOSED", "COMPLETED")
    after = await paper.desk.gateways.rpc.balance(paper.desk.address)
    assert after - before == closed.realised_pnl_lamports < 0
    assert await paper.held_raw(mint) == 0
    sold = await paper.see(lambda: Fill.objects.get(position=position, action="SELL"))
    assert sold.rent_lamports == -2_039_280


async def test_the_books_agree_with_the_paper_ledger_to_the_lamport(paper: Platform) -> None:
    await buy(paper, mint_of(paper, "NEXT"))
    await buy(paper, mint_of(paper, "BONK"))
    await paper.sell_signal(mint_of(paper, "BONK"), fraction="0.5")
    assert await paper.work(is_exit=True)
    await pass_the_landing(paper)
    report = await reconcile(paper.desk.gateways.rpc, settle_seconds=0.0, read_rows=paper.see)
    assert report.is_equal, report.as_lines()


async def test_a_fill_pays_tip_network_fee_and_rent(paper: Platform) -> None:
    position = await buy(paper, mint_of(paper))
    fill = await paper.see(lambda: Fill.objects.get(position=position))
    assert fill.tip_lamports > 0
    assert fill.network_fee_lamports == 8_000
    assert fill.rent_lamports == 2_039_280


async def test_a_price_that_moved_until_the_landing_is_in_the_fill(paper: Platform) -> None:
    mint = mint_of(paper)
    await paper.signal(mint)
    assert await paper.work()
    paper.sandbox.control("POST", f"market/{mint}/price", {"factor": 1.015})
    await pass_the_landing(paper)
    paper.sandbox.control("POST", f"market/{mint}/price", {"factor": 1 / 1.015})
    [row] = await ledger(paper)
    assert row.status == "LANDED"
    assert (row.penalty_source, row.penalty_samples) == ("OBSERVED", 1)
    assert row.penalty_bps is not None
    assert Decimal(120) < row.penalty_bps < Decimal(180)
    assert row.submission is not None
    filled = row.held_after_raw - row.held_before_raw
    assert filled < row.submission.quoted_out_raw
    story = await paper.see(lambda: list(SignalEvent.objects.values_list("text", flat=True)))
    assert any(
        "worse than quoted: quoted again when it would have landed" in line for line in story
    )


async def test_a_price_beyond_the_slippage_fails_and_costs_the_fee_alone(paper: Platform) -> None:
    mint = mint_of(paper)
    before = await paper.desk.gateways.rpc.balance(paper.desk.address)
    uuid = await paper.signal(mint)
    assert await paper.work()
    paper.sandbox.control("POST", f"market/{mint}/price", {"factor": 1.5})
    await pass_the_landing(paper)
    paper.sandbox.control("POST", f"market/{mint}/price", {"factor": 1 / 1.5})
    [submission] = await paper.submissions(uuid)
    assert submission.status == "FAILED"
    assert "6001" in submission.error
    assert (await paper.row(uuid)).status == "RETRY"
    after = await paper.desk.gateways.rpc.balance(paper.desk.address)
    assert before - after == submission.network_fee_lamports == 8_000


async def test_without_an_answer_at_the_landing_the_documented_prior_is_the_penalty(
    paper: Platform,
) -> None:
    uuid = await paper.signal(mint_of(paper))
    assert await paper.work()
    paper.sandbox.fault(plane="jupiter", kind="http_error", method="*quote*", status=503)
    await pass_the_landing(paper)
    assert [row.status for row in await ledger(paper)] == ["PENDING"]
    paper.clock.advance(seconds=6)
    await paper.settle()
    [row] = await ledger(paper)
    assert (row.penalty_source, row.penalty_bps) == ("PRIOR", Decimal(100))
    assert (await paper.row(uuid)).status == "COMPLETED"


async def test_a_buy_beyond_the_paper_capital_is_denied(
    sandbox: Sandbox, database: Database, writer: GroupWriter
) -> None:
    async with open_paper(sandbox, database, writer, capital_sol="0.055") as paper:
        uuid = await paper.signal(mint_of(paper))
        assert await paper.work()
        row = await paper.row(uuid)
    assert (row.status, row.code) == ("REJECTED", "SIZE_TOO_SMALL")


async def test_rules_sell_what_is_held_on_paper(paper: Platform) -> None:
    mint = mint_of(paper)
    position = await buy(paper, mint)
    paper.sandbox.control("POST", f"market/{mint}/price", {"factor": 0.7})
    assert await paper.watcher.step() == 1
    assert await paper.work(is_exit=True)
    await pass_the_landing(paper)
    paper.sandbox.control("POST", f"market/{mint}/price", {"factor": 1 / 0.7})
    closed = await paper.position(position)
    assert (closed.status, closed.exit_reason) == ("CLOSED", "HARD_STOP")


@pytest.mark.both_databases
async def test_a_process_that_died_after_the_record_or_after_the_send_trades_once(
    paper: Platform,
) -> None:
    """The same bytes are offered again; the ledger takes them once, and a restart reads the outcome."""
    uuid = await paper.signal(mint_of(paper))
    assert await paper.work()
    [submission] = await paper.submissions(uuid)
    paper.restart()
    await paper.desk.gateways.rpc.send_transaction(bytes(submission.wire))
    await paper.desk.gateways.block_engine.send_bundle([bytes(submission.wire)])
    await pass_the_landing(paper)
    paper.restart()
    await paper.settle(steps=2)
    assert len(await ledger(paper)) == 1
    assert await paper.see(Position.objects.count) == 1
    assert await paper.see(Submission.objects.count) == 1
    assert (await paper.see(Signal.objects.get)).status == "COMPLETED"
