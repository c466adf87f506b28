"""What ends by itself is started again."""

from tests.workers.children import SLEEP, Heard, eventually, ready_when, service, supervisor
from workers.supervisor import CRASH_LOOP_CRASHES, OWN_NAME


async def test_a_crashed_process_is_started_again_and_the_rest_goes_on(tmp_path):
    mark = tmp_path / "crashed_once"
    code = f"""
import pathlib, time
mark = pathlib.Path({str(mark)!r})
if not mark.exists():
    mark.touch()
    raise SystemExit(7)
print("second life")
time.sleep(60)
"""
    heard = Heard()
    platform = supervisor(service("steady", SLEEP), service("fragile", code), heard=heard)
    await platform.start(timeout_seconds=20)
    steady_pid = platform.pid("steady")
    await eventually(lambda: "second life" in heard.of("fragile"))
    assert platform.pid("steady") == steady_pid
    await platform.stop()
    assert any("fragile ended (exit status 7)" in line for line in heard.of(OWN_NAME))


async def test_a_process_killed_by_name_comes_back_with_another_pid():
    platform = supervisor(service("victim", SLEEP))
    await platform.start(timeout_seconds=20)
    killed = platform.kill("victim")
    await platform.wait_ready("victim", timeout_seconds=10)
    assert platform.pid("victim") not in {None, killed}
    await platform.stop()


async def test_a_killed_process_is_ready_again_only_when_its_successor_answers(tmp_path):
    mark = tmp_path / "answers"
    code = f"""
import pathlib, time
time.sleep(0.3)
pathlib.Path({str(mark)!r}).touch()
time.sleep(60)
"""
    platform = supervisor(service("victim", code, ready=ready_when(mark)))
    await platform.start(timeout_seconds=20)
    mark.unlink()
    platform.kill("victim")
    assert platform.waiting == ["victim"]
    await platform.wait_ready("victim", timeout_seconds=10)
    assert mark.exists()
    await platform.stop()


async def test_a_process_that_crashes_again_and_again_is_reported_with_its_last_words():
    heard = Heard()
    platform = supervisor(
        service("steady", SLEEP),
        service("broken", "print('no such table')\nraise SystemExit(1)"),
        heard=heard,
    )
    await platform.start(timeout_seconds=20)
    loud = f"broken HAS ENDED {CRASH_LOOP_CRASHES} TIMES IN A ROW"
    await eventually(lambda: any(loud in line for line in heard.of(OWN_NAME)))
    await eventually(lambda: any("no such table" in line for line in heard.of(OWN_NAME)))
    assert platform.pid("steady")
    await platform.stop()


async def test_waits_between_restarts_grow():
    heard = Heard()
    platform = supervisor(service("broken", "raise SystemExit(1)"), heard=heard)
    await platform.start(timeout_seconds=20)

    def waits() -> list[str]:
        return [line.rpartition(" in ")[2] for line in heard.of(OWN_NAME) if "starting it" in line]

    await eventually(lambda: len(waits()) >= 3)
    await platform.stop()
    assert waits()[:3] == ["0.2 s", "0.4 s", "0.8 s"]
