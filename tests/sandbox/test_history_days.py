"""The generated days: the same for a seed, resumable, and worth scouting."""

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.cluster import REPOSITORY
from tests.sandbox.worlds import GENESIS_TIME, new_world
from workers.sandbox.chain import Chain
from workers.sandbox.history import DAY_SECONDS
from workers.sandbox.trades import LeaderTrade, Side
from workers.sandbox.world import World

SKILLED, UNSKILLED = {"skilled_high", "skilled_mid"}, {"unskilled", "contrarian", "wash_trader"}

GENERATE = """
from tests.sandbox.worlds import new_world
world = new_world(seed=7, history_days=0.15)
world.generate()
print(world.chain.state_hash())
"""


def state_hash_in_a_process(hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", GENERATE],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def open_file(path: Path, *, history_days: float) -> World:
    chain = Chain.open(path, seed=3, mode="slot", genesis_time=GENESIS_TIME)
    return World.open(chain, seed=3, history_days=history_days)


def test_the_same_seed_gives_the_same_chain_in_every_process():
    first, second = state_hash_in_a_process("0"), state_hash_in_a_process("4242")
    assert first == second
    assert len(first) == 64
    other = new_world(seed=8, history_days=0.15)
    other.generate()
    assert other.chain.state_hash() != first


def test_progress_is_reported_and_time_really_passes():
    world = new_world(history_days=0.1)
    heard: list[float] = []
    start = world.chain.unix_time
    assert world.progress == 0
    world.generate(heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    assert world.is_ready
    assert world.chain.unix_time - start == pytest.approx(0.1 * DAY_SECONDS, abs=5)


def test_a_world_reopened_from_its_file_goes_on_as_if_it_had_never_stopped(tmp_path):
    def live_twice(name: str, *, is_closed_between: bool) -> str:
        world = open_file(tmp_path / name, history_days=0.1)
        world.generate()
        run_live(world, seconds=30)
        if is_closed_between:
            world.checkpoint()
            world.chain.close()
            world = open_file(tmp_path / name, history_days=0.1)
            assert world.is_ready
        run_live(world, seconds=30)
        world.chain.close()
        return world.chain.state_hash()

    whole = live_twice("whole.sqlite3", is_closed_between=False)
    assert live_twice("parted.sqlite3", is_closed_between=True) == whole


def run_live(world: World, *, seconds: int) -> None:
    start = world.chain.unix_time
    world.resume(start)
    for second in range(1, seconds + 1):
        world.tick(start + second)
        world.chain.close_slot(elapsed_ms=1_000)


def test_a_history_cut_short_is_completed_at_the_next_start(tmp_path):
    class Cut(Exception):
        pass

    def cut(progress: float) -> None:
        if progress > 0.5:
            world.checkpoint()
            raise Cut

    world = open_file(tmp_path / "chain.sqlite3", history_days=0.1)
    with pytest.raises(Cut):
        world.generate(cut)
    world.chain.close()

    world = open_file(tmp_path / "chain.sqlite3", history_days=0.1)
    assert 0.5 < world.progress < 1
    world.generate()
    assert world.chain.unix_time - GENESIS_TIME == pytest.approx(0.1 * DAY_SECONDS, abs=5)


def test_a_pause_is_leapt_over_not_generated(tmp_path):
    world = open_file(tmp_path / "chain.sqlite3", history_days=0.1)
    world.generate()
    world.checkpoint()
    world.chain.close()

    world = open_file(tmp_path / "chain.sqlite3", history_days=0.1)
    before = world.chain.transaction_count
    later = world.chain.unix_time + 30 * DAY_SECONDS
    world.resume(later)
    world.tick(later)
    assert world.chain.unix_time == pytest.approx(later, abs=2)
    assert 0 < world.chain.transaction_count - before < 150


def test_a_stored_world_keeps_the_history_it_was_begun_with(tmp_path):
    world = open_file(tmp_path / "chain.sqlite3", history_days=0.05)
    world.generate()
    world.chain.close()
    again = open_file(tmp_path / "chain.sqlite3", history_days=10)
    assert again.is_ready
    assert again.history.seconds == 0.05 * DAY_SECONDS


@pytest.fixture(scope="module")
def lived() -> tuple[World, list[LeaderTrade]]:
    world = new_world(history_days=1.5)
    trades: list[LeaderTrade] = []
    world.on_trade(trades.append)
    world.generate()
    return world, trades


def profit_on_chain(world: World, addresses: Iterable[str]) -> int:
    """Lamports gained per wallet, every fee and tip included, open bags worth nothing."""
    total = 0
    for address in addresses:
        entries = world.chain.signatures_for(address, limit=10_000)
        for entry in entries:
            record = world.chain.transaction(entry.signature)
            assert record is not None
            place = record.account_keys.index(address)
            total += record.post_balances[place] - record.pre_balances[place]
    return total


def members(world: World, archetypes: set[str]) -> list[str]:
    return [
        address
        for address, profile in world.cast.profiles.items()
        if profile.archetype.name in archetypes
    ]


def test_skilled_leaders_earn_and_unskilled_ones_lose_on_chain(lived):
    world, _ = lived
    skilled = profit_on_chain(world, members(world, SKILLED)) / len(members(world, SKILLED))
    unskilled = profit_on_chain(world, members(world, UNSKILLED)) / len(members(world, UNSKILLED))
    assert skilled > 0 > unskilled


def test_skill_shows_in_the_win_rate(lived):
    world, trades = lived
    rates = win_rates(trades)
    skilled = [rates[each] for each in members(world, {"skilled_high"}) if each in rates]
    chance = [rates[each] for each in members(world, UNSKILLED) if each in rates]
    assert sum(skilled) / len(skilled) > 0.55
    assert sum(chance) / len(chance) < 0.45


def win_rates(trades: list[LeaderTrade]) -> dict[str, float]:
    """Share of sales above average cost, by wallet."""
    cost: dict[tuple[str, str], float] = defaultdict(float)
    wins: dict[str, list[bool]] = defaultdict(list)
    for trade in trades:
        key = (trade.address, trade.mint)
        if trade.side is Side.BUY:
            cost[key] += trade.amount_lamports
            continue
        share = cost[key] * trade.fraction
        wins[trade.address].append(trade.amount_lamports > share)
        cost[key] -= share
    return {address: sum(each) / len(each) for address, each in wins.items()}


def test_launches_and_rugs_of_the_past_happened(lived):
    world, _ = lived
    by_symbol = {each.token.symbol: each for each in world.market.listings.values()}
    assert by_symbol["MIRAGE"].has_rugged
    assert world.market.reserves(by_symbol["MIRAGE"]).lamports < 5 * 10**9
    assert not by_symbol["VANISH"].has_rugged
    age = world.chain.unix_time - by_symbol["FRESH"].created_at
    assert 1_800 < age < 0.3 * DAY_SECONDS
    assert world.tokens()[-1]["created_at"] >= GENESIS_TIME


def test_archetypes_keep_to_their_times(lived):
    world, _ = lived
    by_name = {profile.archetype.name: address for address, profile in world.cast.profiles.items()}
    start, whole = GENESIS_TIME, 1.5 * DAY_SECONDS

    def span(name: str) -> tuple[float, float]:
        entries = world.chain.signatures_for(by_name[name], limit=10_000)
        times = [entry.block_time - start for entry in entries]
        return min(times) / whole, max(times) / whole

    assert span("dormant")[1] < 0.5
    assert span("skilled_high")[1] > 0.9
    newcomers = world.chain.signatures_for(by_name["fresh"], limit=10_000)
    assert all((each.block_time - start) / whole >= 0.9 for each in newcomers)


def test_leaders_fail_on_chain_now_and_then_as_people_do(lived):
    world, _ = lived
    entries = [
        entry
        for address in members(world, SKILLED | UNSKILLED)
        for entry in world.chain.signatures_for(address, limit=10_000)
    ]
    failed = sum(entry.err is not None for entry in entries)
    assert 0 < failed < len(entries) * 0.1
