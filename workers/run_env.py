"""Small private files of a running platform, above all DATA_DIR/run.env: its addresses for other terminals."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def published(path: Path, addresses: Mapping[str, str]) -> Iterator[None]:
    """Keep `addresses` at `path` as NAME=VALUE lines, readable by the owner only, while this runs."""
    write_private(path, "".join(f"{name}={value}\n" for name, value in addresses.items()))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Replace a file that its owner alone may read, in one step: others read it at any moment."""
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)
