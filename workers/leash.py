"""Ties a process to its parent's life; as a script, starts one program so. Imports nothing of Chimera.

A launcher instead of a hook between fork and exec: no Python code runs in a forked copy of a process
that has threads, and the parent may start children the quick way.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def tie_to_parent(signal_number: int) -> None:
    """Have the kernel send us `signal_number` when the parent's thread ends (Linux; elsewhere nothing)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number)


def main() -> None:
    """Become `argv[2:]` under the parent whose process id is `argv[1]`."""
    parent_pid, *command = sys.argv[1:]
    tie_to_parent(signal.SIGKILL)
    # A parent that died before the line above can no longer send anything.
    if os.getppid() != int(parent_pid):
        sys.exit("the parent is gone")
    try:
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        sys.exit(f"cannot start {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
