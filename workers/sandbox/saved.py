"""What a chain stores beside its tables: its own few numbers and other people's notes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

FORMAT = 2
"""Of everything that is stored; a file of another one cannot be continued."""
_CHAIN, _NOTE = "chain", "note:"


class UnableToContinue(ValueError):
    """The stored chain is another one, or was stored by another version; the text says what to do."""


class Notes(dict[str, bytes]):
    """Small things of others, by name; knows which were replaced since they were last stored."""

    def __init__(self, stored: Mapping[str, bytes] | None = None) -> None:
        """`stored`: rows as `rows` gave them, those of the notes among others."""
        super().__init__(
            (name.removeprefix(_NOTE), note)
            for name, note in (stored or {}).items()
            if name.startswith(_NOTE)
        )
        self._replaced: set[str] = set()

    def __setitem__(self, name: str, note: bytes) -> None:
        if self.get(name) != note:
            super().__setitem__(name, note)
            self._replaced.add(name)

    def rows(self) -> dict[str, bytes]:
        """What to write; it counts as stored."""
        replaced, self._replaced = sorted(self._replaced), set()
        return {_NOTE + name: self[name] for name in replaced}


def number_row(numbers: Mapping[str, Any]) -> dict[str, bytes]:
    """The chain's own numbers as they are written; `numbers_in` reads them."""
    return {_CHAIN: orjson.dumps({"format": FORMAT, **numbers})}


def numbers_in(stored: Mapping[str, bytes], *, seed: int, path: Path | None) -> dict[str, Any]:
    """The chain's own numbers, empty for a new file; UnableToContinue unless they are ours."""
    if _CHAIN not in stored:
        return {}
    numbers: dict[str, Any] = orjson.loads(stored[_CHAIN])
    if numbers.get("format") != FORMAT:
        raise UnableToContinue(
            f"{path} was stored by another version of the sandbox and cannot be continued. Move the "
            "data directory that it is in away to begin anew: the platform's database there keeps "
            "the books of that chain and of no other"
        )
    if numbers["seed"] != seed:
        raise UnableToContinue(
            f"{path} holds the chain of seed {numbers['seed']}, not of seed {seed}"
        )
    return numbers
