"""The socket behind live pages: a changed section is rendered once and sent to every page that is open."""

import asyncio
import logging
from collections.abc import Iterable

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from django.utils import timezone

from trading import board
from trading.live import GROUP

RENDER_SECONDS = 0.5
POLL_SECONDS = 5.0
RETRY_SECONDS = 2.0
REJOIN_SECONDS = 3600.0

log = logging.getLogger(__name__)


def _rendered(sections: list[str]) -> dict[str, str]:
    now = timezone.now()
    return {section: board.render(section, now=now) for section in sections}


class Press:
    """Prints what changed for all readers of this process, at most every half second.

    Hints say what changed; whatever they miss is printed by the poll every five seconds.
    """

    def __init__(self) -> None:
        self._readers: set[LiveConsumer] = set()
        self._changed: set[str] = set()
        self._has_changed = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        return self._runner is not None

    def join(self, reader: "LiveConsumer") -> None:
        """From now on the reader gets every change, and the whole page at once: it may have missed some."""
        self._readers.add(reader)
        if self._runner is None:
            self._has_changed = asyncio.Event()
            self._runner = asyncio.create_task(self._run(), name="live-press")
        self._mark(board.PAGES[reader.page])

    def leave(self, reader: "LiveConsumer") -> None:
        """Nobody waits for the press to stop: it ends by itself when it finds no reader left."""
        self._readers.discard(reader)
        self._has_changed.set()

    async def _run(self) -> None:
        runner = asyncio.current_task()
        assert runner, "a coroutine runs in a task"
        listener = asyncio.create_task(self._listen(runner), name="live-listen")
        try:
            while self._readers:
                await self._print()
        finally:
            listener.cancel()
            self._runner = None

    def _mark(self, sections: Iterable[str]) -> None:
        self._changed.update(sections)
        self._has_changed.set()

    async def _listen(self, runner: asyncio.Task[None]) -> None:
        """Until the runner is done: the broker's client may swallow a cancellation while it waits."""
        layer = get_channel_layer()
        assert layer, "settings define one"
        while not runner.done():
            try:
                channel = await layer.new_channel()
                await layer.group_add(GROUP, channel)
                async with asyncio.timeout(REJOIN_SECONDS):
                    await self._take_hints(channel, runner)
            except TimeoutError:
                continue  # memberships expire after a day
            except Exception as error:
                log.warning("no hints for open pages, polling instead: %s", error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _take_hints(self, channel: str, runner: asyncio.Task[None]) -> None:
        layer = get_channel_layer()
        assert layer, "settings define one"
        while not runner.done():
            hint = await layer.receive(channel)
            for topic in hint["topics"]:
                self._mark(board.SECTIONS_OF_TOPIC.get(topic, ()))

    async def _print(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._has_changed.wait()
        except TimeoutError:
            self._changed.update(board.SECTIONS)
        self._has_changed.clear()
        changed, self._changed = self._changed, set()
        read = {name for reader in self._readers for name in board.PAGES[reader.page]}
        if changed & read:
            await self._send([name for name in board.SECTIONS if name in changed & read])
            await asyncio.sleep(RENDER_SECONDS)

    async def _send(self, sections: list[str]) -> None:
        try:
            rendered = await database_sync_to_async(_rendered)(sections)
        except Exception:
            # One section that cannot be drawn must not silence the page for ever.
            log.exception("could not render %s", sections)
            return
        for reader in tuple(self._readers):
            own = [rendered[name] for name in board.PAGES[reader.page] if name in rendered]
            if own:
                await reader.send(text_data="\n".join(own))


press = Press()


class LiveConsumer(AsyncWebsocketConsumer):
    """One open page, told by the route. Nobody anonymous; what the page sends is ignored."""

    # Without a channel of its own it outlives the broker: the press listens for all.
    channel_layer_alias = None  # type: ignore[assignment]
    page = "command_center"

    async def connect(self) -> None:
        user = self.scope.get("user")
        if user is None or not user.is_authenticated:
            await self.close()
            return
        self.page = self.scope["url_route"]["kwargs"].get("page", self.page)
        await self.accept()
        press.join(self)

    async def disconnect(self, code: int) -> None:
        press.leave(self)
