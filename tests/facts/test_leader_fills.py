"""What the leader paid is read from its own transaction, and a price far from it is not followed."""

from decimal import Decimal
from typing import Any

import pytest
from solders.signature import Signature

from tests import factories
from tests.cluster import Sandbox
from tests.facts.desks import SIZE, SOL, Asker, mint_of, request
from tests.gateways.trader import Trader
from tests.platform import Platform
from trading.domain.decision import DenialCode, LeaderFill
from trading.domain.lifecycle import SignalStatus
from trading.facts.fills import leader_fill, read_fill
from trading.facts.shelf import deadline
from trading.gateways.connect import Gateways
from trading.models import Decision


@pytest.fixture
def mint(sandbox: Sandbox) -> str:
    return mint_of(sandbox, "NOVA")


def leader_on(sandbox: Sandbox, gateways: Gateways) -> Trader:
    keypair = sandbox.funded_keypair(5 * SOL)
    return Trader(sandbox=sandbox, gateways=gateways, keypair=keypair, pubkey=keypair.pubkey())


async def fill_of(asker: Asker, mint: str, leader: str, named: str) -> LeaderFill:
    asked = request(mint, leader, source_signature=named)
    return await leader_fill(asker.gateways, asked, is_needed=False, until=deadline())


async def test_the_price_is_what_the_leader_paid_without_fee_tip_and_rent(
    asker: Asker, mint: str
) -> None:
    leader = leader_on(asker.sandbox, asker.gateways)
    bought = await leader.buy(mint, SIZE)
    fill = await fill_of(asker, mint, leader.address, bought.signature)
    held = (await leader.holding(mint)).amount_raw
    assert fill.lamports_per_raw == Decimal(SIZE) / held
    assert (fill.unknown, fill.is_frozen) == ("", False)


async def test_only_a_purchase_of_the_leader_itself_tells_a_price(asker: Asker, mint: str) -> None:
    leader = leader_on(asker.sandbox, asker.gateways)
    bought = await leader.buy(mint, SIZE)
    stranger = str(asker.keypair.pubkey())
    for wallet, what, why in (
        (stranger, mint, "not a transaction of the leader"),
        (leader.address, mint_of(asker.sandbox, "BONK"), "not a purchase for SOL"),
    ):
        fill = await fill_of(asker, what, wallet, bought.signature)
        assert fill == LeaderFill(unknown=why)


async def test_a_transaction_that_nobody_knows_and_none_at_all_are_told_apart(
    asker: Asker, mint: str
) -> None:
    leader = str(asker.keypair.pubkey())
    unheard = await fill_of(asker, mint, leader, str(Signature.new_unique()))
    assert unheard.unknown == "the chain does not know the transaction"
    unnamed = await fill_of(asker, mint, leader, "")
    assert unnamed.unknown == "the signal names no transaction"


async def test_a_failed_transaction_is_no_fill(asker: Asker, mint: str) -> None:
    leader = leader_on(asker.sandbox, asker.gateways)
    quote = await leader.quote_buy(mint, SIZE, slippage_bps=1)
    signed = await leader.sign(quote)
    await leader.buy(mint, SOL)
    await asker.gateways.rpc.send_transaction(signed.wire)
    fill = await fill_of(asker, mint, leader.address, signed.signature)
    assert fill.unknown == "the leader's transaction failed"


@pytest.mark.parametrize("reply", [{}, {"meta": None}, {"meta": {}, "transaction": []}])
def test_a_reply_of_another_shape_is_not_known(reply: dict[str, Any]) -> None:
    assert read_fill(reply, leader="x", mint="y").unknown == "not a transaction of the leader"


async def followed(
    platform: Platform, mint: str, *, factor: float, **policy: Any
) -> tuple[str, str, dict[str, Any]]:
    """Status and code of a buy whose price moved by `factor` since the leader's, and the gate about it."""
    if policy:
        await platform.policy(**policy)
    leader = leader_on(platform.sandbox, platform.desk.gateways)
    bought = await leader.buy(mint, SIZE)
    platform.sandbox.control("POST", f"market/{mint}/price", {"factor": factor})
    # The wallet on the roster cannot trade here, so it lends its name to the one that did.
    uuid = await platform.signal(
        mint, source_signature=bought.signature, leader_address=await enlisted(platform, leader)
    )
    await platform.work()
    platform.sandbox.control("POST", f"market/{mint}/price", {"factor": 1 / factor})
    row = await platform.row(uuid)
    decision = await platform.see(lambda: Decision.objects.get(signal=uuid))
    gate = next((g for g in decision.gates if g["code"] == DenialCode.PRICE_MOVED), {})
    return row.status, row.code, gate


async def enlisted(platform: Platform, leader: Trader) -> str:
    await platform.see(lambda: factories.make_leader(leader.address))
    return leader.address


@pytest.mark.parametrize("factor", [1.25, 0.8])
async def test_a_price_that_ran_away_from_the_leaders_is_not_followed(
    platform: Platform, mint: str, factor: float
) -> None:
    status, code, gate = await followed(platform, mint, factor=factor)
    assert (status, code) == (SignalStatus.REJECTED, DenialCode.PRICE_MOVED)
    assert gate["limit"] == "1000 bps"
    assert gate["measured"].startswith("+" if factor > 1 else "-")


async def test_a_price_near_the_leaders_is_followed(platform: Platform, mint: str) -> None:
    status, _, gate = await followed(platform, mint, factor=1.03)
    assert status == SignalStatus.EXECUTING
    assert gate["is_passed"]


async def test_how_far_is_the_policys_to_say(platform: Platform, mint: str) -> None:
    status, _, gate = await followed(platform, mint, factor=1.25, maximum_price_move_bps=4_000)
    assert status == SignalStatus.EXECUTING
    assert gate["is_passed"]


@pytest.mark.parametrize("is_allowed", [True, False])
async def test_whether_an_unknown_price_is_followed_is_the_policys_choice(
    platform: Platform, mint: str, is_allowed: bool
) -> None:
    await platform.policy(allow_unknown_leader_price=is_allowed)
    uuid = await platform.signal(mint)
    await platform.work()
    row = await platform.row(uuid)
    decision = await platform.see(lambda: Decision.objects.get(signal=uuid))
    gate = next(g for g in decision.gates if g["code"] == DenialCode.PRICE_MOVED)
    assert gate["measured"] == "not known: the signal names no transaction"
    assert row.status == (SignalStatus.EXECUTING if is_allowed else SignalStatus.REJECTED)
    assert row.code == ("" if is_allowed else DenialCode.PRICE_MOVED)
