"""What nobody can tell is seen by people, keeps all reserved, and ends by a ruling or by the chain."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import Client
from django.urls import reverse

from audit.models import Entry, Incident
from tests import factories
from tests.cluster import Sandbox
from tests.platform import SOL, Platform
from trading.domain.lifecycle import PositionStatus, SignalStatus, SubmissionStatus
from trading.domain.values import WSOL_MINT, Route
from trading.models import (
    UNKNOWN,
    EquityPoint,
    Fill,
    Position,
    SignalEvent,
    Submission,
    UnknownOutcome,
)
from wallets.models import TradingWallet

SIZE = SOL // 4


@pytest.fixture
def mint(sandbox: Sandbox) -> str:
    return next(str(each["mint"]) for each in sandbox.tokens("major") if each["symbol"] == "JUP")


@pytest.fixture
async def staff(platform: Platform, settings) -> AsyncIterator[Client]:
    """A member of staff at a web process that asks the same outside."""
    settings.RPC_URLS = [
        f"{platform.sandbox.url}/rpc/primary",
        f"{platform.sandbox.url}/rpc/second",
    ]
    settings.JITO_URL = platform.sandbox.jito_url
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    client = Client()

    def prepare() -> None:
        TradingWallet.objects.create(
            address=platform.desk.address, label="Main", created_at=platform.clock()
        )
        factories.make_equity([20])
        client.force_login(factories.make_user("ada", is_staff=True))

    await platform.see(prepare)
    await sync_to_async(_forget_connection)()
    yield client
    await sync_to_async(_forget_connection)()


def _forget_connection() -> None:
    """The thread of the pages may still be connected to another test's database."""
    connections["default"].close()
    del connections["default"]


async def post(platform: Platform, client: Client, name: str, row: Submission, **form: object):
    url, body = reverse(name, args=[row.pk]), {"reason": "looked at the explorer", **form}
    return await sync_to_async(client.post)(url, body, follow=True)


async def page_of(client: Client, name: str, *arguments: object) -> str:
    answer = await sync_to_async(client.get)(reverse(name, args=arguments))
    return answer.content.decode().replace("\N{NO-BREAK SPACE}", " ")


async def only(platform: Platform, uuid: UUID) -> Submission:
    [row] = await platform.submissions(uuid)
    return row


async def silenced(platform: Platform, mint: str) -> Submission:
    """A buy that landed, and for minutes no node gives the transaction."""
    uuid = await platform.signal(mint)
    await platform.work()
    platform.sandbox.fault(plane="rpc", method="getTransaction", kind="http_error")
    platform.clock.advance(minutes=3)
    await platform.settle()
    return await only(platform, uuid)


async def dropped(platform: Platform, mint: str) -> Submission:
    """A buy that nobody ever took, while for minutes no node answers."""
    platform.sandbox.fault(plane="jito", kind="bundle_drop")
    uuid = await platform.signal(mint)
    await platform.work()
    rule = platform.sandbox.fault(plane="rpc", method="getSignatureStatuses", kind="http_error")
    platform.clock.advance(minutes=3)
    with pytest.raises(Exception, match="503"):
        await platform.settle()
    platform.sandbox.control("DELETE", f"faults/{rule}")
    return await only(platform, uuid)


async def test_a_silent_chain_is_told_after_two_minutes_and_everything_stays_reserved(
    platform: Platform, mint: str
) -> None:
    uuid = await platform.signal(mint)
    await platform.work()
    platform.sandbox.fault(plane="rpc", method="getSignatureStatuses", kind="http_error")
    for minutes in (1, 3):
        platform.clock.advance(minutes=minutes)
        with pytest.raises(Exception, match="503"):
            await platform.settle()
        row = await only(platform, uuid)
        assert (row.unknown_since is not None) is (minutes == 3)
    assert (row.status, row.told_status) == (SubmissionStatus.IN_FLIGHT, UNKNOWN)
    assert "no node answers" in row.unknown_text
    signal = await platform.row(uuid)
    assert (signal.status, signal.reserved_lamports) == (SignalStatus.EXECUTING, SIZE)
    again = await platform.signal(mint)
    await platform.work()
    assert (await platform.row(again)).code == "ALREADY_HELD"
    assert await platform.see(Incident.objects.filter(resolved_at=None).count) == 1
    codes = await platform.see(
        lambda: list(SignalEvent.objects.filter(signal=uuid).values_list("code", flat=True))
    )
    assert codes.count(UNKNOWN) == 1


async def test_a_chain_that_answers_in_the_end_is_booked_by_itself(
    platform: Platform, mint: str
) -> None:
    row = await silenced(platform, mint)
    assert row.told_status == UNKNOWN
    platform.sandbox.clear()
    await platform.settle()
    row = await only(platform, row.signal_id)
    assert (row.status, row.unknown_since) == (SubmissionStatus.LANDED, None)
    assert (await platform.row(row.signal_id)).status == SignalStatus.COMPLETED
    assert not await platform.see(Incident.objects.filter(resolved_at=None).exists)


async def test_tokens_that_the_books_do_not_know_keep_an_expired_buy_from_being_dead(
    platform: Platform, mint: str
) -> None:
    """As after a node was started from a snapshot: it knows no status for what happened before."""
    await _buy_past_the_books(platform, mint)
    platform.sandbox.fault(plane="jito", kind="bundle_drop")
    uuid = await platform.signal(mint)
    await platform.work()
    platform.sandbox.advance(slots=200)
    await platform.settle()
    row = await only(platform, uuid)
    assert row.told_status == UNKNOWN
    assert "the books say 0" in row.unknown_text


async def test_a_contradiction_that_waits_for_people_is_not_asked_about_at_every_step(
    platform: Platform, mint: str
) -> None:
    await _buy_past_the_books(platform, mint)
    platform.sandbox.fault(plane="jito", kind="bundle_drop")
    uuid = await platform.signal(mint)
    await platform.work()
    platform.sandbox.advance(slots=200)
    platform.clock.hold()
    await platform.settle()

    async def calls_of(*, steps: int) -> int:
        before = platform.desk.gateways.rpc.weather().calls
        await platform.settle(steps=steps)
        return platform.desk.gateways.rpc.weather().calls - before

    assert await calls_of(steps=4) == 4, "only whether anybody knows it by now"
    platform.clock.advance(seconds=6)
    assert await calls_of(steps=1) > 1
    assert (await only(platform, uuid)).told_status == UNKNOWN


async def test_ruled_landed_is_booked_from_the_transaction_when_a_node_gives_it(
    platform: Platform, mint: str, staff: Client
) -> None:
    row = await silenced(platform, mint)
    platform.sandbox.clear()
    answer = await post(platform, staff, "rule_landed", row)
    assert "Booked as landed, from its own transaction." in answer.content.decode()
    await _is_bought(platform, row, mint)
    entry = await platform.see(Entry.objects.get)
    assert (entry.action, entry.actor) == ("submission.ruled_landed", "ada")
    assert entry.reason == "looked at the explorer"
    assert (await platform.resolver.step(), len(await platform.landed())) == (0, 1)


async def test_ruled_landed_from_figures_books_what_was_entered(
    platform: Platform, mint: str, staff: Client
) -> None:
    row = await silenced(platform, mint)
    form = await _proposed(platform, staff, row, mint)
    answer = await post(platform, staff, "rule_landed", row, **form)
    assert "Booked as landed, from figures entered by hand." in answer.content.decode()
    await _is_bought(platform, row, mint)
    fill = await platform.see(lambda: Fill.objects.get(submission=row))
    assert (fill.sol_lamports, int(fill.token_raw)) == (SIZE, int(form["token_raw"]))
    platform.sandbox.clear()
    assert await platform.resolver.step() == 0


async def test_figures_that_contradict_what_was_signed_are_not_booked(
    platform: Platform, mint: str, staff: Client
) -> None:
    row = await silenced(platform, mint)
    form = await _proposed(platform, staff, row, mint) | {"sol_lamports": SIZE + 1, "token_raw": 0}
    answer = await post(platform, staff, "rule_landed", row, **form)
    assert answer.status_code == 422
    text = answer.content.decode()
    assert f"the signed swap takes exactly {SIZE}" in text
    assert "a swap that landed gave something" in text
    assert (await only(platform, row.signal_id)).told_status == UNKNOWN


async def test_ruling_twice_books_once(platform: Platform, mint: str, staff: Client) -> None:
    row = await silenced(platform, mint)
    platform.sandbox.clear()
    await post(platform, staff, "rule_landed", row)
    for name in ("rule_landed", "rule_never_landed"):
        answer = await post(platform, staff, name, row)
        assert "Nothing was changed" in answer.content.decode()
    assert await platform.see(Fill.objects.count) == 1
    assert await platform.see(Entry.objects.count) == 1


async def test_ruled_never_landed_lets_the_signal_go_on_and_it_is_bought_once(
    platform: Platform, mint: str, staff: Client
) -> None:
    row = await dropped(platform, mint)
    assert row.told_status == UNKNOWN
    refused = await post(platform, staff, "rule_never_landed", row)
    assert "it may still land" in refused.content.decode()
    platform.sandbox.advance(slots=200)
    answer = await post(platform, staff, "rule_never_landed", row)
    assert "Booked as never landed" in answer.content.decode()
    dead = await only(platform, row.signal_id)
    assert (dead.status, dead.error) == (SubmissionStatus.EXPIRED, "never landed, ruled by ada")
    assert (await platform.row(row.signal_id)).status == SignalStatus.RETRY
    again = await post(platform, staff, "rule_never_landed", row)
    assert "Nothing was changed" in again.content.decode()
    platform.sandbox.clear()
    platform.clock.ahead = timedelta(seconds=2)
    await platform.desk.conditions.refresh_once()
    assert await platform.work()
    await platform.settle()
    assert (await platform.row(row.signal_id)).status == SignalStatus.COMPLETED
    assert len(await platform.landed()) == 1
    [entry] = await platform.see(lambda: list(Entry.objects.all()))
    assert entry.action == "submission.ruled_never_landed"


async def test_what_a_node_knows_cannot_be_ruled_dead(
    platform: Platform, mint: str, staff: Client
) -> None:
    row = await silenced(platform, mint)
    platform.sandbox.advance(slots=200)
    answer = await post(platform, staff, "rule_never_landed", row)
    assert "knows the signature: it has landed" in answer.content.decode()
    assert (await only(platform, row.signal_id)).told_status == UNKNOWN


async def test_nothing_is_ruled_dead_while_no_node_answers(
    platform: Platform, mint: str, staff: Client
) -> None:
    row = await dropped(platform, mint)
    platform.sandbox.advance(slots=200)
    platform.sandbox.fault(plane="rpc", kind="http_error")
    answer = await post(platform, staff, "rule_never_landed", row)
    assert "no node tells the block height" in answer.content.decode()
    assert (await only(platform, row.signal_id)).told_status == UNKNOWN


async def test_an_unknown_sell_keeps_its_position_and_is_sold_again_once_ruled_dead(
    platform: Platform, mint: str, staff: Client
) -> None:
    position = await platform.bought(mint)
    platform.sandbox.fault(plane="jito", kind="bundle_drop")
    platform.sandbox.fault(plane="rpc", kind="drop_tx")
    uuid = await platform.sell_signal(mint)
    await platform.work(is_exit=True)
    platform.clock.advance(minutes=3)
    await platform.settle()
    row = await only(platform, uuid)
    assert row.told_status == UNKNOWN
    assert (await platform.position(position)).status == PositionStatus.EXITING
    platform.sandbox.advance(slots=200)
    await post(platform, staff, "rule_never_landed", row)
    assert (await platform.position(position)).status == PositionStatus.ACTIVE
    platform.sandbox.clear()
    platform.clock.advance(seconds=5)
    await platform.desk.conditions.refresh_once()
    assert await platform.work(is_exit=True)
    await platform.settle()
    assert (await platform.position(position)).status == PositionStatus.CLOSED
    assert await platform.held_raw(mint) == 0


async def test_the_evidence_names_every_node_the_engine_and_the_wallet(
    platform: Platform, mint: str, staff: Client
) -> None:
    row = await silenced(platform, mint)
    platform.sandbox.fault(plane="rpc", endpoint="second", kind="garbage")
    page = await page_of(staff, "evidence", row.pk)
    assert row.signature in page
    assert "solscan" not in page, "an explorer of the real chain knows nothing of the sandbox's"
    assert row.bundle_id in page
    assert page.count("asking…") == 4
    assert reverse("rule_landed", args=[row.pk]) in page
    first, second = [await page_of(staff, "ask_node", row.pk, number) for number in (0, 1)]
    assert "knows it" in first
    assert "it may still land" in first
    assert "not JSON" in second
    engine = await page_of(staff, "ask_engine", row.pk)
    assert "Of what is in flight: Landed in slot" in engine
    assert "Of what landed: " in engine
    wallet = await page_of(staff, "ask_wallet", row.pk)
    assert f"the chain holds {await platform.held_raw(mint)} raw, the books 0" in wallet
    listed = await sync_to_async(staff.get)(reverse("admin:trading_unknownoutcome_changelist"))
    assert reverse("evidence", args=[row.pk]) in listed.content.decode()
    story = await page_of(staff, "signal", row.signal_id)
    assert "Nobody can tell whether it landed" in story
    assert "1</b> unknown outcome" in await page_of(staff, "command_center")


async def test_two_at_once_make_one_difference_so_the_quote_stands_for_it(
    platform: Platform, mint: str, staff: Client
) -> None:
    await platform.see(lambda: EquityPoint.objects.update(outside_lamports=20 * SOL))
    row = await silenced(platform, mint)
    assert "the books expect 20.0" in await page_of(staff, "ask_wallet", row.pk)
    answer = await sync_to_async(staff.get)(reverse("rule_landed", args=[row.pk]))
    spent = 20 * SOL - await platform.desk.gateways.rpc.balance(platform.desk.address)
    alone = answer.context["form"].initial
    costs = alone["network_fee_lamports"] + alone["tip_lamports"] + alone["rent_lamports"]
    assert SIZE + costs == spent
    platform.clock.ahead = timedelta()
    await platform.desk.conditions.refresh_once()
    other = str(platform.sandbox.tokens("major")[0]["mint"])
    await platform.signal(other)
    await platform.work()
    wallet = await page_of(staff, "ask_wallet", row.pk)
    assert "1 other in flight moves it as well" in wallet
    answer = await sync_to_async(staff.get)(reverse("rule_landed", args=[row.pk]))
    assert answer.context["form"].initial["rent_lamports"] == 0


async def _is_bought(platform: Platform, row: Submission, mint: str) -> None:
    signal = await platform.row(row.signal_id)
    assert (signal.status, signal.code, signal.reserved_lamports) == ("COMPLETED", "BOUGHT", 0)
    position = await platform.see(lambda: Position.objects.get(signal=row.signal_id))
    assert int(position.held_raw) == await platform.held_raw(mint)
    assert not await platform.see(UnknownOutcome.objects.exists)


async def _proposed(
    platform: Platform, client: Client, row: Submission, mint: str
) -> dict[str, object]:
    """The form as it comes filled in."""
    answer = await sync_to_async(client.get)(reverse("rule_landed", args=[row.pk]))
    initial = answer.context["form"].initial
    assert initial["token_raw"] == await platform.held_raw(mint)
    assert initial["tip_lamports"] == row.tip_lamports
    assert initial["slot"] > 0
    return {name: value for name, value in initial.items() if name != "reason"}


async def _buy_past_the_books(platform: Platform, mint: str) -> None:
    """Our own wallet buys what a signal is about to ask for, and no row knows of it."""
    quote = await platform.desk.gateways.jupiter.quote(
        input_mint=WSOL_MINT, output_mint=mint, amount_raw=SIZE, slippage_bps=500
    )
    tip = platform.desk.choose_tip(route=Route.STANDARD, lamports=0)
    signed = platform.desk.sign(await platform.desk.materials(quote), tip=tip, variant=0)
    await platform.desk.gateways.rpc.send_transaction(signed.wire)
