"""Kills processes at random, seeded moments; the supervisor's business is to bring them back."""

import asyncio
import random

from workers.journey.house import House
from workers.journey.journal import Journal

# The executor and the signal door again and again, their neighbours once.
VICTIMS = ("executor", "ingress") * 4 + ("resolver", "resolver", "watcher", "wallet_watcher", "web")
SHORTEST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 5.0


class Killer:
    """Works through its victims in seeded order; `kills` counts by name."""

    def __init__(self, house: House, *, journal: Journal, chance: random.Random) -> None:
        self._house, self._journal, self._chance = house, journal, chance
        self.kills: dict[str, int] = {}

    async def run(self) -> None:
        """Kill until every victim had its turn."""
        victims = self._chance.sample(VICTIMS, k=len(VICTIMS))
        for name in victims:
            pause = self._chance.uniform(SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause)
            await self.kill(name)

    async def kill(self, name: str) -> None:
        """Kill -9 one process; one that is still coming back is waited for first."""
        while True:
            try:
                pid = self._house.kill(name)
            except ProcessLookupError:
                await self._house.wait_ready(name)
                continue
            self.kills[name] = self.kills.get(name, 0) + 1
            self._journal.note(f"☠ kill -9 of {name} (process {pid})")
            return
