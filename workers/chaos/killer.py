"""Deaths and standstills of processes, and how long each took to be back."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable

from trading.domain.lifecycle import SubmissionStatus
from trading.models import Submission
from workers.chaos.weather import Weather
from workers.journey.house import House

Say = Callable[[str], None]
WAIT_SECONDS, POLL_SECONDS = 8.0, 0.02


class Killer:
    """Kills and freezes; what comes back is the supervisor's doing."""

    def __init__(self, house: House, weather: Weather, *, say: Say) -> None:
        self._house, self._weather, self._say = house, weather, say
        self.kills: Counter[str] = Counter()
        self.freezes: Counter[str] = Counter()
        self.back_after_seconds: dict[str, list[float]] = defaultdict(list)

    async def kill(self, name: str, *, in_flight: bool) -> None:
        """SIGKILL, once a transaction is `in_flight` if one comes soon; one that is just coming back has
        died already and is left alone.
        """
        if in_flight:
            await _until_in_flight()
        try:
            pid = self._house.kill(name)
        except ProcessLookupError:
            self._say(f"{name} is down already")
            return
        self.kills[name] += 1
        if name == "sandbox":
            self._weather.forget()
        self._say(f"☠ kill -9 of {name} (process {pid})")
        await self._watch_return(name)

    async def freeze(self, name: str, *, seconds: float) -> None:
        """SIGSTOP and, later, SIGCONT: a hung process that comes back and goes on where it was."""
        self._house.pause(name)
        self.freezes[name] += 1
        self._say(f"❄ {name} stands still for {seconds:g} s")
        try:
            await asyncio.sleep(seconds)
        finally:
            self._house.resume(name)

    async def _watch_return(self, name: str) -> None:
        begun = time.monotonic()
        try:
            await self._house.wait_ready(name)
        except TimeoutError:
            self._say(f"{name} is not back after {time.monotonic() - begun:.0f} s")
            return
        self.back_after_seconds[name].append(round(time.monotonic() - begun, 1))


async def _until_in_flight() -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    rows = Submission.objects.filter(status=SubmissionStatus.IN_FLIGHT)
    while time.monotonic() < deadline and not await rows.aexists():  # noqa: ASYNC110
        await asyncio.sleep(POLL_SECONDS)
