"""How collected static files are stored: compressed beside the original, each once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from whitenoise.storage import CompressedStaticFilesStorage


class CompressedOnceStorage(CompressedStaticFilesStorage):
    """Compresses what changed only: all of it takes seven seconds, of every start."""

    def post_process(
        self, paths: dict[str, Any], dry_run: bool = False, **options: Any
    ) -> Iterator[Any]:
        changed = {name: found for name, found in paths.items() if not self._is_compressed(name)}
        yield from super().post_process(changed, dry_run=dry_run, **options)

    def _is_compressed(self, name: str) -> bool:
        original = Path(self.path(name))
        compressed = original.with_name(f"{original.name}.gz")
        try:
            return compressed.stat().st_mtime >= original.stat().st_mtime
        except FileNotFoundError:
            return False
