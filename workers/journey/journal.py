"""What happened and what should have: the lines of the table and the expectations, one by one."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

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
    """Collects lines and expectations; `say` hears progress as it happens."""

    say: Say
    lines: list[Line] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    violated: list[str] = field(default_factory=list)
    _begun: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the journal was opened."""
        return time.monotonic() - self._begun

    def write(self, line: Line) -> None:
        self.lines.append(line)
        mark = "✓" if line.is_as_expected else "✗"
        self.note(f"{mark} {line.title}: {line.answer}{line.end and f' → {line.end}'}")

    def note(self, text: str) -> None:
        """Progress only."""
        self.say(f"[{self.seconds:5.1f} s] {text}")

    def expect(self, what: str, *, holds: bool, found: object = "") -> bool:
        """Remember one expectation and whether it held; a violated one says what was found."""
        if holds:
            self.held.append(what)
        else:
            self.violated.append(f"{what}; found: {found}" if found != "" else what)
            self.note(f"✗ {self.violated[-1]}")
        return holds

    def expect_one_of(self, what: str, allowed: Collection[str], found: str) -> bool:
        """One of these words."""
        return self.expect(
            f"{what}: {' or '.join(sorted(allowed))}", holds=found in allowed, found=found
        )
