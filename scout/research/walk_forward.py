"""Walk-forward: how a wallet is followed is chosen on its past and judged on what came after.

A replay is causal, so one replay for each way of following serves all folds: what a fold may know of it are
the copies that had ended before the fold began.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from scout.research.course import REASONS, STILL_OPEN
from scout.research.replay import Replay
from scout.research.verdicts import Limits, summary

FOLDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForward:
    """`table` is the `summary` of what was judged; `choices` has a row a wallet and a column a fold.

    A choice is the place of the way that was followed in the replays given, -1 where none had earned it or
    the score was too low. `begins` are the moments at which the folds begin.
    """

    table: pd.DataFrame
    choices: pd.DataFrame
    begins: tuple[int, ...]


def fold_begins(*, first: int, until: int, folds: int = FOLDS) -> tuple[int, ...]:
    """The second half of a history in equal parts: half is the least past that a choice rests on."""
    middle = (first + until) // 2
    return tuple(middle + (until - middle) * fold // folds for fold in range(folds))


def walk_forward(
    replays: Sequence[Replay],
    *,
    begins: Sequence[int],
    limits: Limits = Limits(),
    scores: Sequence[pd.Series] | None = None,
) -> WalkForward:
    """Follow every wallet in the way that had made most when the fold began, and judge only what came after.

    The replays are of the same trades, each with another setting. A way is chosen that made a profit on at
    least `limits.minimum_trades` ended copies; with `scores`, those of the wallets when each fold began, a
    wallet below `limits.minimum_score` is not followed either. What was bought before a fold and ended in
    it is neither its past nor judged.
    """
    wallets = replays[0].wallets
    ends = [*begins[1:], np.iinfo(np.int64).max]
    chosen, attempts, copies = [], [], []
    for fold, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        choice = _choice(replays, begin=begin, limits=limits)
        if scores is not None and limits.minimum_score is not None:
            is_good = scores[fold].reindex(wallets).to_numpy() >= limits.minimum_score
            choice = np.where(is_good, choice, -1)
        chosen.append(choice)
        for place, each in enumerate(replays):
            is_followed = choice == place
            attempts.append(_part(each.attempts, "at", begin, end, is_followed))
            copies.append(_part(each.copies, "opened_at", begin, end, is_followed))
    judged = replace(
        replays[0],
        attempts=pd.concat(attempts, ignore_index=True),
        copies=pd.concat(copies, ignore_index=True),
    )
    return WalkForward(
        table=summary(judged, limits=replace(limits, minimum_score=None)),
        choices=pd.DataFrame(dict(enumerate(chosen)), index=pd.Index(wallets, name="wallet")),
        begins=tuple(begins),
    )


def _choice(replays: Sequence[Replay], *, begin: int, limits: Limits) -> np.ndarray:
    """For each wallet the replay that had made most by then, the first of equals; -1 for none."""
    made = np.stack([_made(each, begin=begin, limits=limits) for each in replays])
    best = made.argmax(axis=0)
    return np.where(made.max(axis=0) > 0, best, -1)


def _made(replay: Replay, *, begin: int, limits: Limits) -> np.ndarray:
    """Lamports made on copies that had ended by then; 0 on too few."""
    copies = replay.copies
    is_over = (copies["closed_at"] < begin) & (copies["reason"] != REASONS.index(STILL_OPEN))
    over, count = copies[is_over], len(replay.wallets)
    number = np.bincount(over["wallet"], minlength=count)
    made = np.zeros(count, dtype=np.int64)
    np.add.at(made, over["wallet"].to_numpy(), over["pnl_lamports"].to_numpy())
    return np.where(number >= limits.minimum_trades, made, 0)


def _part(
    rows: pd.DataFrame, moment: str, begin: int, end: int, is_followed: np.ndarray
) -> pd.DataFrame:
    inside = (rows[moment] >= begin) & (rows[moment] < end)
    return rows[inside & is_followed[rows["wallet"].to_numpy()]]
