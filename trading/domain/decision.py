"""The decision: a signal and the facts of the moment become an Order or a Denial. Pure; every gate leaves a line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from trading.domain.denials import SENTENCES, DenialCode
from trading.domain.entry_facts import (
    Case,
    Facts,
    LeaderFill,
    Portfolio,
    QuoteFacts,
    planned_size_lamports,
)
from trading.domain.entry_gates import BEFORE_THE_QUOTE, BEFORE_THE_TOKEN, GATES, GateCheck
from trading.domain.gates import Gate
from trading.domain.leaders import LeaderFacts
from trading.domain.policy import Policy
from trading.domain.values import Route

__all__ = [
    "SENTENCES",
    "Denial",
    "DenialCode",
    "Facts",
    "Gate",
    "LeaderFacts",
    "LeaderFill",
    "Order",
    "Portfolio",
    "QuoteFacts",
    "decide",
    "deny_early",
    "planned_size_lamports",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Buy for this many lamports by this route, all gates passed."""

    size_lamports: int
    route: Route
    gates: tuple[Gate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """Do not buy; the first gate that said no, with a sentence for people."""

    code: str
    text: str
    gates: tuple[Gate, ...]


def decide(facts: Facts, *, policy: Policy, now: datetime) -> Order | Denial:
    """An Order, or the Denial of the first gate that fails, in the order of specification §7.

    Only buys are decided: a sell is owed whatever the gates would say.
    """
    case = Case(facts=facts, policy=policy, now=now)
    passed, denial = _judge(GATES, case)
    if denial is not None:
        return denial
    return Order(size_lamports=case.size_lamports, route=facts.route, gates=tuple(passed))


def deny_early(
    facts: Facts, *, policy: Policy, now: datetime, is_token_known: bool
) -> Denial | None:
    """The Denial that `decide` would give whatever the quote, and an unknown token, turned out to be.

    None when that depends on them. The gates' order is the same, so the first that fails is too.
    """
    known = GATES[: BEFORE_THE_QUOTE if is_token_known else BEFORE_THE_TOKEN]
    return _judge(known, Case(facts=facts, policy=policy, now=now))[1]


def _judge(checks: Sequence[GateCheck], case: Case) -> tuple[list[Gate], Denial | None]:
    passed: list[Gate] = []
    for gates in checks:
        for each in gates(case):
            passed.append(each)
            if not each.is_passed:
                denial = Denial(code=each.code, text=_sentence(each), gates=tuple(passed))
                return passed, denial
    return passed, None


def _sentence(failed: Gate) -> str:
    return f"{SENTENCES[failed.code]}: {failed.measured} (limit {failed.limit})"
