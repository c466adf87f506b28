"""Why a wallet has the scores and the status it has, in words with the figures."""

import pandas as pd

from scout.research.admission import CERTAIN_ENOUGH, DISCOVERY_RATE, LEAST_EVIDENCE
from scout.research.archetypes import UNWORTHY


def reasons_of(figures: pd.DataFrame, *, tests: int) -> list[str]:
    """One text a row; `tests` is how many wallets were judged together."""
    names = [
        "archetype", "evidence", "status", "expected_copy_return", "skill_p_positive", "q_value",
        "by_luck", "p_value", "copies_ahead", "alive", "cost_per_copy", "n_copied", "n_positions",
        "n_purchases", "unknown_pool_share", "unmatched_sales", "wqs", "skilled", "ended",
    ]  # fmt: skip
    records = figures[names].to_dict("records")
    return ["; ".join(_clauses(record, tests)) for record in records]


def _clauses(of: dict, tests: int) -> list[str]:
    clauses = [f"{of['archetype']}: {of['evidence']}"]
    if pd.isna(of["expected_copy_return"]):
        clauses.append(_no_score(of))
    else:
        clauses += [
            f"net {100 * of['expected_copy_return']:+.2f}% a copy after {100 * of['cost_per_copy']:.2f}% cost",
            f"P(>0) {of['skill_p_positive']:.2f}, P(skilled now) {of['skilled']:.2f}",
            f"{of['copies_ahead']:.0f} copies expected in 30 d, P(alive) {of['alive']:.2f}",
        ]
    if not pd.isna(of["p_value"]):
        verdict = "passes" if of["q_value"] <= DISCOVERY_RATE else "fails"
        clauses.append(
            f"{verdict} FDR {DISCOVERY_RATE:.0%} (q {of['q_value']:.3f}); own record p {of['p_value']:.3f}:"
            f" of {tests} judged, {of['by_luck']:.1f} would look this good by luck"
        )
    return clauses + _missing(of) + _gaps(of)


def _missing(of: dict) -> list[str]:
    """What stands between a wallet of a worthy kind and ACTIVE, and what would change it."""
    if of["status"] == "ACTIVE" or of["archetype"] in UNWORTHY or pd.isna(of["p_value"]):
        return []
    if of["expected_copy_return"] <= 0:
        return ["not ACTIVE: copies of it are expected to lose"]
    short = []
    if of["skill_p_positive"] < CERTAIN_ENOUGH:
        short.append(f"P(>0) {of['skill_p_positive']:.2f} is below {CERTAIN_ENOUGH:.2f}")
    if of["p_value"] > LEAST_EVIDENCE:
        short.append(f"own record p {of['p_value']:.3f} is above {LEAST_EVIDENCE:.2f}")
    if of["q_value"] > DISCOVERY_RATE:
        short.append(f"q {of['q_value']:.3f} is above {DISCOVERY_RATE:.2f}")
    return [
        f"not ACTIVE yet: {', '.join(short)}; {of['n_copied']:.0f} positions tell no more: "
        "score it again with a longer history, or once it has traded more"
    ]


def _no_score(of: dict) -> str:
    if of["unknown_pool_share"] >= 0.5:
        return (
            f"no skill score, NO_LIQUIDITY_DATA for {of['unknown_pool_share']:.0%} of its purchases"
        )
    return f"no skill score, INSUFFICIENT_TRADES: {of['n_copied']:.0f} copyable positions of {of['n_positions']:.0f}"


def _gaps(of: dict) -> list[str]:
    gaps = []
    if pd.isna(of["wqs"]):
        gaps.append("no WQS: no sale of what was bought in the last 30 d")
    if of["unmatched_sales"]:
        gaps.append(f"{of['unmatched_sales']:.0f} sales of what was never bought were left out")
    if of["unknown_pool_share"] > 0:
        gaps.append(f"pool unknown at {of['unknown_pool_share']:.0%} of its purchases")
    return gaps
