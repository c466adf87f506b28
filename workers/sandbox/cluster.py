"""The assembled sandbox: chain, world and planes of one process, and its clock; no HTTP here."""

import asyncio
import logging
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from workers.sandbox.block_engine import BlockEngine
from workers.sandbox.chain import Chain
from workers.sandbox.faults import Faults
from workers.sandbox.faulty_post import FaultyPost
from workers.sandbox.helius import Helius
from workers.sandbox.node import Node
from workers.sandbox.provider import Provider
from workers.sandbox.pubsub import Pubsub
from workers.sandbox.world import World

log = logging.getLogger(__name__)
IDLE_SLOT_MS = 400
"""How often an instant chain closes an empty slot, so that blockhashes age and expire."""
TURN_SECONDS = 0.002
"""How long a slot's work goes on before others have their turn: each turn may cost another save."""


@dataclass(slots=True, kw_only=True)
class Cluster:
    """Everything that shares the one event loop. `provider` is None without a webhook."""

    chain: Chain
    world: World
    faults: Faults
    node: Node
    pubsub: Pubsub
    block_engine: BlockEngine
    helius: Helius
    provider: Provider | None = None
    is_clock_running: bool = True
    """Off: slots close only when told to, which tests of single slots need."""

    @classmethod
    def assemble(
        cls, chain: Chain, world: World, *, seed: int, webhook: tuple[str, str] | None = None
    ) -> "Cluster":
        """Wire the planes to a chain whose history is complete. `webhook` is (url, secret)."""
        faults = Faults(seed=seed)
        node = Node(chain, faults=faults)
        provider = None
        if webhook is not None:
            url, secret = webhook
            post = FaultyPost(faults, endpoint="provider")
            provider = Provider(
                url=url, secret=secret, seed=seed, interfere=post.delivers, doubles=post.doubles
            )
            world.on_trade(provider.enqueue)
        post = FaultyPost(faults, endpoint="helius")
        helius = Helius(chain=chain, interfere=post.delivers, doubles=post.doubles)
        world.on_trade(helius.tell)
        return cls(
            chain=chain,
            world=world,
            faults=faults,
            node=node,
            pubsub=Pubsub(node),
            block_engine=BlockEngine(node, seed=seed, has_auction=chain.mode == "slot"),
            helius=helius,
            provider=provider,
        )

    def tick(self, *, now: float, elapsed_ms: int) -> None:
        """One slot: the old one closes, bundles are auctioned and the market moves in the new.
        All of it is stored before anybody can be told."""
        for _ in self.ticking(now=now, elapsed_ms=elapsed_ms):
            pass

    def ticking(self, *, now: float, elapsed_ms: int) -> Generator[None]:
        """`tick` in steps of about a millisecond: who answers somebody in between must `keep`."""
        try:
            yield from self.chain.closing(elapsed_ms=elapsed_ms)
            yield from self.block_engine.auction()
            self.world.tick(now)
        finally:
            self.world.checkpoint()

    def keep(self) -> None:
        """Store what is not stored yet. To be called before any answer leaves: what somebody was
        told of may not be lost, whatever ends this process."""
        if not self.chain.is_saved:
            self.world.checkpoint()

    def pass_slots(self, count: int) -> None:
        """Close so many slots at once; the market stands still, auctions are held."""
        for _ in range(count):
            self.chain.close_slot()
            self.block_engine.tick()

    async def run_clock(self) -> None:
        """Close slots at their pace until cancelled; the chain's clock follows real time."""
        slot_ms = self.chain.slot_ms if self.chain.mode == "slot" else IDLE_SLOT_MS
        start, told_ms = time.monotonic(), 0
        began_at = self.chain.unix_time
        while True:
            due = start + (told_ms + slot_ms) / 1000
            await asyncio.sleep(max(0.001, due - time.monotonic()))
            if not self.is_clock_running:
                start, told_ms, began_at = time.monotonic(), 0, self.chain.unix_time
                continue
            elapsed_ms = int((time.monotonic() - start) * 1000) - told_ms
            told_ms += elapsed_ms
            try:
                await self._tick_gently(now=began_at + told_ms / 1000, elapsed_ms=elapsed_ms)
            except Exception:
                # A broken market must not stop the chain: everybody else still stands on it.
                log.exception("a slot's work failed")

    async def _tick_gently(self, *, now: float, elapsed_ms: int) -> None:
        """`tick`, but a question never waits for long. A clock that is stopped meanwhile leaves the
        rest to the next slot: whoever stopped it sees nothing move any more."""
        ticking = self.ticking(now=now, elapsed_ms=elapsed_ms)
        with self.pubsub.held(), closing(ticking) as steps:
            turn_began_at = time.monotonic()
            for _ in steps:
                if time.monotonic() - turn_began_at >= TURN_SECONDS:
                    await asyncio.sleep(0)
                    turn_began_at = time.monotonic()
                if not self.is_clock_running:
                    return

    def health(self) -> dict[str, Any]:
        """The body of `/sandbox/health`."""
        return {
            "status": "ok" if self.world.is_ready else "starting",
            "slot": self.chain.slot,
            "mode": self.chain.mode,
            "genesis_hash": str(self.chain.genesis_hash),
            "unix_time": int(self.chain.unix_time),
            "history": {"done": self.world.is_ready, "progress": self.world.progress},
        }

    def shut_down(self) -> None:
        """Save everything and let go of the file."""
        self.pubsub.close()
        self.node.close()
        self.world.save()
        self.chain.close()
