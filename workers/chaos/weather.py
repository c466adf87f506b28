"""The faults of the outside world that hold now, and how often each really struck."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import aiohttp

from workers.journey.house import House

LOOK_SECONDS = 0.5


class Weather:
    """Keeps the sandbox's rules equal to what holds now, through its deaths too: rules live in its memory."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._next = 0
        self._wanted: dict[int, Mapping[str, Any]] = {}
        self._placed: dict[int, int] = {}
        self._seen: dict[int, int] = {}
        self.struck: Counter[str] = Counter()
        """How often each fault was acted out, by plane and kind; the last moment before a death of the
        sandbox may be missing."""

    async def hold(self, rule: Mapping[str, Any], *, seconds: float) -> None:
        """Let a fault hold for so long."""
        self._next += 1
        number = self._next
        self._wanted[number] = rule
        await asyncio.sleep(seconds)
        del self._wanted[number]

    def forget(self) -> None:
        """The sandbox has died, and its rules with it."""
        self._placed.clear()
        self._seen.clear()

    async def run(self) -> None:
        """Place and take away rules until cancelled."""
        while True:
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                await self._look()
            await asyncio.sleep(LOOK_SECONDS)

    async def clear(self) -> None:
        """Fair weather from now on; count what struck last."""
        self._wanted.clear()
        await self._look()
        await self._house.sandbox("DELETE", "faults")

    async def _look(self) -> None:
        self._count(await self._house.sandbox("GET", "faults"))
        for number in [each for each in self._placed if each not in self._wanted]:
            placed = self._placed.pop(number)
            self._count(await self._house.sandbox("GET", "faults"))
            await self._house.sandbox("DELETE", f"faults/{placed}")
        for number in [each for each in self._wanted if each not in self._placed]:
            rule = await self._house.sandbox("POST", "faults", dict(self._wanted[number]))
            self._placed[number] = rule["id"]

    def _count(self, rules: list[dict[str, Any]]) -> None:
        for rule in rules:
            new = rule["strikes"] - self._seen.get(rule["id"], 0)
            self._seen[rule["id"]] = rule["strikes"]
            if new > 0:
                self.struck[_named(rule)] += new


def _named(rule: Mapping[str, Any]) -> str:
    match rule["kind"]:
        case "http_error":
            return f"{rule['plane']} http {rule['status']}"
        case "rpc_error":
            return f"{rule['plane']} rpc error {rule['code']}"
        case kind:
            return f"{rule['plane']} {kind}"
