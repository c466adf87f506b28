"""What leaves our wallet without us: seen, told, sold down to what is there, written off; books = chain after."""

from decimal import Decimal
from typing import Any

import pytest
from solders.pubkey import Pubkey
from spl.token.instructions import create_idempotent_associated_token_account

from audit.models import Entry, Incident
from tests import factories
from tests.cluster import Sandbox
from tests.journeys.trades import somebody
from tests.platform import SOL, Platform
from tests.sandbox.payer import Payer
from trading.domain.decision import Order
from trading.domain.lifecycle import PositionStatus, SignalStatus
from trading.domain.policy import Policy
from trading.domain.tips import price_tip
from trading.domain.trips import Rule
from trading.domain.values import WSOL_MINT, Route
from trading.models import Disposal, Fill, Lot, Position, TradingState
from trading.reconciliation.check import reconcile
from trading.services.breaker import evaluate_breaker, reset_breaker
from trading.services.control import request_exit
from trading.services.losses import UnableToWriteOff, write_off
from trading.services.state import TradingNow, trading_state
from wallets.models import TradingWallet
from workers.custody import Custody
from workers.passage import Passage
from workers.purchase import Purchase
from workers.sandbox.orders import token_account_of, transfer_tokens


def mint_of(sandbox: Sandbox, symbol: str) -> str:
    return next(str(each["mint"]) for each in sandbox.tokens() if each["symbol"] == symbol)


async def bought_all_the_same(platform: Platform, mint: str) -> Position:
    """A position in a token that our checks would have refused, by the code that follows the decision."""
    uuid = await platform.signal(mint)
    claim = await platform.see(
        lambda: factories.claim_one(token="tests", is_exit=False, now=platform.clock())
    )
    assert claim is not None
    quote = await platform.desk.gateways.jupiter.quote(
        input_mint=WSOL_MINT, output_mint=mint, amount_raw=SOL // 4, slippage_bps=200
    )
    order = Order(size_lamports=SOL // 4, route=Route.JITO, gates=())
    purchase = Purchase(
        desk=platform.desk,
        claim=claim,
        policy=Policy(),
        tip=price_tip(policy=Policy(), percentile=50, market=None, fixed_lamports=1_000_000),
        reachable=Route.JITO,
        watch=Passage(claim, clock=platform.clock),
    )
    await purchase.build_and_send(order, quote)
    await platform.settle()
    return await platform.see(lambda: Position.objects.get(signal=uuid))


def claw_back(platform: Platform, mint: str, fraction: float) -> int:
    body = {"holder": platform.desk.address, "fraction": fraction}
    return int(platform.sandbox.control("POST", f"market/{mint}/claw-back", body)["amount_raw"])


async def watched(platform: Platform, *, looks: int = 2) -> int:
    """How many positions are short at the last of these looks; each is a new watcher's."""
    short = 0
    platform.clock.advance(seconds=21)
    for _ in range(looks):
        custody = Custody(
            rpc=platform.desk.gateways.rpc,
            writer=platform.desk.writer,
            wallet=platform.desk.address,
            clock=platform.clock,
        )
        short = await custody.step()
        platform.clock.advance(seconds=3)
    return short


async def findings(platform: Platform) -> Any:
    await platform.see(
        lambda: TradingWallet.objects.get_or_create(
            address=platform.desk.address,
            defaults={"label": "tests", "created_at": platform.clock()},
        )
    )
    report = await reconcile(platform.desk.gateways.rpc, settle_seconds=0, read_rows=platform.see)
    return report.findings


async def written_off(platform: Platform, position: Position) -> Position:
    await platform.see(
        lambda: write_off(position.pk, actor="ada", reason="it is gone", now=platform.clock())
    )
    return await platform.position(position)


async def incidents(platform: Platform, prefix: str) -> list[Incident]:
    return await platform.see(
        lambda: list(Incident.objects.filter(key__startswith=prefix, resolved_at=None))
    )


async def test_a_claw_back_is_told_sold_down_and_leaves_books_equal_to_the_chain(
    platform: Platform,
) -> None:
    mint = mint_of(platform.sandbox, "LEASH")
    position = await bought_all_the_same(platform, mint)
    assert await watched(platform) == 0
    assert (await platform.position(position)).chain_raw == position.held_raw
    taken = claw_back(platform, mint, 0.6)
    assert await watched(platform, looks=1) == 0, "one look may be a node that lags"
    assert await watched(platform, looks=1) == 1
    [told] = await incidents(platform, "holding:")
    assert "without a sale of ours" in told.title
    assert "permanent delegate" in told.detail
    await platform.see(
        lambda: request_exit(position.pk, actor="ada", reason="run", now=platform.clock())
    )
    await platform.desk.conditions.refresh_once()
    assert await platform.work(is_exit=True)
    await platform.settle()
    closed = await platform.position(position)
    assert (closed.status, closed.held_raw) == (PositionStatus.CLOSED, 0)
    assert await platform.held_raw(mint) == 0
    kinds = await platform.see(
        lambda: list(Disposal.objects.order_by("id").values_list("kind", "token_raw"))
    )
    assert kinds == [("SOLD", position.held_raw - taken), ("LOST", taken)]
    assert not await incidents(platform, "holding:")
    [kept] = await incidents(platform, "shortfall:")
    assert "booked as lost" in kept.detail
    assert await platform.see(Entry.objects.filter(action="position.shortfall_booked").count) == 1
    assert await findings(platform) == ()


async def test_a_position_that_is_gone_is_written_off_and_owes_no_exit_any_more(
    platform: Platform,
) -> None:
    mint = mint_of(platform.sandbox, "LEASH")
    position = await bought_all_the_same(platform, mint)
    claw_back(platform, mint, 1.0)
    sells = [await platform.sell_signal(mint)]
    sells.append(
        (
            await platform.see(
                lambda: request_exit(position.pk, actor="ada", reason="run", now=platform.clock())
            )
        ).uuid
    )
    for _ in sells:
        assert await platform.work(is_exit=True)
    assert {(await platform.row(uuid)).code for uuid in sells} == {"NOT_HELD"}
    with pytest.raises(UnableToWriteOff, match="nobody has seen"):
        await written_off(platform, position)
    await watched(platform, looks=1)
    closed = await written_off(platform, position)
    assert (closed.status, closed.exit_reason) == (PositionStatus.CLOSED, "WRITTEN_OFF")
    fill = await platform.see(lambda: Fill.objects.get(position=position))
    costs = fill.network_fee_lamports + fill.tip_lamports + fill.rent_lamports
    assert closed.realised_pnl_lamports == -position.cost_lamports - costs
    lot = await platform.see(lambda: Lot.objects.get(position=position))
    assert lot.left_raw == 0
    assert await platform.work(is_exit=True)
    assert [(await platform.row(uuid)).status for uuid in sells] == [SignalStatus.SKIPPED] * 2
    assert not await platform.work(is_exit=True)
    entry = await platform.see(lambda: Entry.objects.get(action="position.written_off"))
    assert (entry.actor, entry.reason) == ("ada", "it is gone")
    assert not await incidents(platform, "holding:")
    assert await findings(platform) == ()
    with pytest.raises(UnableToWriteOff, match="no such open position"):
        await written_off(platform, position)


async def test_what_can_be_sold_is_not_written_off_and_what_nobody_takes_is_abandoned(
    platform: Platform,
) -> None:
    mint = mint_of(platform.sandbox, "JUP")
    position = await platform.bought(mint)
    await watched(platform, looks=1)
    with pytest.raises(UnableToWriteOff, match="close it instead"):
        await written_off(platform, position)
    platform.sandbox.fault(plane="jupiter", kind="no_route")
    await platform.sell_signal(mint)
    for _ in range(3):
        await platform.work(is_exit=True)
        platform.clock.advance(seconds=5)
    price = Decimal(150)
    await platform.see(
        lambda: TradingState.objects.update(sol_price_usd=price, sol_priced_at=platform.clock())
    )
    closed = await written_off(platform, position)
    assert closed.status == PositionStatus.CLOSED
    part = await platform.see(Disposal.objects.get)
    assert (part.kind, part.token_raw) == ("ABANDONED", position.held_raw)
    assert part.sol_price_usd == price
    assert await platform.held_raw(mint) == position.held_raw
    assert await findings(platform) == ()
    platform.sandbox.clear()
    platform.clock.advance(seconds=200)
    await platform.desk.conditions.refresh_once()
    again = await platform.bought(mint)
    await platform.sell_signal(mint)
    # What the written-off position still owed has nothing to sell, and ends where it is claimed.
    assert await platform.work(is_exit=True)
    await platform.settle()
    assert (await platform.position(again)).status == PositionStatus.CLOSED
    assert await findings(platform) == ()


async def test_a_position_that_is_being_sold_is_not_written_off(platform: Platform) -> None:
    mint = mint_of(platform.sandbox, "JUP")
    position = await platform.bought(mint)
    await platform.sell_signal(mint)
    await platform.work(is_exit=True)
    with pytest.raises(UnableToWriteOff, match="being sold"):
        await written_off(platform, position)


async def test_tokens_that_our_own_key_sent_away_are_told_too(platform: Platform) -> None:
    mint = mint_of(platform.sandbox, "JUP")
    position = await platform.bought(mint)
    thief = Payer(sandbox=platform.sandbox, keypair=platform.keypair)
    program = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
    key, receiver = Pubkey.from_string(mint), somebody()
    thief.send(
        create_idempotent_associated_token_account(thief.address, receiver, key, program),
        transfer_tokens(
            source=token_account_of(thief.address, key, program),
            destination=token_account_of(receiver, key, program),
            mint=key,
            authority=thief.address,
            amount=position.held_raw // 2,
            decimals=position.decimals,
            program=program,
        ),
    )
    assert await watched(platform) == 1
    assert [each.kind for each in await findings(platform)].count("UNKNOWN_TX") == 1


async def test_nothing_is_compared_while_a_transaction_of_the_token_is_on_its_way(
    platform: Platform,
) -> None:
    mint = mint_of(platform.sandbox, "JUP")
    position = await platform.bought(mint)
    platform.clock.advance(seconds=21)
    await platform.desk.conditions.refresh_once()
    await platform.sell_signal(mint, fraction="0.5")
    await platform.work(is_exit=True)
    assert await watched(platform) == 0
    assert (await platform.position(position)).chain_raw is None
    await platform.settle()
    custody = Custody(
        rpc=platform.desk.gateways.rpc,
        writer=platform.desk.writer,
        wallet=platform.desk.address,
        clock=platform.clock,
    )
    await custody.step()
    assert (await platform.position(position)).chain_raw is None, "a node may lag behind the fill"
    assert await watched(platform) == 0
    seen = await platform.position(position)
    assert seen.chain_raw == seen.held_raw


async def test_a_drained_wallet_halts_entries_until_a_person_resets_it(
    platform: Platform,
) -> None:
    mint = mint_of(platform.sandbox, "JUP")
    await platform.bought(mint)
    watcher = platform.watcher

    async def watched_for(seconds: int) -> TradingNow:
        for _ in range(0, seconds, 5):
            platform.clock.advance(seconds=5)
            await watcher.step()
        await platform.see(
            lambda: evaluate_breaker(now=platform.clock(), sol_price=watcher.sol_price)
        )
        return await platform.see(trading_state)

    await watched_for(30)
    thief = Payer(sandbox=platform.sandbox, keypair=platform.keypair)
    for lamports, is_halted in ((5 * SOL - 2_000_000, False), (3_000_000, True)):
        thief.send(thief.pay(somebody(), lamports))
        assert not (await watched_for(15)).are_entries_halted, "a node may lag so long"
        state = await watched_for(10)
        assert (Rule.WALLET_DRAINED in {trip.rule for trip in state.trips}) is is_halted
        assert state.are_entries_halted is is_halted
    [told] = await incidents(platform, "breaker:WALLET_DRAINED")
    assert told.detail.startswith(
        "5.00 SOL left the wallet without a trade of ours (limit 5.00 SOL)"
    )
    await platform.sell_signal(mint)
    assert await platform.work(is_exit=True)
    await platform.settle()
    assert (await platform.see(Position.objects.get)).status == PositionStatus.CLOSED
    platform.clock.advance(hours=2)
    assert (await watched_for(5)).are_entries_halted, "time does not heal it"
    await platform.see(lambda: reset_breaker(actor="ada", reason="new key", now=platform.clock()))
    assert not (await watched_for(30)).are_entries_halted


async def test_withheld_transfer_fees_go_to_the_mint_so_that_the_account_closes(
    platform: Platform,
) -> None:
    mint = mint_of(platform.sandbox, "TOLL")
    await platform.policy(maximum_transfer_fee_bps=1_000, maximum_price_move_bps=10_000)
    position = await platform.bought(mint)
    account = await platform.desk.gateways.rpc.account(position.token_account)
    assert account is not None
    assert any(account.data[-8:]), "our own buy left a withheld fee"
    await platform.sell_signal(mint)
    assert await platform.work(is_exit=True)
    await platform.settle()
    assert (await platform.position(position)).status == PositionStatus.CLOSED
    bought, sold = await platform.see(lambda: list(Fill.objects.filter(position=position)))
    assert sold.rent_lamports == -bought.rent_lamports < 0
    assert await platform.desk.gateways.rpc.account(position.token_account) is None
    assert await findings(platform) == ()
