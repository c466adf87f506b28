"""Which code decided: the commit it was started from, read once."""

import subprocess
from pathlib import Path


def _read() -> str:
    root = Path(__file__).resolve().parent.parent
    try:
        result = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],  # noqa: S607
            cwd=root,
            capture_output=True,
            text=True,
            timeout=2,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unversioned"
    return result.stdout.strip()[:40] or "unversioned"


CODE_VERSION = _read()
