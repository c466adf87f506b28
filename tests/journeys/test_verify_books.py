"""The books are compared with the chain to the lamport, and every planted difference is found."""

import asyncio
from typing import Any

import pytest
from solders.pubkey import Pubkey

from tests.journeys.trades import Traded, change, give_token, somebody, submission_of
from tests.platform import SOL
from tests.sandbox.payer import TIP_ACCOUNT
from trading.models import Disposal, Fill, Lot, Position, Submission
from trading.reconciliation.reader import LedgerReader, UnableToRead


async def test_honest_books_equal_the_chain_and_explain_every_lamport(traded: Traded) -> None:
    report = await traded.check()
    assert report.findings == ()
    assert report.positions == 3
    totals = report.totals
    assert totals.deposits_lamports == 20 * SOL
    assert totals.bought_lamports == 3 * (SOL // 4)
    assert totals.transactions == 1 + 4 + 2
    assert totals.balance_lamports == (
        totals.deposits_lamports
        - totals.bought_lamports
        + totals.sold_lamports
        - totals.fees_lamports
        - totals.tips_lamports
        - totals.rent_lamports
    )
    assert totals.other_lamports == 0
    assert totals.fees_lamports == 6 * 8_000
    assert totals.tips_lamports >= 5 * 1_000_000


async def test_one_unit_wrong_in_a_position_is_found(traded: Traded) -> None:
    columns = {
        "cost_lamports": "cost",
        "bought_raw": "bought",
        "held_raw": "held",
        "realised_pnl_lamports": "realised PnL",
    }
    for column, subject in columns.items():
        right = getattr(traded.halved, column)
        await change(traded, Position, traded.halved.pk, **{column: right + 1})
        assert ("AMOUNT_MISMATCH", subject) in await traded.found()
        await change(traded, Position, traded.halved.pk, **{column: right})
    assert await traded.found() == set()


@pytest.mark.parametrize("action", ["BUY", "SELL"])
async def test_one_lamport_wrong_in_a_fill_is_found(traded: Traded, action: str) -> None:
    fill = (await submission_of(traded, traded.halved, action=action)).fill
    columns = {
        "sol_lamports": "SOL",
        "token_raw": "tokens",
        "network_fee_lamports": "fee of the fill",
        "tip_lamports": "tip",
        "rent_lamports": "rent",
    }
    for column, subject in columns.items():
        right = getattr(fill, column)
        await change(traded, Fill, fill.pk, **{column: right + 1})
        assert await traded.found() == {("AMOUNT_MISMATCH", subject)}
        await change(traded, Fill, fill.pk, **{column: right})


async def test_one_unit_wrong_in_a_submission_is_found(traded: Traded) -> None:
    row = await submission_of(traded, traded.closed, action="SELL")
    columns = {
        "network_fee_lamports": "network fee",
        "balance_change_lamports": "balance change",
        "tip_lamports": "recorded tip",
        "slot": "slot",
    }
    for column, subject in columns.items():
        right = getattr(row, column)
        await change(traded, Submission, row.pk, **{column: right + 1})
        assert await traded.found() == {("AMOUNT_MISMATCH", subject)}
        await change(traded, Submission, row.pk, **{column: right})


async def test_a_missing_fill_is_found(traded: Traded) -> None:
    row = await submission_of(traded, traded.held, action="BUY")
    await traded.platform.see(lambda: Lot.objects.filter(fill__submission=row).delete())
    await traded.platform.see(lambda: Fill.objects.filter(submission=row).delete())
    found = await traded.found()
    assert ("STATE_MISMATCH", f"BUY {row.signature}") in found
    assert ("AMOUNT_MISMATCH", "lots bought") in found


async def test_one_unit_wrong_in_a_lot_is_found(traded: Traded) -> None:
    lot = await traded.platform.see(lambda: Lot.objects.get(position=traded.halved))
    part = await traded.platform.see(lot.disposals.get)
    wrong = {
        "bought_raw": "lots bought",
        "left_raw": "lots left",
        "cost_lamports": "lots cost",
    }
    for column, subject in wrong.items():
        right = getattr(lot, column)
        await change(traded, Lot, lot.pk, **{column: right + 1})
        assert ("AMOUNT_MISMATCH", subject) in await traded.found()
        await change(traded, Lot, lot.pk, **{column: right})
    taken = {
        "token_raw": "lots taken",
        "cost_lamports": "lots cost taken",
        "proceeds_lamports": "lots proceeds",
    }
    for column, subject in taken.items():
        right = getattr(part, column)
        await change(traded, Disposal, part.pk, **{column: right + 1})
        assert await traded.found() == {("AMOUNT_MISMATCH", subject)}
        await change(traded, Disposal, part.pk, **{column: right})


async def test_a_submission_that_the_chain_does_not_know_is_found(traded: Traded) -> None:
    row = await submission_of(traded, traded.held, action="BUY")
    other = "1" * 64 + row.signature[-10:]
    await change(traded, Submission, row.pk, signature=other)
    kinds = await traded.found()
    assert ("MISSING_TX", f"BUY {other}") in kinds
    assert ("UNKNOWN_TX", row.signature) in kinds


@pytest.mark.parametrize("status", ["EXPIRED", "REFUSED", "FAILED", "IN_FLIGHT"])
async def test_a_wrong_state_is_found(traded: Traded, status: str) -> None:
    row = await submission_of(traded, traded.held, action="BUY")
    await change(traded, Submission, row.pk, status=status)
    assert ("STATE_MISMATCH", f"BUY {row.signature}") in await traded.found()


async def test_a_failure_booked_as_landed_is_found(traded: Traded) -> None:
    row = await traded.platform.see(lambda: Submission.objects.get(status="FAILED"))
    await traded.platform.see(
        lambda: Submission.objects.filter(signal=row.signal_id, status="LANDED").update(
            status="EXPIRED"
        )
    )
    await change(traded, Submission, row.pk, status="LANDED")
    assert ("STATE_MISMATCH", f"BUY {row.signature}") in await traded.found()


async def test_a_position_closed_too_early_is_found(traded: Traded) -> None:
    await change(traded, Position, traded.held.pk, status="CLOSED")
    found = await traded.found()
    assert {kind for kind, _ in found} == {"STATE_MISMATCH"}


async def test_tokens_that_nobody_asked_for_are_listed(traded: Traded) -> None:
    mint = give_token(traded)
    assert await traded.found() == {("UNKNOWN_HOLDING", f"holding {mint}")}


async def test_tokens_that_are_gone_are_found(traded: Traded) -> None:
    rest = traded.halved.held_raw - 1
    await change(traded, Position, traded.halved.pk, held_raw=rest)
    found = await traded.found()
    assert ("AMOUNT_MISMATCH", "raw tokens") in found


@pytest.mark.parametrize("receiver", [TIP_ACCOUNT, somebody()], ids=["a tip account", "a stranger"])
async def test_money_that_left_without_the_books_is_found(traded: Traded, receiver: Pubkey) -> None:
    signature = traded.us.send(traded.us.pay(receiver, SOL // 50))
    report = await traded.check()
    [finding] = report.findings
    assert (finding.kind, finding.subject) == ("UNKNOWN_TX", signature)
    assert report.totals.other_lamports == -(SOL // 50) - 5_000


async def test_a_deposit_explains_itself(traded: Traded) -> None:
    traded.platform.sandbox.fund(traded.platform.desk.address, SOL)
    report = await traded.check()
    assert report.is_equal
    assert report.totals.deposits_lamports == 21 * SOL


async def test_what_is_in_flight_is_waited_for(traded: Traded) -> None:
    platform = traded.platform
    mint = next(str(each["mint"]) for each in platform.sandbox.tokens() if each["symbol"] == "JUP")
    await platform.signal(mint)
    assert await platform.work()
    early = await traded.check()
    assert [finding.kind for finding in early.findings] == ["STATE_MISMATCH"]
    assert len(early.in_flight) == 1

    checking = asyncio.create_task(traded.check(settle_seconds=10))
    await asyncio.sleep(0.3)
    await platform.settle()
    report = await checking
    assert (report.findings, report.in_flight) == ((), ())


async def test_what_is_nowhere_yet_is_listed_and_no_difference(traded: Traded) -> None:
    platform = traded.platform
    mint = next(str(each["mint"]) for each in platform.sandbox.tokens() if each["symbol"] == "JUP")
    platform.sandbox.fault(plane="jito", kind="bundle_drop")
    uuid = await platform.signal(mint)
    assert await platform.work()
    report = await traded.check()
    [row] = await platform.submissions(uuid)
    assert (report.findings, report.in_flight) == ((), (row.signature,))


async def test_trading_meanwhile_is_no_difference(traded: Traded) -> None:
    platform, stop = traded.platform, asyncio.Event()

    async def go_on() -> None:
        while not stop.is_set():
            platform.clock.advance(seconds=120)
            await platform.desk.conditions.refresh_once()
            await platform.bought(traded.closed.mint)
            await platform.sell_signal(traded.closed.mint)
            await platform.work(is_exit=True)
            await platform.settle()

    trading = asyncio.create_task(go_on())
    reports = [await traded.check() for _ in range(4)]
    stop.set()
    await trading
    assert [report.findings for report in reports] == [()] * 4
    assert reports[-1].totals.transactions > reports[0].totals.transactions


async def test_history_is_read_over_all_its_pages(traded: Traded) -> None:
    rpc = traded.platform.desk.gateways.rpc
    address = traded.platform.desk.address
    whole = await LedgerReader(rpc, wallets=[address]).read()
    paged = await LedgerReader(rpc, wallets=[address], page_rows=2).read()
    assert paged == whole
    assert len(whole.entries) == 7


async def test_a_node_short_of_breath_is_asked_again(traded: Traded) -> None:
    limited: dict[str, Any] = {"plane": "rpc", "kind": "http_error", "status": 429}
    traded.platform.sandbox.fault(**limited, method="getTransaction", count=6)
    traded.platform.sandbox.fault(**limited, method="getSignaturesForAddress", count=2)
    assert (await traded.check()).is_equal


async def test_a_node_that_is_dead_is_no_verdict(traded: Traded) -> None:
    traded.platform.sandbox.fault(plane="rpc", kind="http_error", status=503)
    with pytest.raises(UnableToRead):
        await traded.check()


async def test_without_a_wallet_there_is_no_verdict(platform: Any) -> None:
    empty = Traded(platform=platform, held=None, halved=None, closed=None)
    with pytest.raises(UnableToRead):
        await empty.check()
