"""The watcher's process killed during a stretch of market: started again it finds every trade it missed."""

import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.databases import Database
from tests.hearing.market import Stage, market, seed_roster
from tests.storage.processes import House, open_house
from trading.models import Hearing, LeaderCursor, LeaderLeg, Signal
from trading.writer import GroupWriter

SEED = 20_261_123
TRADES, STRETCH_SECONDS = 60, 120
PATIENCE_SECONDS = 60.0


@dataclass(slots=True, kw_only=True)
class Watched:
    """A market and the one process that listens to it; what happens between is in the rows."""

    stage: Stage
    house: House
    writer: GroupWriter

    def start(self) -> "subprocess.Popen[bytes]":
        return self.house.start("wallet_watcher")

    def until(self, condition: Callable[[], bool]) -> float:
        """Seconds until the rows are so."""
        begun = time.monotonic()
        while not condition():
            assert time.monotonic() - begun < PATIENCE_SECONDS, self.house.log.read_text()[-4_000:]
            time.sleep(0.05)
        return time.monotonic() - begun

    def follows_all(self) -> bool:
        known = LeaderCursor.objects.filter(is_subscribed=True).values_list("address", flat=True)
        return set(self.stage.addresses) <= set(known)

    def knows_all(self) -> bool:
        heard = set(Hearing.objects.values_list("trade__signature", flat=True))
        return {each.signature for each in self.stage.done} <= heard


def kill(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.mark.timeout(240)
def test_whatever_it_missed_while_it_was_dead_it_finds_within_seconds(
    database: Database, writer: GroupWriter, tmp_path: Path
):
    # The chain's clock is behind ours by the stretch and catches up with it while the process is dead.
    genesis = ("--genesis-time", str(int(time.time()) - STRETCH_SECONDS - 5))
    with (
        market(tmp_path / "sandbox", *genesis, seed=SEED) as stage,
        open_house(tmp_path, database, SANDBOX_URL=stage.sandbox.url) as house,
    ):
        seed_roster(stage)
        watched = Watched(stage=stage, house=house, writer=writer)
        first = watched.start()
        watched.until(watched.follows_all)
        for _ in range(5):
            stage.trade()
        watched.until(watched.knows_all)
        kill(first)
        for number in range(TRADES):
            stage.trade()
            if number % 5 == 4:
                stage.sandbox.advance(seconds=STRETCH_SECONDS * 5 / TRADES)
        second = watched.start()
        watched.until(watched.follows_all)
        watched.until(watched.knows_all)
        second.send_signal(signal.SIGTERM)
        assert second.wait(20) == 0, house.log.read_text()[-4_000:]
    assert_each_is_one_signal_or_a_late_buy(stage)
    missed = {each.signature for each in stage.done[5:]}
    recovered = Hearing.objects.filter(is_recovered=True)
    assert set(recovered.values_list("trade__signature", flat=True)) == missed


def assert_each_is_one_signal_or_a_late_buy(stage: Stage) -> None:
    late = 0
    for trade in stage.done:
        signals = Signal.objects.filter(
            source_signature=trade.signature,
            leader_address=trade.leader,
            mint=trade.mint,
            action=trade.action,
        ).count()
        leg = LeaderLeg.objects.get(trade__signature=trade.signature)
        if leg.code:
            assert (leg.code, trade.action, signals) == ("LATE", "BUY", 0)
            late += 1
        else:
            assert signals == 1, trade
    assert Signal.objects.count() == len(stage.done) - late
    assert late > 0
    assert Signal.objects.filter(action="SELL").exists()
