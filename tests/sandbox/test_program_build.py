"""The exchange program: what is committed is what its source gives."""

import subprocess
import sys
from pathlib import Path

import pytest

from workers.sandbox.program.build import CHECKSUM, PROGRAM, build, checksum_line
from workers.sandbox.program.link import UnableToLink, link


def test_the_committed_program_matches_its_checksum():
    assert CHECKSUM.read_text() == checksum_line(PROGRAM.read_bytes())


def test_the_source_rebuilds_to_the_committed_program():
    assert checksum_line(build()) == CHECKSUM.read_text()


def compiled(folder, source: str) -> bytes:
    target: Path = folder / "piece.o"
    (folder / "piece.c").write_text(source)
    command = [sys.executable, "-m", "ziglang", "cc", "-target", "bpfel-freestanding"]
    flags = ["-mcpu=v1", "-O1", "-fno-sanitize=all", "-c", "piece.c", "-o", "piece.o"]
    subprocess.run([*command, *flags], check=True, cwd=folder)
    return target.read_bytes()


def test_a_program_with_writable_data_is_not_linked(tmp_path):
    source = "int counter = 7; int entrypoint(void) { return counter++; }"
    with pytest.raises(UnableToLink, match="writable data"):
        link(compiled(tmp_path, source))


def test_a_program_without_an_entry_point_is_not_linked(tmp_path):
    with pytest.raises(UnableToLink, match="no symbol entrypoint"):
        link(compiled(tmp_path, "int other(void) { return 0; }"))


def test_an_object_of_another_machine_is_not_linked():
    with pytest.raises(UnableToLink, match="BPF"):
        link(b"\x7fELF\x02\x01\x01" + bytes(80))
