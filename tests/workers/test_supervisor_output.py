"""What children print reaches the log whole."""

import io

from tests.workers.children import Heard, eventually, service, supervisor
from workers.console import Console
from workers.supervisor import Service


async def test_standard_error_progress_bars_and_a_last_line_without_end_are_all_heard():
    heard = Heard()
    code = r"""
import sys
print("plain")
print("error", file=sys.stderr)
sys.stdout.write("10 %\r20 %\rlast")
"""
    platform = supervisor(service("talker", code, once=True), heard=heard)
    await platform.start(timeout_seconds=20)
    await platform.stop()
    assert heard.of("talker") == ["plain", "error", "10 %", "20 %", "last"]


async def test_an_endless_line_and_bytes_that_are_no_text_do_no_harm():
    heard = Heard()
    code = r"""
import sys
sys.stdout.buffer.write(b"x" * 100_000 + b"\n\xff\xfe\n")
"""
    platform = supervisor(service("talker", code, once=True), heard=heard)
    await platform.start(timeout_seconds=20)
    await platform.stop()
    *parts, last = heard.of("talker")
    assert sum(map(len, parts)) == 100_000
    assert last == "\ufffd\ufffd"


async def test_a_program_that_does_not_exist_is_named():
    heard = Heard()
    ghost = Service(name="ghost", argv=("/no/such/program",), env={})
    platform = supervisor(ghost, heard=heard)
    await platform.start(timeout_seconds=20)
    await eventually(lambda: bool(heard.of("ghost")))
    await platform.stop()
    assert heard.of("ghost")[0] == "cannot start /no/such/program: No such file or directory"


def test_each_name_is_a_prefix_and_colours_appear_only_when_wanted():
    plain, coloured = io.StringIO(), io.StringIO()
    Console(plain, is_coloured=False).line("web", "hello")
    Console(coloured, is_coloured=True).line("web", "hello")
    assert plain.getvalue() == "web        │ hello\n"
    assert "\x1b[" in coloured.getvalue()


def test_all_lines_of_the_box_are_equally_wide():
    stream = io.StringIO()
    Console(stream, is_coloured=False).box(["Chimera is healthy", "", "a longer line than that"])
    assert len({len(line) for line in stream.getvalue().splitlines()}) == 1


def test_a_reader_that_went_away_is_no_error():
    stream = io.StringIO()
    stream.close()
    Console(stream, is_coloured=False).line("web", "hello")
