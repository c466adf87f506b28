"""Scores of all wallets of a frame, studied in parallel; no database, no clock.

The wallets are cut into parts of about the same number of swaps; how many processes share them
never changes the result.
"""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scout.research.facts import Facts
from scout.research.marks import known_liquidity, marks_at
from scout.research.scores import COLUMNS, Settings, scores_of
from scout.research.study import Study, joined, study_of
from scout.research.trades import Trades

SWAPS_OF_A_PART = 150_000

Progress = Callable[[int, int], None]
"""Told (swaps studied, swaps in all) after every part."""


class NothingToScore(Exception):
    """No swap is known at the moment asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What every part needs; inherited by the processes, not sent to them."""

    rows: pd.DataFrame
    liquidity: np.ndarray
    marks: pd.DataFrame
    as_of: int
    settings: Settings


_work: _Work | None = None


def score(
    trades: Trades,
    *,
    facts: Facts,
    as_of: int,
    settings: Settings | None = None,
    processes: int = 1,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """`scores_of` what is known at `as_of`, best skill first; wallets of `facts` without a swap last.

    Raises `NothingToScore`.
    """
    settings = settings or Settings()
    rows = trades.known_at(as_of)
    if not len(rows):
        raise NothingToScore(f"no swap is known at {as_of}: all are later")
    tokens = facts.tokens_known_at(as_of)
    marks = marks_at(rows, tokens, sol_usd=settings.costs.assumed_sol_usd)
    work = _Work(
        rows=rows, liquidity=known_liquidity(rows), marks=marks, as_of=as_of, settings=settings
    )  # fmt: skip
    studies = []
    done = 0
    parts = _parts(rows)
    with _studied(work, parts, processes) as results:
        for (start, end), study in zip(parts, results, strict=True):
            studies.append(study)
            done += end - start
            if progress:
                progress(done, len(rows))
    scores = scores_of(joined(studies), settings=settings)
    scores = scores.sort_values("skill", ascending=False, na_position="last", kind="stable")
    return pd.concat([scores, _without_swaps(facts, scores.index, as_of)])


def _parts(rows: pd.DataFrame) -> list[tuple[int, int]]:
    """Where to cut the rows: between wallets, as evenly as these allow."""
    starts = np.flatnonzero(np.r_[True, np.diff(rows["wallet"].cat.codes.to_numpy()) != 0])
    wanted = np.arange(0, len(rows), SWAPS_OF_A_PART)
    cuts = np.unique(starts[np.searchsorted(starts, wanted, side="right") - 1])
    ends = [*cuts[1:], len(rows)]
    return [(int(start), int(end)) for start, end in zip(cuts, ends, strict=True)]


@contextmanager
def _studied(
    work: _Work, parts: list[tuple[int, int]], processes: int
) -> Iterator[Iterator[Study]]:
    """The study of every part, in their order."""
    global _work
    _work = work
    try:
        if processes <= 1 or len(parts) == 1:
            yield map(_study, parts)
        else:
            context = multiprocessing.get_context("fork")
            with context.Pool(min(processes, len(parts))) as pool:
                yield pool.imap(_study, parts)
    finally:
        _work = None


def _study(part: tuple[int, int]) -> Study:
    assert _work is not None
    start, end = part
    return study_of(
        _work.rows.iloc[start:end], liquidity=_work.liquidity[start:end], marks=_work.marks,
        as_of=_work.as_of, costs=_work.settings.costs,
    )  # fmt: skip


def _without_swaps(facts: Facts, known: pd.Index, as_of: int) -> pd.DataFrame:
    """A clear verdict for wallets that are known to exist and have done nothing yet."""
    born = facts.wallets[~(facts.wallets["created_ts"] > as_of)].index
    names = born.difference(known, sort=True)
    frame = pd.DataFrame(index=pd.Index(names, name="wallet"), columns=list(COLUMNS), dtype=object)
    return frame.assign(
        n_trades=0, archetype="UNKNOWN", status="REJECTED", reasons="UNKNOWN: no swap is known",
        **dict.fromkeys(("wqs", "skill", "skill_p_positive", "expected_copy_return"), np.nan),
    )  # fmt: skip
