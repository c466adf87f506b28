"""Wallets that move together: pairs whose trades coincide, or whose tokens are the same, far beyond chance.

Nothing compares all pairs. Trades are sorted by token, side and moment and each is compared with its few
neighbours; a token's traders are compared only where they are few. Both costs grow with the trades.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

CLOSE_SECONDS = 10
"""Trades of the same token and side this near each other coincide."""
NEAR_SECONDS = 600
"""Trades this near each other had the same occasion; only their finer timing is evidence."""
CROWD = 6
"""More trades than this within CLOSE_SECONDS are an event that everybody saw, and no evidence."""
FEW_TRADERS = 20
"""A token with more traders than this is anybody's."""
LEAST_TOGETHER = 4
LEAST_SHARE = 0.2
"""Of the less active wallet's trades, so many must coincide."""
LEAST_OVERLAP = 0.5
"""Of the larger set of tokens, so much must be common."""
FALSE_MERGES = 0.001
"""How many pairs among all would look like this by chance (Bonferroni over all pairs)."""

Whole = np.ndarray
Floats = np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Pairs of wallets (first < second, places in the sorted wallets) that pass, as parallel arrays.

    `found` is what they have in common, `out_of` what they might have, `expected` what chance gives;
    `log_p` bounds the logarithm of the probability of `found` or more by chance.
    """

    first: Whole
    second: Whole
    found: Whole
    out_of: Whole
    expected: Floats
    log_p: Floats

    def kept(self, is_kept: np.ndarray) -> "Pairs":
        return Pairs(**{name: getattr(self, name)[is_kept] for name in self.__slots__})


def coinciding(wallet: Whole, trades: pd.DataFrame) -> Pairs:
    """Pairs whose trades of the same token and side lie within seconds of each other again and again.

    Null: given that two wallets trade a token the same way within NEAR_SECONDS, the time between the two is
    uniform over that window (the jitter null of Amarasingham et al. 2012): a common occasion, without common
    timing. Trades of a wallet within NEAR_SECONDS of its last one of that kind belong to the same occasion.
    """
    key = _keys(trades)
    moment = trades["ts"].to_numpy(dtype=np.int64)
    key, moment, wallet = _occasions(key, moment, wallet)
    first, second = _neighbours(key, moment, wallet)
    pair, count = np.unique(_code(first, second), return_counts=True)
    pair, count = pair[count >= LEAST_TOGETHER], count[count >= LEAST_TOGETHER]
    first, second = pair >> 32, pair & 0xFFFFFFFF
    activity = np.bincount(wallet, minlength=int(wallet.max(initial=0)) + 1)
    near = _near(first, second, key, moment, wallet)
    chance = (2 * CLOSE_SECONDS + 1) / (2 * NEAR_SECONDS + 1)
    log_p = _binomial_bound(count, near, chance)
    smaller = np.minimum(activity[first], activity[second])
    is_kept = (log_p < _threshold(wallet)) & (count >= LEAST_SHARE * smaller)
    return Pairs(
        first=first, second=second, found=count, out_of=near, expected=near * chance, log_p=log_p
    ).kept(is_kept)


def sharing_tokens(wallet: Whole, trades: pd.DataFrame) -> Pairs:
    """Pairs that trade nearly the same tokens, counting only tokens with few traders.

    Null: who else trades a token of one wallet is drawn from all wallets in proportion to how many tokens
    each trades; what is common is then Poisson. Wallets with a taste of their own meet more often than that,
    so the share of common tokens has to be large as well.
    """
    token, wallet_of, tokens = _few_traders(pd.factorize(trades["token"])[0], wallet)
    first, second = _neighbours(token, np.zeros_like(token), wallet_of, most=FEW_TRADERS)
    pair, count = np.unique(_code(first, second), return_counts=True)
    pair, count = pair[count > LEAST_TOGETHER], count[count > LEAST_TOGETHER]
    first, second = pair >> 32, pair & 0xFFFFFFFF
    size = np.bincount(wallet_of, minlength=int(wallet.max(initial=0)) + 1)
    others = np.bincount(token)[token] - 1
    meetings = np.bincount(wallet_of, weights=others, minlength=len(size))
    share = tokens / max(1, tokens.sum())
    expected = np.maximum(meetings[first] * share[second], meetings[second] * share[first])
    log_p = _poisson_bound(count, expected)
    larger = np.maximum(size[first], size[second])
    is_kept = (log_p < _threshold(wallet)) & (count >= LEAST_OVERLAP * larger)
    return Pairs(
        first=first, second=second, found=count, out_of=larger, expected=expected, log_p=log_p
    ).kept(is_kept)


def _keys(trades: pd.DataFrame) -> Whole:
    token = pd.factorize(trades["token"])[0].astype(np.int64)
    return np.asarray(2 * token + trades["is_buy"].to_numpy(dtype=np.int64))


def _code(first: Whole, second: Whole) -> Whole:
    return np.asarray(np.minimum(first, second) << 32 | np.maximum(first, second))


def _occasions(key: Whole, moment: Whole, wallet: Whole) -> tuple[Whole, Whole, Whole]:
    """Without trades that only continue the one before, sorted by key, moment and wallet."""
    order = np.lexsort((moment, wallet, key))
    key, moment, wallet = key[order], moment[order], wallet[order]
    is_new = np.ones(len(key), dtype=bool)
    is_new[1:] = (
        (key[1:] != key[:-1])
        | (wallet[1:] != wallet[:-1])
        | (moment[1:] - moment[:-1] > NEAR_SECONDS)
    )
    key, moment, wallet = key[is_new], moment[is_new], wallet[is_new]
    order = np.lexsort((wallet, moment, key))
    return key[order], moment[order], wallet[order]


def _neighbours(
    key: Whole, moment: Whole, wallet: Whole, *, most: int = CROWD
) -> tuple[Whole, Whole]:
    """Pairs of wallets of rows with the same key within CLOSE_SECONDS, crowds left out; rows are sorted."""
    if not len(key):
        return wallet, wallet
    start = moment.min()
    line = key * (int(moment.max() - start) + 4 * NEAR_SECONDS) + moment - start
    around = np.searchsorted(line, line + CLOSE_SECONDS, "right") - np.searchsorted(
        line, line - CLOSE_SECONDS, "left"
    )
    line, wallet = line[around <= most], wallet[around <= most]
    firsts, seconds = [], []
    for step in range(1, most):
        is_close = line[step:] - line[:-step] <= CLOSE_SECONDS
        firsts.append(wallet[:-step][is_close])
        seconds.append(wallet[step:][is_close])
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    return first[first != second], second[first != second]


def _near(first: Whole, second: Whole, key: Whole, moment: Whole, wallet: Whole) -> Whole:
    """How many trades of each pair lie within NEAR_SECONDS of each other, same token and side."""
    if not len(first):
        return first
    span = int(moment.max() - moment.min()) + 4 * NEAR_SECONDS
    line = key * span + moment - moment.min()
    order = np.lexsort((line, wallet))
    line, starts = line[order], np.searchsorted(wallet[order], np.arange(wallet.max() + 2))
    near = np.zeros(len(first), dtype=np.int64)
    for place, (one, two) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        ours = line[starts[one] : starts[one + 1]]
        theirs = line[starts[two] : starts[two + 1]]
        above = np.searchsorted(theirs, ours + NEAR_SECONDS, "right")
        near[place] = (above - np.searchsorted(theirs, ours - NEAR_SECONDS, "left")).sum()
    return near


def _few_traders(token: Whole, wallet: Whole) -> tuple[Whole, Whole, Whole]:
    """Each token and trader once, by token, for tokens with two to FEW_TRADERS traders.

    Beside them how many tokens, of all, each wallet trades.
    """
    both = np.unique(token.astype(np.int64) << 32 | wallet)
    token, wallet = both >> 32, both & 0xFFFFFFFF
    traders, tokens = np.bincount(token)[token], np.bincount(wallet, minlength=1)
    is_kept = (traders > 1) & (traders <= FEW_TRADERS)
    return token[is_kept], wallet[is_kept], tokens


def _threshold(wallet: Whole) -> float:
    wallets = len(np.unique(wallet))
    return float(np.log(FALSE_MERGES) - np.log(max(1.0, wallets * (wallets - 1) / 2)))


def _binomial_bound(found: Whole, tries: Whole, chance: float) -> Floats:
    """log P(X ≥ found) of a binomial is at most this (Chernoff, Hoeffding 1963)."""
    share = found / np.maximum(tries, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.where(share < 1, (1 - share) * np.log((1 - share) / (1 - chance)), 0.0)
        divergence = share * np.log(share / chance) + rest
    return np.where(share > chance, -tries * divergence, 0.0)


def _poisson_bound(found: Whole, expected: Floats) -> Floats:
    """log P(X ≥ found) of a Poisson variable is at most this (Chernoff)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        bound = found - expected - found * np.log(found / expected)
    return np.where(found > expected, bound, 0.0)
