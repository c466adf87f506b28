"""Hints that something was committed: to open pages by topic, to the executor by a datagram.

A hint carries no facts and may be lost: every listener also polls, so a lost one costs one poll.
"""

import asyncio
import logging
import os
import socket
import threading
from pathlib import Path

from channels.layers import get_channel_layer
from django.conf import settings

GROUP = "live"
TOPICS = ("health", "signals", "positions", "equity", "sources")
FLUSH_SECONDS = 0.2
SEND_TIMEOUT_SECONDS = 2.0
EAR, NOTICE_EAR = "wake.", "note."
"""Of executors, and of who reads notices. Short: a unix socket's path has 107 bytes at most."""
EXIT, ENTRY = b"x", b"e"
"""What waits, as a datagram tells it in one letter each."""

log = logging.getLogger(__name__)


def publish(*topics: str) -> None:
    """Tell open pages that these topics changed; call it right after the commit, from any thread.

    Never blocks, never raises. Hints of about 200 ms become one message to the group "live".
    """
    unknown = set(topics) - set(TOPICS)
    if unknown:
        log.error("no page listens to the topics %s", sorted(unknown))
    _courier.take(set(topics) - unknown)


def ear(kind: str = EAR) -> Path:
    """Where this process hears wakes: a socket of its own among those of others of its kind."""
    return Path(settings.RUNTIME_DIR) / f"{kind}{os.getpid()}"


def wake(kind: str = EAR, *, what: bytes = EXIT + ENTRY) -> None:
    """Tell everybody of a kind what waits: a datagram each, dropped where nobody listens."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            for name in os.listdir(settings.RUNTIME_DIR):
                if name.startswith(kind):
                    _call(sender, f"{settings.RUNTIME_DIR}/{name}", what)
    except OSError:
        return


def _call(sender: socket.socket, path: str, what: bytes) -> None:
    try:
        sender.sendto(what, path)
    except ConnectionRefusedError:
        # Whoever heard here was killed.
        Path(path).unlink(missing_ok=True)
    except OSError:
        return


class _Courier:
    """Collects topics and carries them to the channel layer from one background thread."""

    def __init__(self) -> None:
        self._topics: set[str] = set()
        self._lock = threading.Lock()
        self._has_topics = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_reachable = True

    def take(self, topics: set[str]) -> None:
        if not topics:
            return
        with self._lock:
            self._topics |= topics
            self._has_topics.set()
            if self._thread is None or not self._thread.is_alive():
                self._start()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="live-hints", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is on its way out; the hint is lost with it
            return
        self._thread = thread

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            while True:
                self._has_topics.wait()
                runner.run(self._carry(self._collected()))
                runner.run(asyncio.sleep(FLUSH_SECONDS))

    def _collected(self) -> list[str]:
        with self._lock:
            topics, self._topics = self._topics, set()
            self._has_topics.clear()
        return sorted(topics)

    async def _carry(self, topics: list[str]) -> None:
        try:
            async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
                layer = get_channel_layer()
                assert layer, "settings define one"
                await layer.group_send(GROUP, {"type": "live.hint", "topics": topics})
        except Exception as error:
            # Whatever the broker's client raises: a hint must never cost more than itself.
            if self._is_reachable:
                log.warning("pages get no hints until the broker is back: %s", error)
            self._is_reachable = False
        else:
            self._is_reachable = True


_courier = _Courier()
