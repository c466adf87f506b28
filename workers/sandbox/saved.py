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


class SavedNotes:
    """Knows which notes are stored already, so that only replaced ones are written."""

    def __init__(self) -> None:
        self._saved: dict[str, bytes] = {}

    def rows(self, numbers: Mapping[str, Any], notes: Mapping[str, bytes]) -> dict[str, bytes]:
        """What to write; it counts as stored. A note is new when it is another object than before."""
        new = {name: note for name, note in notes.items() if self._saved.get(name) is not note}
        self._saved.update(new)
        return {
            _CHAIN: orjson.dumps({"format": FORMAT, **numbers}),
            **{_NOTE + name: note for name, note in new.items()},
        }

    def notes(self, stored: Mapping[str, bytes]) -> dict[str, bytes]:
        """The notes among rows once written."""
        self._saved = {
            name.removeprefix(_NOTE): note
            for name, note in stored.items()
            if name.startswith(_NOTE)
        }
        return dict(self._saved)


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
