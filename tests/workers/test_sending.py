"""What becomes of signed bytes: landed, refused with proof, dropped, or unknown until the chain answers."""

import asyncio

import pytest

from tests.cluster import Sandbox
from tests.platform import SOL, Platform
from trading.domain.lifecycle import PositionStatus, SignalStatus, SubmissionStatus
from trading.domain.values import Route, Strategy
from trading.models import Position, TradingState
from trading.services.booking import book_refused
from workers.offering import Offers

AUCTION_SLOTS = 15
"""How long the engine keeps a bundle for its auctions; offered again meanwhile it is the same one."""
REFUSAL = {"kind": "rpc_error", "code": -32602, "message": "not today"}


@pytest.fixture
def mint(sandbox: Sandbox) -> str:
    return next(str(each["mint"]) for each in sandbox.tokens("major") if each["symbol"] == "WIF")


async def test_bytes_that_the_engine_refuses_go_to_the_nodes(platform: Platform, mint: str) -> None:
    platform.sandbox.fault(plane="jito", method="sendBundle", **REFUSAL)
    uuid = await platform.signal(mint)
    await platform.work()
    [submission] = await platform.submissions(uuid)
    assert submission.route == Route.STANDARD
    await platform.settle()
    [landed] = await platform.landed()
    assert landed["transaction"]["signatures"] == [submission.signature]
    assert (await platform.row(uuid)).status == SignalStatus.COMPLETED


async def test_bytes_that_everybody_refuses_are_refused_and_signed_anew_later(
    platform: Platform, mint: str
) -> None:
    platform.clock.hold()
    platform.sandbox.fault(plane="jito", method="sendBundle", count=1, **REFUSAL)
    platform.sandbox.fault(plane="rpc", method="sendTransaction", count=1, **REFUSAL)
    uuid = await platform.signal(mint)
    await platform.work()
    [refused] = await platform.submissions(uuid)
    assert refused.status == SubmissionStatus.REFUSED
    assert "not today" in refused.error
    waiting = await platform.row(uuid)
    assert (waiting.status, waiting.code, waiting.reserved_lamports) == (
        SignalStatus.RETRY,
        "REFUSED",
        0,
    )
    platform.clock.advance(seconds=2)
    assert await platform.work()
    await platform.settle()
    first, second = await platform.submissions(uuid)
    assert first.signature != second.signature
    assert (second.attempt, second.status) == (2, SubmissionStatus.LANDED)


@pytest.mark.parametrize("is_again", [False, True])
async def test_a_refusal_proves_something_until_the_bytes_are_offered_again(
    platform: Platform, mint: str, is_again: bool
) -> None:
    """However long it took: another process may offer them, and they may be taken. The books are the judge."""
    platform.clock.hold()
    platform.sandbox.fault(plane="jito", kind="bundle_drop", count=1)
    uuid = await platform.signal(mint)
    await platform.work()
    [row] = await platform.submissions(uuid)
    platform.clock.advance(seconds=20)
    if is_again:
        platform.sandbox.fault(plane="rpc", method="sendTransaction", kind="drop_tx")
        await Offers(platform.desk).again([row])
    now = platform.clock()
    refused = await platform.see(lambda: book_refused(row.pk, text="not today", now=now))
    assert refused is not is_again
    [row] = await platform.submissions(uuid)
    assert row.status == (SubmissionStatus.IN_FLIGHT if is_again else SubmissionStatus.REFUSED)


async def test_a_second_try_offers_a_higher_tip(platform: Platform, mint: str) -> None:
    platform.clock.hold()
    platform.sandbox.fault(plane="jito", method="sendBundle", count=1, **REFUSAL)
    platform.sandbox.fault(plane="rpc", method="sendTransaction", count=1, **REFUSAL)
    uuid = await platform.signal(mint)
    await platform.work()
    platform.clock.advance(seconds=2)
    await platform.work()
    first, second = await platform.submissions(uuid)
    assert second.tip_lamports == first.tip_lamports * 12 // 10


async def test_a_buy_that_is_always_refused_ends_as_a_dead_letter(
    platform: Platform, mint: str
) -> None:
    platform.clock.hold()
    platform.sandbox.fault(plane="jito", method="sendBundle", **REFUSAL)
    platform.sandbox.fault(plane="rpc", method="sendTransaction", **REFUSAL)
    uuid = await platform.signal(mint)
    for seconds in (2, 4, 11):
        assert await platform.work()
        platform.clock.advance(seconds=seconds)
    end = await platform.row(uuid)
    assert (end.status, end.code, end.reserved_lamports) == (SignalStatus.DEAD_LETTER, "REFUSED", 0)
    assert [row.status for row in await platform.submissions(uuid)] == ["REFUSED"] * 3
    assert await platform.landed() == []


async def test_a_dropped_bundle_is_offered_again_unchanged(platform: Platform, mint: str) -> None:
    platform.sandbox.fault(plane="jito", kind="bundle_drop", count=1)
    uuid = await platform.signal(mint)
    await platform.work()
    assert await platform.resolver.step() == 0
    assert await platform.landed() == [], "the pause between two offers is not over"
    platform.clock.advance(seconds=3)
    platform.sandbox.advance(slots=AUCTION_SLOTS + 1)
    await platform.settle()
    assert await platform.resolver.step() == 1
    [submission] = await platform.submissions(uuid)
    assert submission.status == SubmissionStatus.LANDED


async def test_a_transaction_that_nobody_took_expires_by_block_height_and_is_signed_anew(
    platform: Platform, mint: str
) -> None:
    platform.sandbox.fault(plane="jito", kind="bundle_drop")
    uuid = await platform.signal(mint)
    await platform.work()
    platform.clock.advance(hours=2)
    await platform.settle()
    [waiting] = await platform.submissions(uuid)
    assert waiting.status == SubmissionStatus.IN_FLIGHT, "time alone proves nothing"
    platform.clock.advance(hours=-2)
    platform.sandbox.advance(slots=200)
    assert await platform.resolver.step() == 1
    [expired] = await platform.submissions(uuid)
    assert expired.status == SubmissionStatus.EXPIRED
    assert (await platform.row(uuid)).status == SignalStatus.RETRY
    platform.sandbox.clear()
    await platform.desk.conditions.refresh_once()
    platform.clock.advance(seconds=2)
    assert await platform.work()
    await platform.settle()
    first, second = await platform.submissions(uuid)
    assert first.signature != second.signature
    assert (await platform.row(uuid)).status == SignalStatus.COMPLETED
    assert len(await platform.landed()) == 1


async def test_a_send_without_an_answer_is_unknown_and_booked_once(
    platform: Platform, mint: str
) -> None:
    platform.sandbox.fault(plane="jito", method="sendBundle", kind="latency", seconds=1.6, count=1)
    uuid = await platform.signal(mint)
    await platform.work()
    [submission] = await platform.submissions(uuid)
    assert submission.status == SubmissionStatus.IN_FLIGHT
    assert submission.sent_at is not None
    for _ in range(3):
        platform.clock.advance(seconds=3)
        await platform.settle()
    assert (await platform.row(uuid)).status == SignalStatus.COMPLETED
    assert len(await platform.landed()) == 1
    assert await platform.see(Position.objects.count) == 1


async def test_a_transaction_that_fails_on_chain_costs_its_fee_and_is_tried_again(
    platform: Platform, mint: str
) -> None:
    await platform.see(lambda: TradingState.objects.update(route=Route.STANDARD))
    platform.sandbox.fault(plane="chain", kind="drop_tx", count=1)
    uuid = await platform.signal(mint)
    await platform.work()
    _move(platform, mint, factor=1.2)
    try:
        platform.clock.advance(seconds=3)
        await platform.settle(steps=2)
        [failed] = await platform.submissions(uuid)
        assert failed.status == SubmissionStatus.FAILED
        assert "6001" in failed.error
        assert failed.network_fee_lamports > 0
        assert failed.balance_change_lamports == -failed.network_fee_lamports
        assert await platform.see(Position.objects.count) == 0
        platform.clock.advance(seconds=2)
        assert await platform.work()
        await platform.settle()
        position = await platform.see(lambda: Position.objects.get(signal=uuid))
        _, landed = await platform.submissions(uuid)
        assert position.realised_pnl_lamports == -(
            failed.network_fee_lamports + landed.network_fee_lamports
        )
        assert position.status == PositionStatus.ACTIVE
    finally:
        _move(platform, mint, factor=1 / 1.2)


async def test_the_nodes_are_silent_and_the_next_step_finds_out(
    platform: Platform, mint: str
) -> None:
    uuid = await platform.signal(mint)
    await platform.work()
    platform.sandbox.fault(plane="rpc", method="getTransaction", kind="garbage", count=1)
    assert await platform.resolver.step() == 0
    assert await platform.resolver.step() == 1
    assert (await platform.row(uuid)).status == SignalStatus.COMPLETED


def _move(platform: Platform, mint: str, *, factor: float) -> None:
    platform.sandbox.control("POST", f"market/{mint}/price", {"factor": factor})


async def test_spear_stays_unsent_when_no_bundle_can_be_sent_after_the_decision(
    platform: Platform, mint: str
) -> None:
    """The size comes out below what was asked, so a second quote is waited for; meanwhile the engine falls silent."""
    await platform.policy(maximum_per_token_lamports=SOL // 5, maximum_trade_lamports=SOL // 2)
    await platform.rehearse(mint)
    platform.sandbox.fault(plane="jupiter", method="quote", kind="latency", seconds=0.4)
    uuid = await platform.signal(mint, strategy=Strategy.SPEAR)
    work = asyncio.create_task(platform.work())
    while not (await platform.row(uuid)).reserved_lamports:
        await asyncio.sleep(0.01)
    platform.clock.advance(minutes=3)
    await work
    assert await platform.submissions(uuid) == []
    signal = await platform.row(uuid)
    assert (signal.status, signal.code) == (SignalStatus.RETRY, "BUILD_FAILED")


async def test_a_spear_bundle_that_the_engine_refuses_never_goes_public(
    platform: Platform, mint: str
) -> None:
    platform.sandbox.fault(plane="jito", method="sendBundle", **REFUSAL)
    uuid = await platform.signal(mint, strategy=Strategy.SPEAR)
    await platform.work()
    for _ in range(3):
        platform.clock.advance(seconds=3)
        await platform.settle()
    submissions = await platform.submissions(uuid)
    assert submissions
    assert {row.route for row in submissions} == {Route.JITO}
    assert await platform.landed() == []
