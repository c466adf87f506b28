"""The platform under any order of events: whatever happens, in the end the chain and the books agree."""

import asyncio
import os
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.simulation.crashes import work_until_quiet
from tests.simulation.oracle import problems, still_open
from tests.simulation.virtual_time import synchronous
from tests.simulation.world import LEADER, SOL, Life, open_world, quiet_hints, rows_in_memory
from trading.domain.signals import SignalRequest
from trading.domain.values import Action, Route, Strategy
from trading.models import Signal, Submission
from trading.services.intake import Receipt, receive_signal

__all__ = ["quiet_hints"]
pytestmark = pytest.mark.timeout(900)

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "20"))
TOKENS = ("JUP", "BONK", "WIF")
EDGE_SECONDS = 290.0
MUST_HAPPEN = ("bought", "sold", "died at work", "died at rest", "undone by a fork")
"""Before the end of at least one example: an order of events in which nothing happens proves nothing."""


class Platform(RuleBasedStateMachine):
    """One wallet, one leader, three tokens; a process that may die between any two of its steps."""

    pristine: Path
    happened: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self._open = ExitStack()
        self._open.enter_context(rows_in_memory(self.pristine))
        self.world = self._open.enter_context(open_world(route=Route.JITO))
        self.loop = self.world.loop
        self.clock = self.loop.create_task(self.world.keep_time())
        self.accepted: list[tuple[SignalRequest, float]] = []
        self.dead: list[Life] = []
        # What nobody has confirmed yet, our own funding too, does not count.
        self.run(asyncio.sleep(2.0))
        self.start()

    def start(self) -> None:
        """A new process, with nothing but the rows."""
        self._lifetime = self.world.life()
        self.life = self.run(self._lifetime.__aenter__())

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def do(self, work: Any) -> Any:
        """A piece of the living process's work."""
        return self.run(self.life.process.do(work))

    @synchronous
    def receive(self, request: SignalRequest) -> Receipt:
        return receive_signal(request, source="machine", now=self.world.now)

    @initialize(tokens=st.lists(st.sampled_from(TOKENS), unique=True))
    def some_are_held(self, tokens: list[str]) -> None:
        """What exits, stops and deaths then have to do with."""
        for token in tokens:
            self.the_leader_buys(token, Strategy.SHIELD, SOL // 4, is_named=True)
        self.all_goes_well(seconds=3)

    @rule(
        token=st.sampled_from(TOKENS),
        strategy=st.sampled_from([Strategy.SHIELD, Strategy.SPEAR]),
        lamports=st.integers(SOL // 50, SOL),
        is_named=st.booleans(),
    )
    def the_leader_buys(
        self, token: str, strategy: Strategy, lamports: int, is_named: bool
    ) -> None:
        request = SignalRequest(
            strategy=strategy,
            action=Action.BUY,
            symbol=token,
            mint=self.world.mint(token),
            amount_lamports=lamports,
            leader_address=LEADER,
            trade_uuid=f"trade-{len(self.accepted)}" if is_named else "",
        )
        if self.receive(request).is_new:
            self.accepted.append((request, self.loop.time()))

    @precondition(lambda self: self.accepted)
    @rule(data=st.data())
    def the_provider_says_it_again(self, data: Any) -> None:
        request, at = data.draw(st.sampled_from(self.accepted))
        is_due = not request.trade_uuid and self.loop.time() - at > EDGE_SECONDS
        assert is_due or not self.receive(request).is_new

    @rule(token=st.sampled_from(TOKENS), fraction=st.sampled_from(["0.25", "0.5", "1"]))
    def the_leader_sells(self, token: str, fraction: str) -> None:
        self.world.sell_signal(self.world.mint(token), fraction=fraction)

    @rule()
    def somebody_closes_all(self) -> None:
        self.world.close_by_hand()

    @rule(seconds=st.integers(1, 5))
    def all_goes_well(self, seconds: int) -> None:
        """Everything that is due is done, second after second, as by processes that nobody disturbs."""
        for _ in range(seconds):
            self.do(self.life.catch_up())
            self.run(asyncio.sleep(1.0))

    @rule(is_exit=st.booleans())
    def the_executor_works(self, is_exit: bool) -> None:
        self.do(self.life.executor.work_once(is_exit=is_exit))

    @rule()
    def the_resolver_looks(self) -> None:
        self.do(self.life.resolver.step())

    @rule()
    def the_watcher_looks(self) -> None:
        self.do(self.life.watcher.step())

    @rule(
        token=st.sampled_from(TOKENS),
        is_buy=st.booleans(),
        steps=st.integers(1, 80),
        are_writes_kept=st.booleans(),
        are_bytes_kept=st.booleans(),
    )
    def the_process_dies(
        self, token: str, is_buy: bool, steps: int, are_writes_kept: bool, are_bytes_kept: bool
    ) -> None:
        """After so many steps of all that is due, a trade of the leader with it; then another one starts."""
        if is_buy:
            self.the_leader_buys(token, Strategy.SHIELD, SOL // 4, is_named=True)
        else:
            self.the_leader_sells(token, "0.5")
        process, left = self.life.process, steps

        def count(_: str) -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                process.kill(are_writes_kept=are_writes_kept, are_bytes_kept=are_bytes_kept)

        process.watch = count
        self.run(self._until_dead_or_done())
        self.happened["died at work" if process.is_dead else "died at rest"] += 1
        if not process.is_dead:
            process.kill()
        self.dead.append(self.life)
        self.start()

    async def _until_dead_or_done(self) -> None:
        process = self.life.process
        work = process.spawn(self.life.catch_up())
        ended = asyncio.create_task(process.ended.wait())
        await asyncio.wait([work, ended], return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if not process.is_dead:
            await work

    @rule(token=st.sampled_from(TOKENS), factor=st.sampled_from([0.6, 0.9, 1.1, 1.5]))
    def the_price_moves(self, token: str, factor: float) -> None:
        self.world.set_price(self.world.mint(token), factor)

    @rule(seconds=st.sampled_from([0.2, 0.5, 2.0, 6.0, 80.0]))
    def time_passes(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))
        self.run(self.life.process.do(self.life.desk.conditions.refresh_once()))

    @rule(slots=st.integers(1, 2))
    def the_chain_forks(self, slots: int) -> None:
        chain = self.world.cluster.chain
        before = chain.transaction_count
        # What is confirmed cannot be lost.
        with suppress(ValueError):
            chain.fork(slots)
        self.happened["undone by a fork"] += chain.transaction_count < before

    @rule(
        kind=st.sampled_from(["drop_tx", "bundle_drop"]),
    )
    def a_transaction_is_dropped(self, kind: str) -> None:
        self.world.fault(plane="chain", kind=kind, count=1)

    @rule()
    def the_engine_refuses(self) -> None:
        self.world.fault(plane="jito", kind="rpc_error", method="sendBundle", code=-32602, count=1)

    @rule()
    def an_answer_is_lost(self) -> None:
        self.world.wire.weather.lost_answers = 1

    @invariant()
    @synchronous
    def no_signal_is_bought_twice(self) -> None:
        landed = Submission.objects.filter(action="BUY", status="LANDED")
        assert landed.count() == landed.values("signal").distinct().count()
        assert Signal.objects.filter(status="COMPLETED", action="BUY").count() == landed.count()

    @synchronous
    def count(self) -> None:
        """What landed by now, before the end sees to it that all is done."""
        landed = Submission.objects.filter(status="LANDED")
        self.happened["bought"] += landed.filter(action="BUY").count()
        self.happened["sold"] += landed.filter(action="SELL").count()

    def teardown(self) -> None:
        """Once quiet, everything that was held can be sold, and every lamport is accounted for."""
        try:
            self.count()
            self.world.cluster.faults.clear()
            self.world.wire.weather.lost_answers = 0
            self.run(work_until_quiet(self.world, self.life))
            self.world.close_by_hand()
            self.run(work_until_quiet(self.world, self.life))
            wrong = self.do(problems(self.world, self.life.desk.gateways.rpc))
            assert [*wrong, *still_open()] == []
        finally:
            for each in [*self.dead, self.life]:
                each.process.kill()
                each.process.bury()
            self.clock.cancel()
            self._open.close()


def test_in_any_order_of_events_chain_and_books_agree_in_the_end(
    pristine_database: Path,
    django_db_blocker: Any,
    quiet_hints: None,
    request: pytest.FixtureRequest,
) -> None:
    """The same events at every run, unless `--hypothesis-seed` asks for others."""
    Platform.pristine = pristine_database
    is_seeded = request.config.getoption("--hypothesis-seed") is not None
    with django_db_blocker.unblock():
        run_state_machine_as_test(
            Platform,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=25,
                derandomize=not is_seeded,
                database=None,
                phases=[Phase.generate],
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    if not is_seeded:
        assert not [each for each in MUST_HAPPEN if not Platform.happened[each]]
