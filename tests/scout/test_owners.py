"""Wallets of one owner are found by their money and their moves; strangers are left apart."""

import numpy as np
import pandas as pd
import pytest

from scout.research.owners import Bond, Owners, owners_of, representatives
from scout.research.together import CLOSE_SECONDS, CROWD

from .swaps import T0

DAY = 86_400


def independent(
    seed: int, *, wallets: int = 60, trades: int = 60, tokens: int = 40, occasions: int = 200
) -> pd.DataFrame:
    """Wallets that trade on common occasions (a token moves), each in its own time within ten minutes."""
    chance = np.random.default_rng(seed)
    token, start = (
        chance.integers(tokens, size=occasions),
        chance.integers(30 * DAY, size=occasions),
    )
    pick = chance.integers(occasions, size=wallets * trades)
    return pd.DataFrame(
        {
            "wallet": np.repeat([f"W{n:03d}" for n in range(wallets)], trades),
            "token": [f"T{each:03d}" for each in token[pick]],
            "ts": T0 + start[pick] + chance.integers(-300, 301, size=len(pick)),
            "is_buy": chance.random(len(pick)) < 0.5,
        }
    )


def shadow(
    trades: pd.DataFrame, wallet: str, *, name: str, seconds: int, seed: int = 0
) -> pd.DataFrame:
    """Two thirds of a wallet's trades again, by another wallet within so many seconds."""
    chance = np.random.default_rng(seed)
    own = trades[trades["wallet"] == wallet]
    own = own[chance.random(len(own)) < 2 / 3]
    return own.assign(wallet=name, ts=own["ts"] + chance.integers(-seconds, seconds + 1, len(own)))


def together(owners: Owners, *wallets: str) -> bool:
    return len({owners.owner_of[each] for each in wallets}) == 1


@pytest.mark.parametrize("seed", range(5))
def test_strangers_who_react_to_the_same_news_stay_apart(seed):
    assert owners_of(independent(seed)).merges == ()


def test_a_wallet_that_moves_with_another_is_its_owners_too():
    trades = independent(1)
    trades = pd.concat([trades, shadow(trades, "W007", name="X", seconds=4)])
    owners = owners_of(trades)
    assert together(owners, "W007", "X")
    assert [each.bond for each in owners.evidence("X")] == [Bond.TRADE_TOGETHER]
    (merge,) = owners.evidence("X")
    assert merge.p_value < 1e-9
    assert "by chance" in merge.text
    assert owners.members("W007") == ("W007", "X")


def test_who_follows_minutes_later_is_no_owner():
    trades = independent(2)
    assert (
        owners_of(pd.concat([trades, shadow(trades, "W007", name="X", seconds=300)])).merges == ()
    )


def test_what_a_crowd_does_at_once_is_no_evidence():
    """Twenty wallets buy twenty launches within seconds of each other: snipers, not one owner."""
    rows = [
        {
            "wallet": f"S{n:02d}",
            "token": f"L{launch}",
            "ts": T0 + launch * DAY + n % 5,
            "is_buy": True,
        }
        for launch in range(20)
        for n in range(CROWD + 14)
    ]
    owners = owners_of(pd.concat([independent(3), pd.DataFrame(rows)]))
    assert [each for each in owners.merges if each.bond is Bond.TRADE_TOGETHER] == []


def test_one_purchase_in_many_pieces_is_one_coincidence():
    rows = [
        {"wallet": wallet, "token": "T", "ts": T0 + 20 * n, "is_buy": True}
        for wallet in ("A", "B")
        for n in range(50)
    ]
    assert owners_of(pd.DataFrame(rows)).merges == ()


def test_the_same_rarely_traded_tokens_are_evidence_whenever_they_were_traded():
    rows = [
        {"wallet": wallet, "token": f"rare{n}", "ts": T0 + n * DAY + late, "is_buy": True}
        for wallet, late in (("A", 0), ("B", 7_200))
        for n in range(12)
    ]
    owners = owners_of(pd.concat([independent(4), pd.DataFrame(rows)]))
    assert [each.bond for each in owners.evidence("A")] == [Bond.SAME_TOKENS]
    assert together(owners, "A", "B")


def test_wallets_of_one_funder_are_one_owners_but_an_exchange_owns_nobody():
    trades = independent(5)
    names = sorted(trades["wallet"].unique())
    funders = pd.Series(dict.fromkeys(names, "EXCHANGE") | dict.fromkeys(names[:3], "F"))
    owners = owners_of(trades, funders=funders)
    assert owners.members(names[0]) == tuple(names[:3])
    assert {each.bond for each in owners.merges} == {Bond.SAME_FUNDER}
    assert len(owners.merges) == 2


def test_a_wallet_that_funds_another_is_its_owners_and_bonds_are_taken_together():
    trades = independent(6)
    trades = pd.concat([trades, shadow(trades, "W001", name="X", seconds=3)])
    owners = owners_of(trades, funders=pd.Series({"X": "W009"}))
    assert together(owners, "W001", "X", "W009")
    assert owners.owner_of["X"] == "W001"
    assert {each.bond for each in owners.evidence("W009")} == {Bond.FUNDED_BY, Bond.TRADE_TOGETHER}
    assert owners.evidence("W002") == ()


def test_the_order_of_rows_changes_nothing():
    trades = independent(7)
    trades = pd.concat([trades, shadow(trades, "W007", name="X", seconds=4)], ignore_index=True)
    mixed = trades.sample(frac=1, random_state=1)
    assert owners_of(trades) == owners_of(mixed)


def test_one_owner_has_one_vote_and_its_best_wallet_casts_it():
    owners = Owners(owner_of={"A": "A", "B": "A", "C": "C"}, merges=())
    assert representatives(owners, {"A": 1.0, "B": 2.0, "C": 0.5, "D": 3.0}) == {
        "D": "D", "A": "B", "C": "C",
    }  # fmt: skip
    assert representatives(owners, {"B": 1.0, "A": 1.0}) == {"A": "A"}


def test_no_trades_have_no_owners():
    nothing = independent(1).iloc[:0]
    assert owners_of(nothing, funders=pd.Series({"A": "F"})).owner_of == {}


def test_evidence_can_be_stored():
    trades = independent(1)
    trades = pd.concat([trades, shadow(trades, "W007", name="X", seconds=CLOSE_SECONDS // 2)])
    (stored,) = [each.as_json() for each in owners_of(trades).merges]
    assert stored["wallets"] == ["W007", "X"]
    assert stored["bond"] == "TRADE_TOGETHER"
