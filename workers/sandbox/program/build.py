"""Builds amm.so from amm.c: `python -m workers.sandbox.program.build [--check]`.

Needs the pinned `ziglang` package (its clang has the BPF back end); nothing at run time does.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from workers.sandbox.program.link import link

FOLDER = Path(__file__).parent
SOURCE = FOLDER / "amm.c"
PROGRAM = FOLDER / "amm.so"
CHECKSUM = FOLDER / "amm.so.sha256"

# Only mcpu=v1 gives opcodes that sBPF v0 knows; zig adds sanitizers unless told otherwise.
_FLAGS = (
    *("-target", "bpfel-freestanding", "-mcpu=v1", "-Os", "-std=c11"),
    *("-fno-sanitize=all", "-ffreestanding", "-fno-builtin", "-fno-asynchronous-unwind-tables"),
    *("-Wall", "-Wextra", "-Werror"),
)


def build() -> bytes:
    """Compile and link; the same source and compiler give the same bytes."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "amm.o"
        command = [
            sys.executable,
            "-m",
            "ziglang",
            "cc",
            *_FLAGS,
            "-c",
            str(SOURCE),
            "-o",
            str(target),
        ]
        subprocess.run(command, check=True, cwd=folder)  # noqa: S603  fixed command, no input
        return link(target.read_bytes())


def checksum_line(program: bytes) -> str:
    """The line `sha256sum` writes."""
    return f"{hashlib.sha256(program).hexdigest()}  {PROGRAM.name}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the committed checksum")
    check = parser.parse_args().check
    program = build()
    if check:
        same = CHECKSUM.read_text() == checksum_line(program)
        sys.stdout.write("amm.so is up to date\n" if same else "amm.so is NOT what amm.c gives\n")
        return 0 if same else 1
    PROGRAM.write_bytes(program)
    CHECKSUM.write_text(checksum_line(program))
    sys.stdout.write(f"{PROGRAM.name}: {len(program)} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
