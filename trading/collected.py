"""Single items, written many at a time: who awaits one gets its own answer once all of them are committed."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from trading.writer import GroupWriter

Item = TypeVar("Item")
Result = TypeVar("Result")


class Collected(Generic[Item, Result]):
    """An awaitable verb over single items, run by the writer over lists of them.

    `verb` gets the items in the order in which they came and answers each at the same place, one call after
    the other. An awaited call returns after the COMMIT. What the verb raises reaches everybody whose item it
    was given. With a pause the first one waits that long for others.
    """

    def __init__(
        self,
        writer: GroupWriter,
        verb: Callable[[Sequence[Item]], Sequence[Result]],
        *,
        pause_seconds: float = 0.0,
    ) -> None:
        self._writer, self._verb, self._pause_seconds = writer, verb, pause_seconds
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._is_called = False
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, item: Item) -> Result:
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        # The verb lowers the flag before it looks: whoever finds it raised will be seen.
        if not self._is_called:
            self._is_called = True
            task = asyncio.create_task(self._run())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await future

    async def _run(self) -> None:
        taken: list[tuple[Item, asyncio.Future[Result]]] = []

        def work() -> Sequence[Result]:
            self._take(taken)
            # An earlier turn may have taken what this one was called for, between its coming and the flag.
            return self._verb([item for item, _ in taken]) if taken else []

        if self._pause_seconds:
            await asyncio.sleep(self._pause_seconds)
        try:
            results = await self._writer.run(work, lane=self)
        except Exception as error:
            if not taken:
                # The writer could not even begin, so nobody else will ever look at what waits.
                self._take(taken)
            for _, future in taken:
                if not future.done():
                    future.set_exception(error)
        else:
            for (_, future), result in zip(taken, results, strict=True):
                if not future.done():
                    future.set_result(result)

    def _take(self, taken: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        self._is_called = False
        while self._waiting:
            taken.append(self._waiting.popleft())
