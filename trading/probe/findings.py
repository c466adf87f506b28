"""What a look at the outside found: one row a check, and what they come to together."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum, StrEnum
from typing import Any


class Verdict(StrEnum):
    """Fine; usable with care; or not what the platform needs."""

    FINE = "fine"
    WARNING = "warning"
    BROKEN = "broken"


class Outcome(IntEnum):
    """Exit status of the command."""

    FINE = 0
    BROKEN = 1
    WARNINGS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one reply is worth: what was measured, and, where that is not fine, what was expected."""

    verdict: Verdict
    measured: str
    expected: str = ""


def fine(measured: str) -> Judgement:
    return Judgement(verdict=Verdict.FINE, measured=measured)


def warning(measured: str, *, expected: str) -> Judgement:
    return Judgement(verdict=Verdict.WARNING, measured=measured, expected=expected)


def broken(measured: str, *, expected: str) -> Judgement:
    return Judgement(verdict=Verdict.BROKEN, measured=measured, expected=expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check of one endpoint. `endpoint` is a role and a host, never a key."""

    endpoint: str
    check: str
    verdict: Verdict
    measured: str
    expected: str = ""
    milliseconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Every row, in the order of the endpoints."""

    findings: Sequence[Finding]

    @property
    def outcome(self) -> Outcome:
        verdicts = {finding.verdict for finding in self.findings}
        if Verdict.BROKEN in verdicts:
            return Outcome.BROKEN
        return Outcome.WARNINGS if Verdict.WARNING in verdicts else Outcome.FINE

    def as_json(self) -> dict[str, Any]:
        return {
            "outcome": self.outcome.name.lower(),
            "findings": [asdict(finding) for finding in self.findings],
        }

    def as_lines(self) -> list[str]:
        """A table with a heading for each endpoint, and how many rows are how."""
        width = max((len(finding.check) for finding in self.findings), default=0)
        lines: list[str] = []
        endpoint = None
        for finding in self.findings:
            if finding.endpoint != endpoint:
                endpoint = finding.endpoint
                lines += ["", endpoint]
            lines.append(_line(finding, width))
        return [*lines[1:], "", self._sum()]

    def _sum(self) -> str:
        counts = (
            (sum(each.verdict is verdict for each in self.findings), verdict) for verdict in Verdict
        )
        return ", ".join(f"{count} {verdict}" for count, verdict in counts)


def _line(finding: Finding, width: int) -> str:
    took = "" if finding.milliseconds is None else f"{finding.milliseconds} ms"
    wanted = f"; expected: {finding.expected}" if finding.expected else ""
    parts = (finding.verdict, finding.check, took, finding.measured + wanted)
    return f"  {parts[0]:<8} {parts[1]:<{width}} {parts[2]:>8}  {parts[3]}"
