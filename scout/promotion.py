"""Which place a wallet has earned: one pure rule over its scores, its backtest, its owner and our own copies."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from trading.domain.scouting import ScoutPolicy

PASSED = "PASSED"
SCORE_TOO_LOW = "SCORE_TOO_LOW"


class Status(StrEnum):
    """Place on the roster."""

    ACTIVE = "ACTIVE"
    CANDIDATE = "CANDIDATE"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """Our own closed copies of a leader: how many, and what they earned as a ratio of what they cost."""

    count: int
    return_ratio: float

    def is_below_floor(self, policy: ScoutPolicy) -> bool:
        """Whether enough of them lost more than the policy allows."""
        floor = -policy.maximum_copy_loss_bps / 10_000
        return self.count >= policy.demotion_copies and self.return_ratio < floor


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is known about one wallet. `skill_status` is the skill score's own admission, None in a score
    unknown; `verdict` is empty where no backtest was made. `positions` are those a follower could have taken.
    """

    address: str
    wqs: float | None
    skill: float | None
    skill_status: Status
    verdict: str = ""
    verdict_text: str = ""
    positions: int = 0
    idle_days: float | None = None
    copies: Copies | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A place, and why in sentences."""

    status: Status
    reasons: tuple[str, ...]

    def lowered(self, reason: str) -> "Proposal":
        """The same wallet as a candidate at most."""
        if self.status is not Status.ACTIVE:
            return self
        return replace(self, status=Status.CANDIDATE, reasons=(reason, *self.reasons))


def propose(case: Case, policy: ScoutPolicy) -> Proposal:
    """ACTIVE needs the policy's choice of score, a passed backtest, and no losses of our own after it."""
    proposal = _by_score(case, policy)
    if case.positions < policy.minimum_positions:
        proposal = proposal.lowered(
            f"a record of {case.positions} positions; {policy.minimum_positions} are asked for"
        )
    if case.idle_days is not None and case.idle_days > policy.inactivity_days:
        proposal = proposal.lowered(f"has not traded for {case.idle_days:.1f} days")
    if case.verdict != PASSED:
        text = case.verdict_text or "no backtest was made"
        proposal = proposal.lowered(f"backtest {case.verdict or 'missing'}: {text}")
    if case.copies is not None and case.copies.is_below_floor(policy):
        proposal = proposal.lowered(
            f"our {case.copies.count} copies of it made {case.copies.return_ratio:+.1%},"
            f" below {-policy.maximum_copy_loss_bps / 100:g} %"
        )
    return proposal


def _by_score(case: Case, policy: ScoutPolicy) -> Proposal:
    if policy.score == "skill":
        word = "unknown" if case.skill is None else f"{case.skill:.3g}"
        return Proposal(status=case.skill_status, reasons=(f"skill {word}: {case.skill_status}",))
    if case.wqs is None:
        return Proposal(status=Status.REJECTED, reasons=("too little is known for a WQS",))
    told = f"WQS {case.wqs:.1f}, ACTIVE from {policy.active_score}, CANDIDATE from {policy.candidate_score}"
    if case.wqs >= policy.active_score:
        return Proposal(status=Status.ACTIVE, reasons=(told,))
    is_candidate = case.wqs >= policy.candidate_score
    return Proposal(status=Status.CANDIDATE if is_candidate else Status.REJECTED, reasons=(told,))


def one_owner_one_vote(
    proposals: Mapping[str, Proposal], *, owners: Mapping[str, str], ranks: Mapping[str, float]
) -> dict[str, Proposal]:
    """Of the ACTIVE wallets of one owner the best alone stays ACTIVE; `owners` names each wallet's group."""
    best: dict[str, str] = {}
    for address in sorted(proposals):
        owner = owners.get(address, address)
        if proposals[address].status is Status.ACTIVE and (
            owner not in best or ranks.get(address, 0.0) > ranks.get(best[owner], 0.0)
        ):
            best[owner] = address
    return {
        address: proposal
        if best.get(owners.get(address, address), address) == address
        else proposal.lowered(f"has the same owner as {best[owners[address]]}, which counts")
        for address, proposal in proposals.items()
    }
