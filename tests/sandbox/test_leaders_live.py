"""Live time at the default tempo: enough happens for a visitor to watch, and all of it adds up."""

import json
from dataclasses import dataclass, field

import pytest
from solders.pubkey import Pubkey

from tests.sandbox.worlds import SOL, followed, new_world
from workers.sandbox.leaders import NOTE
from workers.sandbox.records import TransactionLanded
from workers.sandbox.trades import LeaderTrade, Side
from workers.sandbox.wallet import holding
from workers.sandbox.world import World

WATCHED_SECONDS = 180
SLOT_SECONDS = 0.4


@dataclass(slots=True)
class Watched:
    """What a visitor saw: leaders' trades with the second they happened, and price extremes."""

    world: World
    trades: list[tuple[float, LeaderTrade]] = field(default_factory=list)
    failed: int = 0
    landed: int = 0
    oversold: list[LeaderTrade] = field(default_factory=list)
    prices: dict[str, list[float]] = field(default_factory=dict)
    now: float = 0.0

    def note(self, trade: LeaderTrade) -> None:
        self.trades.append((self.now, trade))

    def count(self, event) -> None:
        if isinstance(event, TransactionLanded):
            self.landed += 1
            self.failed += event.record.err is not None

    def watch(self, seconds: float) -> None:
        start = self.world.chain.unix_time
        while self.now < seconds:
            self.now += SLOT_SECONDS
            self.world.tick(start + self.now)
            self.world.chain.close_slot()
            for listing in self.world.market.listings.values():
                price = self.world.market.reserves(listing).price
                self.prices.setdefault(listing.token.symbol, []).append(price)


@pytest.fixture(scope="module")
def watched() -> Watched:
    world = new_world(history_days=0.4, mode="slot")
    world.generate()
    world.resume(world.chain.unix_time)
    watched = Watched(world=world)
    world.on_trade(watched.note)
    world.chain.listen(watched.count)
    watched.watch(WATCHED_SECONDS)
    return watched


def trades_of_followed(watched: Watched, side: Side) -> list[tuple[float, LeaderTrade]]:
    active = set(followed(watched.world))
    return [each for each in watched.trades if each[1].address in active and each[1].side is side]


def test_followed_leaders_buy_safe_tokens_often_enough(watched):
    safe = {
        str(each.token.mint)
        for each in watched.world.market.listings.values()
        if each.token.is_good
    }
    bought = [each for each in trades_of_followed(watched, Side.BUY) if each[1].mint in safe]
    assert len(bought) >= 8
    assert all(SOL // 20 <= trade.amount_lamports <= 3 * SOL for _, trade in bought)


def test_most_of_what_they_bought_early_is_sold_within_two_minutes(watched):
    bought = [each for each in trades_of_followed(watched, Side.BUY) if each[0] < 55]
    sold = trades_of_followed(watched, Side.SELL)
    holds = []
    for at, buy in bought:
        later = [
            time - at
            for time, sale in sold
            if (sale.address, sale.mint) == (buy.address, buy.mint) and time > at
        ]
        holds += later[:1]
    assert len(holds) >= len(bought) * 0.7
    assert sum(5 <= hold <= 125 for hold in holds) >= len(holds) * 0.9


def test_nobody_sells_what_is_not_there(watched):
    assert watched.failed <= watched.landed * 0.02
    for _, trade in watched.trades:
        if trade.side is Side.SELL:
            assert 0 < trade.fraction <= 1


def test_what_leaders_plan_to_sell_is_in_their_wallets(watched):
    world = watched.world
    world.save()
    plans = {
        name.removeprefix(NOTE): json.loads(note)
        for name, note in world.chain.notes.items()
        if name.startswith(NOTE)
    }
    assert any(plan["positions"] for plan in plans.values())
    for address, plan in plans.items():
        for position in plan["positions"]:
            mint = Pubkey.from_string(position["mint"])
            program = world.market.listing(mint).token.program
            owner = Pubkey.from_string(address)
            assert holding(world.chain, owner=owner, mint=mint, program=program) > 0


def test_prices_move_enough_for_stops_and_targets(watched):
    swings = {symbol: max(seen) / min(seen) for symbol, seen in watched.prices.items()}
    memecoins = [swings[symbol] for symbol in ("MANGO", "PIXEL", "TURBO", "GECKO", "NOVA", "NEXT")]
    assert max(memecoins) > 1.25
    assert sum(swing > 1.08 for swing in memecoins) >= 4
    assert swings["USDC"] < 1.05


def test_a_stopped_market_stands_still():
    world = new_world(mode="slot")
    world.resume(world.chain.unix_time)
    world.configure(running=False)
    before = world.chain.transaction_count
    now = world.chain.unix_time
    for second in range(120):
        world.tick(now + second)
    assert world.chain.transaction_count == before
    world.configure(running=True, tempo=60)
    for second in range(120, 240):
        world.tick(now + second)
    assert world.chain.transaction_count > before


@pytest.mark.parametrize("tempo", [-1.0, float("nan"), 1e9])
def test_a_senseless_tempo_is_refused(tempo):
    with pytest.raises(ValueError, match="tempo"):
        new_world().configure(tempo=tempo)
