"""All wallets of a run judged together: scores, backtests, owners, and the place each has earned. No rows change."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import NormalDist
from typing import Any

import pandas as pd

from scout.frames import trades_until
from scout.knowledge import Moments, funders, prices_seen, token_facts
from scout.promotion import Case, Copies, Proposal, Status, one_owner_one_vote, propose
from scout.rehearsal import Rehearsal, strategies_of
from scout.research.backtest import backtest_of
from scout.research.costs import Costs
from scout.research.facts import Facts
from scout.research.owners import Owners, owners_of
from scout.research.replay import known_prices, replay, with_births
from scout.research.scores import Settings
from scout.research.setting import Assumptions, Setting
from scout.research.trades import Trades
from scout.research.verdicts import Limits
from scout.scoring import score
from trading.domain.policy import Policy
from trading.domain.values import LAMPORTS_PER_SOL

STRATEGIES = ("SHIELD", "SPEAR")
MOST_BACKTESTS = 500
"""The best of a larger run are replayed; who is not among them is proposed as a candidate at most."""
CROWD = 100
"""Wallets from which on what all have in common is taken for the market's gift. Fewer are a roster or
somebody's pick: skill may well be what they have in common, and nobody can tell the two apart in them."""
LEAST_P = 0.001
"""Probabilities beyond it say nothing more about a spread."""
RECENT_PART = 3
"""The last so-manieth part of the history is looked at by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Whom to judge, as of when, by which policy, and what is known besides their swaps."""

    addresses: tuple[str, ...]
    as_of: datetime
    known: Moments
    copies: Mapping[str, Copies]
    policy: Policy
    has_backtest: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One wallet: its scores, its backtest where one was made, its owner's wallets, its place."""

    score: Mapping[str, Any]
    strategy: str
    proposal: Proposal
    backtest: Rehearsal | None = None
    owner: str = ""
    owner_evidence: tuple[str, ...] = ()

    def columns(self) -> dict[str, Any]:
        """As a WalletScore keeps it."""
        row = self.score
        return {
            "text": "",
            "trades": int(_number(row.get("n_trades")) or 0),
            "wqs": _number(row.get("wqs")),
            "skill": _number(row.get("skill")),
            "p_positive": _number(row.get("skill_p_positive")),
            "copy_return": _number(row.get("expected_copy_return")),
            "copy_return_error": _error(row),
            "archetype": str(row.get("archetype") or "")[:40],
            "status": str(self.proposal.status),
            "reasons": [*self.proposal.reasons, *_sentences(row.get("reasons"))],
            "evidence": {"strategy": self.strategy, **_plain(row)},
            "verdict": "" if self.backtest is None else self.backtest.verdict,
            "backtest": {} if self.backtest is None else self.backtest.as_json(),
            "owner": self.owner,
            "owner_evidence": list(self.owner_evidence),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Every wallet's judgement, and figures of all of them together."""

    wallets: Mapping[str, Judgement]
    summary: dict[str, Any]


def judge(question: Question, *, progress: Callable[[], None]) -> Outcome:
    """The same rows and the same question give the same outcome; wallets without a swap are judged too.

    `progress` is told every minute or so, however many they are.
    """
    trades = trades_until(
        question.addresses, known=question.known, until=question.as_of, progress=progress
    )
    if trades.empty:
        return _outcome(question, pd.DataFrame(), {}, {}, None)
    facts = token_facts(until=question.as_of)
    scores = _scores(question, trades, facts)
    progress()
    strategies = strategies_of(trades, policy=question.policy)
    chosen = _worth_a_backtest(scores, strategies) if question.has_backtest else {}
    backtests = dict(_backtests(question, trades, facts, chosen, progress))
    owners = owners_of(trades, funders=funders(question.addresses))
    return _outcome(question, scores, strategies, backtests, owners)


def _scores(question: Question, trades: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    as_of = int(question.as_of.timestamp())
    settings = settings_of(question, wallets=trades["wallet"].nunique())
    return score(Trades(rows=trades), facts=facts, as_of=as_of, settings=settings)


def settings_of(question: Question, *, wallets: int) -> Settings:
    """Our size and the time's price of SOL; whether so many wallets can tell what the market gave them."""
    price = question.known.sol.fallback
    usual = Costs()
    costs = Costs(
        stake_sol=question.policy.scout.copy_size_lamports / LAMPORTS_PER_SOL,
        assumed_sol_usd=usual.assumed_sol_usd if price is None else float(price),
    )
    return Settings(costs=costs, is_chosen=wallets < CROWD)


def _backtests(
    question: Question,
    trades: pd.DataFrame,
    facts: Facts,
    chosen: Mapping[str, str],
    progress: Callable[[], None],
) -> Iterator[tuple[str, Rehearsal]]:
    """Of the chosen wallets, each under its strategy; every other swap tells what a token cost, and so does
    whatever the platform itself has seen between the swaps."""
    as_of = int(question.as_of.timestamp())
    since = as_of - (as_of - int(trades["ts"].min())) // RECENT_PART
    is_near = trades["token"].isin(trades["token"][trades["wallet"].isin(list(chosen))].unique())
    near = trades[is_near].reset_index(drop=True)
    born = with_births(near, facts)
    seen = pd.concat([known_prices(facts, as_of), _seen(near, until=question.as_of)])
    for strategy in STRATEGIES:
        wallets = [each for each, own in chosen.items() if own == strategy]
        if not wallets:
            continue
        found = replay(
            born,
            setting=_setting(question, strategy),
            others=seen,
            until=as_of,
            only=wallets,
        )
        for wallet in wallets:
            whole = backtest_of(found, born, wallet=wallet, limits=Limits())
            recent = backtest_of(found, born, wallet=wallet, limits=Limits(), since=since)
            yield wallet, Rehearsal(whole=whole, recent=recent)
        progress()


def _seen(trades: pd.DataFrame, *, until: datetime) -> pd.DataFrame:
    since = datetime.fromtimestamp(int(trades["ts"].min()), UTC) if len(trades) else until
    tokens = sorted(map(str, trades["token"].unique()))
    return prices_seen(tokens, since=since, until=until)


def _setting(question: Question, strategy: str) -> Setting:
    price = question.known.sol.fallback
    return Setting(
        strategy=strategy,
        policy=question.policy,
        assumptions=Assumptions(
            size_lamports=question.policy.scout.copy_size_lamports,
            sol_price_usd=None if price is None else float(price),
        ),
    )


def _worth_a_backtest(scores: pd.DataFrame, strategies: Mapping[str, str]) -> dict[str, str]:
    """The best by skill, then by WQS, as many as can be replayed within a run."""
    best = scores.sort_values(["skill", "wqs"], ascending=False, na_position="last", kind="stable")
    return {
        wallet: strategies[wallet] for wallet in best.index[:MOST_BACKTESTS] if wallet in strategies
    }


def _outcome(
    question: Question,
    scores: pd.DataFrame,
    strategies: Mapping[str, str],
    backtests: Mapping[str, Rehearsal],
    owners: Owners | None,
) -> Outcome:
    rows = dict(zip(map(str, scores.index), scores.to_dict("records"), strict=True))
    cases = {
        each: _case(each, rows.get(each, {}), question, backtests) for each in question.addresses
    }
    owner_of = {} if owners is None else owners.owner_of
    proposals = one_owner_one_vote(
        {each: propose(case, question.policy.scout) for each, case in cases.items()},
        owners=owner_of,
        ranks={each: case.skill or 0.0 for each, case in cases.items()},
    )
    wallets = {
        each: Judgement(
            score=rows.get(each, {}),
            strategy=strategies.get(each, "SPEAR"),
            proposal=proposals[each],
            backtest=backtests.get(each),
            **_family(each, owners),
        )
        for each in question.addresses
    }
    return Outcome(wallets=wallets, summary=_summary(rows, proposals))


def _case(
    address: str, row: Mapping[str, Any], question: Question, backtests: Mapping[str, Rehearsal]
) -> Case:
    found = backtests.get(address)
    return Case(
        address=address,
        wqs=_number(row.get("wqs")),
        skill=_number(row.get("skill")),
        skill_status=Status(row.get("status") or Status.REJECTED),
        verdict="" if found is None else found.verdict,
        verdict_text="" if found is None else found.text,
        positions=int(_number(row.get("n_copied")) or 0),
        idle_days=_number(row.get("idle_days")),
        copies=question.copies.get(address),
    )


def _family(address: str, owners: Owners | None) -> dict[str, Any]:
    """The owner's name and what holds its wallets together; nothing for a wallet alone."""
    evidence = () if owners is None else owners.evidence(address)
    if owners is None or not evidence:
        return {}
    return {
        "owner": owners.owner_of[address],
        "owner_evidence": tuple(
            f"{each.first} and {each.second}: {each.text}" for each in evidence
        ),
    }


def _summary(
    rows: Mapping[str, Mapping[str, Any]], proposals: Mapping[str, Proposal]
) -> dict[str, Any]:
    statuses = Counter(str(each.status) for each in proposals.values())
    archetypes = Counter(str(row.get("archetype") or "none") for row in rows.values())
    tested = sum(_number(row.get("p_value")) is not None for row in rows.values())
    return {
        "statuses": {str(each): statuses[each] for each in Status if statuses[each]},
        "archetypes": dict(sorted(archetypes.items())),
        "luck": f"{tested} wallets were tested: of so many, one in twenty looks good at p = 5 % by luck"
        f" alone, about {tested * 0.05:.0f}",
    }


def _number(value: Any) -> float | None:
    """A figure that is known, or None."""
    if value is None or isinstance(value, str) or not math.isfinite(value):
        return None
    return float(value)


def _error(row: Mapping[str, Any]) -> float | None:
    """The standard deviation of a copy's expected return that fits the probability of its being above 0."""
    mean, p_positive = (
        _number(row.get("expected_copy_return")),
        _number(row.get("skill_p_positive")),
    )
    if mean is None or p_positive is None:
        return None
    distance = NormalDist().inv_cdf(min(max(p_positive, LEAST_P), 1 - LEAST_P))
    return mean / distance if mean * distance > 0 else None


def _sentences(reasons: Any) -> list[str]:
    """The score's own reasons, whether told as one text or several."""
    if isinstance(reasons, str):
        return [part for part in reasons.split("; ") if part]
    return [str(each) for each in reasons or ()]


def _plain(score: Mapping[str, Any]) -> dict[str, Any]:
    """Every other figure the score rests on, as JSON: unknown ones are null."""
    return {
        name: value if isinstance(value, str) else _number(value)
        for name, value in score.items()
        if name != "reasons"
    }
