"""One check as it is stored: what was measured against which limit. Which checks there are is decided elsewhere."""

from typing import NamedTuple


class Gate(NamedTuple):
    """One check: what was measured, against which limit, and whether it let the signal through.

    A tuple: a decision makes some seventy of them, and a frozen dataclass takes twice as long.
    """

    code: str
    measured: str
    limit: str
    is_passed: bool

    def as_json(self) -> dict[str, str | bool]:
        """The stored form; a decision has dozens of them, and dataclasses.asdict copies each deeply."""
        return {
            "code": self.code,
            "measured": self.measured,
            "limit": self.limit,
            "is_passed": self.is_passed,
        }


def gate(code: str, *, is_passed: bool, measured: object, limit: object) -> Gate:
    """A gate with both sides as text."""
    return Gate(code, str(measured), str(limit), is_passed)
