"""Bytes in flight are offered again where they help: by what the engine says of the bundle, never as an outcome."""

import asyncio
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection

from tests.cluster import Sandbox
from tests.platform import Platform, until
from trading.domain.lifecycle import PositionStatus, SignalStatus, SubmissionStatus
from trading.domain.values import Route, Strategy
from trading.gateways.base import Unavailable
from trading.gateways.jito import BUNDLES_PER_CALL
from trading.models import SignalEvent, Submission
from trading.services.booking import book_refused
from trading.services.portfolio import in_flight
from trading.writer import StorageUnavailable
from workers.offering import SAYS_NOTHING, Offers, longest_unasked, ways

AUCTION_SLOTS = 15
JITO, STANDARD = Route.JITO, Route.STANDARD
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def mint(sandbox: Sandbox) -> str:
    return next(str(each["mint"]) for each in sandbox.tokens("major") if each["symbol"] == "WIF")


@pytest.mark.parametrize(
    ("fate", "age_seconds", "shield", "spear", "an_exit"),
    [
        ("Pending", 3, (), (), (STANDARD,)),
        ("Pending", 30, (), (), (STANDARD,)),
        ("Landed", 3, (), (), (JITO, STANDARD)),
        ("Landed", 30, (STANDARD,), (JITO,), (JITO, STANDARD)),
        ("Failed", 3, (STANDARD,), (JITO,), (JITO, STANDARD)),
        ("Invalid", 3, (JITO,), (JITO,), (JITO, STANDARD)),
        ("Invalid", 6, (STANDARD,), (JITO,), (JITO, STANDARD)),
        (SAYS_NOTHING, 3, (JITO,), (JITO,), (JITO, STANDARD)),
        (SAYS_NOTHING, 6, (STANDARD,), (JITO,), (JITO, STANDARD)),
        (None, 3, (JITO,), (JITO,), (JITO, STANDARD)),
        (None, 6, (STANDARD,), (JITO,), (JITO, STANDARD)),
    ],
)
def test_the_ways_of_a_bundle(
    fate: str | None, age_seconds: float, shield: tuple, spear: tuple, an_exit: tuple
) -> None:
    def chosen(*, is_exit: bool, may_go_public: bool) -> tuple[Route, ...]:
        return ways(
            JITO, fate, age_seconds=age_seconds, is_exit=is_exit, may_go_public=may_go_public
        )

    assert chosen(is_exit=False, may_go_public=True) == shield
    assert chosen(is_exit=False, may_go_public=False) == spear
    assert chosen(is_exit=True, may_go_public=True) == an_exit


@pytest.mark.parametrize("is_exit", [True, False])
def test_what_went_to_the_nodes_stays_with_them(is_exit: bool) -> None:
    assert ways(STANDARD, None, age_seconds=9, is_exit=is_exit, may_go_public=True) == (STANDARD,)


def test_bundles_take_turns_at_a_question_that_has_no_room_for_all() -> None:
    rows = [
        Submission(pk=number, recorded_at=NOW - timedelta(seconds=number)) for number in range(12)
    ]
    asked_at: dict[int, datetime] = {}
    turns = []
    for turn in range(4):
        chosen = [row.pk for row in longest_unasked(rows, asked_at)]
        asked_at |= dict.fromkeys(chosen, NOW + timedelta(seconds=turn))
        turns.append(chosen)
    assert turns[:2] == [[11, 10, 9, 8, 7], [6, 5, 4, 3, 2]]
    assert set(turns[2][:2]) == {0, 1}
    assert {len(turn) for turn in turns} == {BUNDLES_PER_CALL}
    assert set(turns[2][2:]) | set(turns[3][:2]) == {11, 10, 9, 8, 7}


async def story(platform: Platform, uuid: UUID) -> list[tuple[str, str]]:
    rows = SignalEvent.objects.filter(signal=uuid).exclude(code="").order_by("id")
    return await platform.see(lambda: list(rows.values_list("code", "text")))


async def lost(platform: Platform, mint: str, strategy: Strategy) -> UUID:
    """A buy whose bundle took part in no auction and has failed."""
    platform.sandbox.fault(plane="jito", kind="bundle_drop", count=1)
    uuid = await platform.signal(mint, strategy=strategy)
    await platform.work()
    platform.sandbox.advance(slots=AUCTION_SLOTS + 1)
    platform.clock.advance(seconds=3)
    assert await platform.resolver.step() == 0
    return uuid


async def test_what_was_booked_dead_since_it_was_read_is_not_offered_again(
    platform: Platform, mint: str
) -> None:
    platform.clock.hold()
    platform.sandbox.fault(plane="jito", kind="bundle_drop", count=1)
    uuid = await platform.signal(mint)
    await platform.work()
    read_before = await platform.see(in_flight)
    [row] = read_before
    now = platform.clock()
    assert await platform.see(lambda: book_refused(row.pk, text="not today", now=now))
    platform.clock.advance(seconds=3)
    platform.sandbox.advance(slots=AUCTION_SLOTS + 1)
    await Offers(platform.desk).again(read_before)
    platform.sandbox.advance(slots=3)
    assert await platform.landed() == []
    assert (await platform.row(uuid)).status == SignalStatus.RETRY


async def test_a_failed_bundle_of_shield_lands_by_the_nodes_with_the_same_bytes(
    platform: Platform, mint: str
) -> None:
    uuid = await lost(platform, mint, Strategy.SHIELD)
    await platform.settle()
    [row] = await platform.submissions(uuid)
    assert (row.status, row.route) == (SubmissionStatus.LANDED, STANDARD)
    [landed] = await platform.landed()
    assert landed["transaction"]["signatures"] == [row.signature]
    told = await story(platform, uuid)
    assert told[0] == ("ENGINE_SAYS", "the block engine says: Failed")
    assert [code for code, _ in told] == ["ENGINE_SAYS", "GONE_PUBLIC", "BOUGHT"]


async def test_a_failed_bundle_of_spear_is_offered_to_the_engine_again(
    platform: Platform, mint: str
) -> None:
    platform.sandbox.fault(plane="rpc", method="sendTransaction", kind="drop_tx")
    uuid = await lost(platform, mint, Strategy.SPEAR)
    await platform.settle()
    [row] = await platform.submissions(uuid)
    assert (row.status, row.route) == (SubmissionStatus.LANDED, JITO)


async def test_an_engine_that_is_gone_holds_a_shield_buy_up_for_five_seconds(
    platform: Platform, mint: str
) -> None:
    platform.sandbox.fault(plane="jito", kind="http_error")
    uuid = await platform.signal(mint)
    await platform.work()
    for seconds, routes in ((3, [JITO]), (3, [STANDARD])):
        platform.clock.advance(seconds=seconds)
        await platform.settle()
        assert [row.route for row in await platform.submissions(uuid)] == routes
    await platform.settle()
    assert (await platform.row(uuid)).status == SignalStatus.COMPLETED


async def test_the_engines_word_alone_books_nothing(platform: Platform, mint: str) -> None:
    uuid = await platform.signal(mint)
    await platform.work()
    platform.sandbox.fault(plane="rpc", method="getSignatureStatuses", kind="http_error")
    platform.clock.advance(seconds=3)
    for _ in range(2):
        with pytest.raises(Exception, match="503"):
            await platform.resolver.step()
    [row] = await platform.submissions(uuid)
    assert row.status == SubmissionStatus.IN_FLIGHT


@pytest.mark.parametrize("untold", ["getSignatureStatuses", "getEpochInfo"])
async def test_bytes_are_offered_again_while_no_node_tells_what_has_landed_or_is_dead(
    platform: Platform, mint: str, untold: str
) -> None:
    platform.sandbox.fault(plane="jito", kind="bundle_drop", count=1)
    uuid = await platform.signal(mint, strategy=Strategy.SPEAR)
    await platform.work()
    platform.sandbox.advance(slots=AUCTION_SLOTS + 1)
    platform.sandbox.fault(plane="rpc", method=untold, kind="http_error")
    platform.clock.advance(seconds=3)
    with suppress(Unavailable):
        assert await platform.resolver.step() == 0
    platform.sandbox.clear()
    assert await platform.resolver.step() == 1
    assert (await platform.row(uuid)).status == SignalStatus.COMPLETED


async def test_bytes_that_were_offered_again_before_go_out_while_nothing_can_be_stored(
    platform: Platform, mint: str
) -> None:
    position = await platform.bought(mint)
    platform.sandbox.fault(plane="rpc", method="sendTransaction", kind="drop_tx")
    platform.sandbox.fault(plane="jito", kind="bundle_drop")
    await platform.sell_signal(mint)
    await platform.work(is_exit=True)
    platform.clock.advance(seconds=3)
    assert await platform.resolver.step() == 0
    [row] = await platform.see(in_flight)
    assert row.is_offered_again
    platform.sandbox.clear()
    await platform.see(lambda: connection.settings_dict["OPTIONS"].update(timeout=0.05))
    with closing(sqlite3.connect(platform.database.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with suppress(StorageUnavailable):  # what the engine says of it cannot be told
            await Offers(platform.desk).again([row])
    platform.sandbox.advance(slots=3)
    await platform.settle()
    assert (await platform.position(position)).status == PositionStatus.CLOSED


async def test_an_engine_that_hangs_keeps_no_exit_from_the_nodes(
    platform: Platform, mint: str
) -> None:
    await platform.bought(mint)
    platform.sandbox.fault(plane="jito", kind="bundle_drop")
    await platform.sell_signal(mint)
    await platform.work(is_exit=True)
    platform.sandbox.advance(slots=AUCTION_SLOTS + 1)
    platform.sandbox.fault(plane="jito", method="sendBundle", kind="timeout")
    platform.clock.advance(seconds=3)
    step = asyncio.create_task(platform.resolver.step())

    async def is_sold() -> bool:
        return await platform.held_raw(mint) == 0

    await until(is_sold)
    await step


async def test_an_engine_that_hangs_keeps_no_fill_from_the_books(
    platform: Platform, mint: str
) -> None:
    platform.sandbox.fault(plane="jito", kind="bundle_drop", count=1)
    waiting = await platform.signal(mint, strategy=Strategy.SPEAR)
    await platform.work()
    platform.sandbox.advance(slots=AUCTION_SLOTS + 1)
    platform.sandbox.fault(plane="jito", method="sendBundle", kind="timeout", count=1)
    platform.clock.advance(seconds=3)
    assert await platform.resolver.step() == 0
    others = (str(each["mint"]) for each in platform.sandbox.tokens("major"))
    bought = await platform.signal(next(each for each in others if each != mint))
    await platform.work()
    platform.sandbox.advance(slots=2)

    assert await platform.resolver.step() == 1

    assert (await platform.row(bought)).status == SignalStatus.COMPLETED
    assert (await platform.row(waiting)).status == SignalStatus.EXECUTING
    is_still_asked = platform.resolver._offering.is_under_way
    assert is_still_asked, "the engine has not answered the other's offer"


async def test_an_engine_without_time_sends_shield_to_the_nodes_at_once_and_says_so(
    platform: Platform, mint: str
) -> None:
    platform.sandbox.fault(plane="jito", method="sendBundle", kind="http_error", status=429)
    uuid = await platform.signal(mint)
    await platform.work()
    [row] = await platform.submissions(uuid)
    assert row.route == STANDARD
    await platform.settle()
    assert (await platform.row(uuid)).status == SignalStatus.COMPLETED
    codes = [code for code, _ in await story(platform, uuid)]
    assert codes == ["ENGINE_REFUSED", "BOUGHT"]


async def test_a_limit_of_the_engine_and_a_refusal_of_the_nodes_prove_nothing(
    platform: Platform, mint: str
) -> None:
    platform.sandbox.fault(plane="jito", method="sendBundle", kind="http_error", status=429)
    platform.sandbox.fault(plane="rpc", method="sendTransaction", kind="rpc_error", code=-32602)
    uuid = await platform.signal(mint)
    await platform.work()
    assert [row.status for row in await platform.submissions(uuid)] == [SubmissionStatus.IN_FLIGHT]
    assert await platform.see(Submission.objects.count) == 1
