"""DATA_DIR/run.env: the addresses of the running platform, for commands in other terminals."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def published(path: Path, addresses: Mapping[str, str]) -> Iterator[None]:
    """Keep `addresses` at `path` as NAME=VALUE lines, readable by the owner only, while this runs."""
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text("".join(f"{name}={value}\n" for name, value in addresses.items()))
    # Settings of other processes are read at any moment, so never a half-written file.
    draft.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
