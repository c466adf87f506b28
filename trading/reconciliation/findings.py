"""What a comparison of books and chain found: kinds, findings, totals, and the report of it all."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class FindingKind(StrEnum):
    """What kind of difference: the five of the specification (§12)."""

    MISSING_TX = "MISSING_TX"
    STATE_MISMATCH = "STATE_MISMATCH"
    AMOUNT_MISMATCH = "AMOUNT_MISMATCH"
    UNKNOWN_HOLDING = "UNKNOWN_HOLDING"
    UNKNOWN_TX = "UNKNOWN_TX"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference: what it is about, what the books say and what the chain says."""

    kind: FindingKind
    subject: str
    books: str
    chain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Where every lamport of our wallets went, from the chain alone.

    balance = deposits − bought + sold − fees − tips − rent + other.
    """

    transactions: int = 0
    deposits_lamports: int = 0
    bought_lamports: int = 0
    sold_lamports: int = 0
    fees_lamports: int = 0
    tips_lamports: int = 0
    rent_lamports: int = 0
    other_lamports: int = 0
    balance_lamports: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The outcome of one reconciliation; `in_flight` are signatures that nobody has decided yet."""

    findings: tuple[Finding, ...]
    totals: Totals
    in_flight: tuple[str, ...] = field(default_factory=tuple)
    positions: int = 0

    @property
    def is_equal(self) -> bool:
        """Whether the books equal the chain to the lamport."""
        return not self.findings

    def as_json(self) -> dict[str, Any]:
        """The report for machines; amounts are integers in lamports."""
        return {
            "books_equal_chain": self.is_equal,
            "findings": [asdict(finding) for finding in self.findings],
            "totals": asdict(self.totals),
            "in_flight": list(self.in_flight),
            "positions": self.positions,
        }

    def as_lines(self) -> Iterable[str]:
        """The report for people."""
        totals = asdict(self.totals)
        yield f"{totals.pop('transactions')} transactions, {self.positions} positions, in SOL:"
        for name, lamports in totals.items():
            yield f"  {name.removesuffix('_lamports'):<10} {lamports / 10**9:>18,.9f}"
        for signature in self.in_flight:
            yield f"in flight: {signature}"
        for finding in self.findings:
            yield f"{finding.kind} {finding.subject}: books {finding.books}, chain {finding.chain}"
        yield "books equal the chain" if self.is_equal else f"{len(self.findings)} differences"


def amounts(name: str, *rows: tuple[str, int, int]) -> Iterator[Finding]:
    """A finding for each (what, booked, found) that differs."""
    for what, booked, found in rows:
        if booked != found:
            subject = f"{name}: {what}"
            yield differs(FindingKind.AMOUNT_MISMATCH, subject, str(booked), str(found))


def differs(kind: FindingKind, subject: str, books: str, chain: str) -> Finding:
    """One difference."""
    return Finding(kind=kind, subject=subject, books=books, chain=chain)
