"""Small real programs to supervise, and looks at what is left of them; no tests."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from workers.supervisor import Service, Supervisor

SLEEP = "import time; time.sleep(60)"


def service(name: str, code: str, **more) -> Service:
    """A service that runs `code` in a Python of its own that imports as little as possible."""
    return Service(name=name, argv=(sys.executable, "-I", "-S", "-u", "-c", code), env={}, **more)


class Heard(list[tuple[str, str]]):
    """All lines that a supervisor passed on."""

    def __call__(self, name: str, line: str) -> None:
        self.append((name, line))

    def of(self, name: str) -> list[str]:
        return [line for who, line in self if who == name]


def supervisor(*services: Service, heard: Heard | None = None, **more) -> Supervisor:
    # An empty list is falsy, so the test is for None.
    on_line = Heard() if heard is None else heard
    return Supervisor(services=services, on_line=on_line, cwd=Path.cwd(), **more)


def is_running(pid: int) -> bool:
    """Whether the process exists and is more than a zombie that nobody has collected."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


async def eventually(condition: Callable[[], bool], *, seconds: float = 10) -> None:
    """Return as soon as `condition` holds; TimeoutError otherwise."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


def ready_when(path: Path) -> Callable[..., Awaitable[bool]]:
    async def probe(_) -> bool:
        return path.exists()

    return probe
