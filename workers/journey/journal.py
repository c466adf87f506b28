"""What happened and what should have: the lines of the table and the expectations, one by one."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from workers.journey import layout

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One signal: what was sent, how the door answered, what became of it."""

    title: str
    answer: str
    end: str = ""
    milliseconds: float | None = None
    is_as_expected: bool = True


@dataclass(slots=True)
class Journal:
    """Collects expectations; `say` hears the table as it grows."""

    say: Say
    held: list[str] = field(default_factory=list)
    violated: list[str] = field(default_factory=list)
    _begun: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the journal was opened."""
        return time.monotonic() - self._begun

    def chapter(self, title: str) -> None:
        """Begin a new part of the table."""
        self.say(layout.heading(title, note=f"{self.seconds:.0f} s"))

    def write(self, line: Line) -> None:
        """Add a row to the table."""
        self.say(
            layout.row(
                line.title,
                line.answer,
                line.end,
                milliseconds=line.milliseconds,
                is_as_expected=line.is_as_expected,
            )
        )

    def note(self, text: str) -> None:
        """Something between the rows."""
        self.say(f"   {text}")

    def expect(self, what: str, *, holds: bool, found: object = "") -> bool:
        """Remember one expectation and whether it held; a violated one says what was found."""
        if holds:
            self.held.append(what)
        else:
            self.violate(f"{what}; found: {found}" if found != "" else what)
        return holds

    def violate(self, text: str) -> None:
        """Remember and say what does not hold."""
        self.violated.append(text)
        self.say(f" ✗ {text}")

    def expect_one_of(self, what: str, allowed: Collection[str], found: str) -> bool:
        """One of these words."""
        return self.expect(
            f"{what}: {' or '.join(sorted(allowed))}", holds=found in allowed, found=found
        )
