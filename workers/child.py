"""One child process in a session of its own and its output, line by line; not when to start or restart it."""

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

LEASH = Path(__file__).with_name("leash.py")
LINE_END = re.compile(rb"[\r\n]+")
LONGEST_LINE_BYTES = 16_384


class Child:
    """A running process. It leads its own group, which ends with it; it ends when our process ends."""

    def __init__(self, process: asyncio.subprocess.Process, output: "asyncio.Task[None]") -> None:
        self._process = process
        self._output = output
        self.started_at_unix = time.time()

    @classmethod
    async def spawn(
        cls,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        on_line: Callable[[str], None],
    ) -> "Child":
        """Start `argv` with exactly `env`. To be awaited in the main thread: the leash is tied to it."""
        read_end, write_end = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), *argv),
                env=dict(env),
                cwd=cwd,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                start_new_session=True,
            )
        except BaseException:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        return cls(process, asyncio.create_task(_forward_lines(read_end, on_line)))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    async def wait(self) -> int:
        """Exit status (negative: the signal), once the leader, its group and its output have ended."""
        status = await self._process.wait()
        # What it forked would otherwise outlive it and hold its ports.
        self.kill_group()
        await asyncio.wait({self._output}, timeout=1)
        self._output.cancel()
        return status

    def terminate(self) -> None:
        """Ask it to end (SIGTERM to the leader, which knows its own children)."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def kill_group(self) -> None:
        """SIGKILL to the whole group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


async def _forward_lines(read_end: int, on_line: Callable[[str], None]) -> None:
    """Own pipe, own splitting: progress bars end their lines with \\r, and no line is too long."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb")
    )
    pending = b""
    try:
        while chunk := await reader.read(65_536):
            *complete, pending = LINE_END.split(pending + chunk)
            if len(pending) > LONGEST_LINE_BYTES:
                complete, pending = [*complete, pending], b""
            _emit(complete, on_line)
        _emit([pending], on_line)
    finally:
        transport.close()


def _emit(lines: Sequence[bytes], on_line: Callable[[str], None]) -> None:
    for line in lines:
        if line.strip():
            on_line(line.decode("utf-8", errors="replace").rstrip())
