"""Who belongs together: wallets of one owner, found by their money and by how they move, with the evidence.

One owner has one vote: of its wallets the best counts, so that nobody fills the roster with copies of itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import exp
from typing import Any

import pandas as pd

from scout.research.together import Pairs, coinciding, sharing_tokens

MOST_FUNDED = 10
"""A funder of more wallets than this is an exchange or a service, and says nothing about who owns them."""


class Bond(StrEnum):
    """Why two wallets are taken for one owner's."""

    SAME_FUNDER = "SAME_FUNDER"
    FUNDED_BY = "FUNDED_BY"
    TRADE_TOGETHER = "TRADE_TOGETHER"
    SAME_TOKENS = "SAME_TOKENS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """One piece of evidence; `text` has the figures, `p_value` bounds how likely chance gives as much."""

    bond: Bond
    first: str
    second: str
    text: str
    p_value: float | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "bond": str(self.bond),
            "wallets": [self.first, self.second],
            "text": self.text,
            "p_value": self.p_value,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Owners:
    """Wallets by owner. An owner is named by the first of its wallets in alphabetical order."""

    owner_of: Mapping[str, str]
    merges: tuple[Merge, ...]

    def members(self, owner: str) -> tuple[str, ...]:
        """The owner's wallets in alphabetical order."""
        return tuple(wallet for wallet, name in self.owner_of.items() if name == owner)

    def evidence(self, wallet: str) -> tuple[Merge, ...]:
        """All that holds the wallet's owner together; nothing for a wallet alone."""
        owner = self.owner_of.get(wallet, wallet)
        return tuple(each for each in self.merges if self.owner_of[each.first] == owner)


def owners_of(trades: pd.DataFrame, *, funders: pd.Series | None = None) -> Owners:
    """Cluster the wallets of a frame of trades; `funders` is by wallet, "" for unknown.

    Evidence is taken together transitively: A with B and B with C make one owner of three. The same wallets
    give the same owners whatever the order of the rows.
    """
    numbers, wallets = pd.factorize(trades["wallet"], sort=True)
    names = [str(each) for each in wallets]
    merges = [
        *_by_money(names, funders),
        *_by_pairs(names, coinciding(numbers, trades), Bond.TRADE_TOGETHER),
        *_by_pairs(names, sharing_tokens(numbers, trades), Bond.SAME_TOKENS),
    ]
    return Owners(owner_of=_united(names, merges), merges=tuple(merges))


def representatives(owners: Owners, scores: Mapping[str, float]) -> dict[str, str]:
    """For each owner of a scored wallet the wallet that votes: the best score, then the first by name."""
    best: dict[str, str] = {}
    for wallet in sorted(scores, key=lambda each: (-scores[each], each)):
        best.setdefault(owners.owner_of.get(wallet, wallet), wallet)
    return best


def _by_money(names: list[str], funders: pd.Series | None) -> Iterable[Merge]:
    if funders is None:
        return
    known = funders.reindex(names).fillna("").astype(str)
    known, present = known[known != ""], set(names)
    for name, group in known.groupby(known, sort=True):
        funder, funded = str(name), sorted(group.index)
        if len(funded) > MOST_FUNDED:
            continue
        for first, second in pairwise(funded):
            text = f"both were funded by {funder}, which funded {len(funded)} wallets"
            yield Merge(bond=Bond.SAME_FUNDER, first=first, second=second, text=text)
        if funder in present and funder != funded[0]:
            text = f"{funded[0]} was funded by {funder}"
            yield Merge(bond=Bond.FUNDED_BY, first=funder, second=funded[0], text=text)


def _by_pairs(names: list[str], pairs: Pairs, bond: Bond) -> Iterable[Merge]:
    columns = (getattr(pairs, name).tolist() for name in Pairs.__slots__)
    for first, second, found, out_of, expected, log_p in zip(*columns, strict=True):
        what = (
            f"{found} of {out_of} trades of the same token and side within 10 min of each other lie"
            f" within 10 s"
            if bond is Bond.TRADE_TOGETHER
            else f"{found} of {out_of} tokens that few trade are the same"
        )
        yield Merge(
            bond=bond,
            first=names[first],
            second=names[second],
            text=f"{what}; by chance {expected:.2f}",
            p_value=exp(log_p),
        )


def _united(names: list[str], merges: Iterable[Merge]) -> dict[str, str]:
    """Union by the lesser name, so that an owner's name is its first wallet's."""
    parent = {name: name for name in names}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for each in merges:
        low, high = sorted((root(each.first), root(each.second)))
        parent[high] = low
    return {name: root(name) for name in names}
