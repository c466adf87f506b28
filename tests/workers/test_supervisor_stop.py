"""Nothing outlives the supervisor, however it ends."""

import asyncio
import os
import signal
import sys
import time

from tests.workers import children
from tests.workers.children import SLEEP, Heard, eventually, is_running, service, supervisor

FORKS = """
import os, time
os.fork()
# One write each: two processes printing text and line end apart would mix them.
os.write(1, f"{os.getpid()}\\n".encode())
time.sleep(60)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf")
time.sleep(60)
"""


async def test_stop_lets_each_process_end_by_itself():
    heard = Heard()
    code = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (print("goodbye"), sys.exit(0)))
print("up")
time.sleep(60)
"""
    platform = supervisor(service("polite", code), heard=heard)
    await platform.start(timeout_seconds=20)
    await eventually(lambda: "up" in heard.of("polite"))
    await platform.stop()
    assert heard.of("polite") == ["up", "goodbye"]
    assert platform.pid("polite") is None


async def test_stop_ends_what_others_rely_on_last():
    heard = Heard()
    code = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (print("end"), sys.exit(0)))
print("up")
time.sleep(60)
"""
    platform = supervisor(
        service("base", code), service("user", code, after=("base",)), heard=heard
    )
    await platform.start(timeout_seconds=20)
    await eventually(lambda: "up" in heard.of("base") and "up" in heard.of("user"))
    await platform.stop()
    assert [name for name, line in heard if line == "end"] == ["user", "base"]


async def test_a_process_deaf_to_sigterm_is_killed_after_its_grace():
    heard = Heard()
    platform = supervisor(service("deaf", STUBBORN), heard=heard, grace_seconds=0.5)
    await platform.start(timeout_seconds=20)
    await eventually(lambda: "deaf" in heard.of("deaf"))
    pid, began = platform.pid("deaf"), time.monotonic()
    assert pid
    await platform.stop()
    assert 0.4 < time.monotonic() - began < 5
    assert not is_running(pid)


async def test_what_a_process_forked_ends_with_it():
    heard = Heard()
    platform = supervisor(service("parent", FORKS), heard=heard)
    await platform.start(timeout_seconds=20)
    await eventually(lambda: len(heard.of("parent")) == 2)
    pids = {int(line) for line in heard.of("parent")}
    assert len(pids) == 2
    await platform.stop()
    await eventually(lambda: not any(map(is_running, pids)))


async def test_stop_during_a_start_leaves_nothing(tmp_path):
    never = children.ready_when(tmp_path / "nothing")
    platform = supervisor(
        service("first", SLEEP, ready=never), service("later", SLEEP, after=("first",))
    )
    starting = asyncio.create_task(platform.start())
    await eventually(lambda: platform.pid("first") is not None)
    pid = platform.pid("first")
    assert pid
    starting.cancel()
    await platform.stop()
    assert not is_running(pid)
    assert platform.pid("later") is None


async def test_a_supervisor_killed_with_sigkill_leaves_no_process():
    code = """
import asyncio, pathlib, sys
from workers.supervisor import Service, Supervisor
argv = (sys.executable, "-I", "-S", "-u", "-c", "import os, time; print(os.getpid()); time.sleep(60)")
async def main():
    services = [Service(name=f"child{number}", argv=argv, env={}) for number in range(3)]
    platform = Supervisor(
        services=services, on_line=lambda _, line: print(line, flush=True), cwd=pathlib.Path.cwd()
    )
    await platform.start()
    await asyncio.sleep(60)
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    pids = [int(await process.stdout.readline()) for _ in range(3)]
    assert all(map(is_running, pids))
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    await eventually(lambda: not any(map(is_running, pids)))
