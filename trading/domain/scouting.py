"""The part of the policy that says whom Scout reads, whom it proposes, and who leaves the roster."""

from collections.abc import Iterator
from dataclasses import dataclass

from trading.domain.values import LAMPORTS_PER_SOL

SCORES = ("skill", "wqs")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoutPolicy:
    """Which score decides and from where on, how far histories go back, what a leader may lose us.

    `score` is "skill", whose own test admits, or "wqs" with the two limits below; a leader becomes ACTIVE
    by either only when the backtest has passed too, with `minimum_positions` that a follower could have
    taken, and when it has traded lately. A leader whose copies, once there are
    `demotion_copies` of them, lost more than `maximum_copy_loss_bps` of what they cost is demoted; so is
    one that has not traded for `inactivity_days`.
    """

    score: str = "skill"
    active_score: int = 70
    candidate_score: int = 40
    minimum_positions: int = 30
    history_days: int = 90
    transactions_per_wallet: int = 5_000
    transactions_per_day: int = 200_000
    most_candidates: int = 2_000
    copy_size_lamports: int = LAMPORTS_PER_SOL // 2
    demotion_copies: int = 5
    maximum_copy_loss_bps: int = 500
    inactivity_days: int = 5


def scout_contradictions(part: ScoutPolicy) -> Iterator[tuple[str, str]]:
    """What cannot be meant: the field and the remedy."""
    if part.score not in SCORES:
        yield "scout.score", f"one of {', '.join(SCORES)}"
    if not part.candidate_score <= part.active_score <= 100:
        yield "scout.active_score", "at least candidate_score, at most 100"
    for name in (
        "history_days",
        "transactions_per_wallet",
        "transactions_per_day",
        "most_candidates",
        "copy_size_lamports",
        "demotion_copies",
        "minimum_positions",
        "inactivity_days",
    ):
        if getattr(part, name) <= 0:
            yield f"scout.{name}", "must be above 0"
