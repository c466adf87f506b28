"""What is known beside the swaps: tokens with a price at a moment, wallets with birth and funder."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from scout.research.blocks import UnreadableTrades

TOKEN_COLUMNS = ("token", "created_ts", "price_sol_asof", "liquidity_usd_asof")
WALLET_COLUMNS = ("wallet", "created_ts", "funder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """`tokens` is indexed by token: created_ts, price_sol, liquidity_usd (NaN unknown), the prices
    being those of the moment `as_of`; `wallets` by wallet: created_ts (NaN unknown), funder ("")."""

    tokens: pd.DataFrame
    wallets: pd.DataFrame
    as_of: int | None = None

    def tokens_known_at(self, moment: int) -> pd.DataFrame:
        """The tokens, without prices unless these are known to be no later than `moment`."""
        if self.as_of is not None and self.as_of <= moment:
            return self.tokens
        return self.tokens.assign(price_sol=np.nan, liquidity_usd=np.nan)


def no_facts() -> Facts:
    """Nothing is known beside the swaps."""
    tokens = pd.DataFrame(columns=["created_ts", "price_sol", "liquidity_usd"], dtype=float)
    wallets = pd.DataFrame({"created_ts": pd.Series(dtype=float), "funder": pd.Series(dtype=str)})
    return Facts(tokens=tokens, wallets=wallets)


def facts_beside(trades: Path) -> Facts:
    """tokens.csv, wallets.csv and meta.json (`as_of`: the moment of the prices) beside `trades`.

    Each may be absent. Raises `UnreadableTrades` naming the file and what is wrong with it.
    """
    facts = no_facts()
    tokens, wallets = trades.with_name("tokens.csv"), trades.with_name("wallets.csv")
    return Facts(
        tokens=_tokens(tokens) if tokens.exists() else facts.tokens,
        wallets=_wallets(wallets) if wallets.exists() else facts.wallets,
        as_of=_moment(trades.with_name("meta.json")),
    )


def _tokens(path: Path) -> pd.DataFrame:
    frame = _table(path, TOKEN_COLUMNS).set_index("token")[list(TOKEN_COLUMNS[1:])]
    frame.columns = pd.Index(["created_ts", "price_sol", "liquidity_usd"])
    return frame.apply(pd.to_numeric, errors="coerce")


def _wallets(path: Path) -> pd.DataFrame:
    frame = _table(path, WALLET_COLUMNS).set_index("wallet")[list(WALLET_COLUMNS[1:])]
    created = pd.to_numeric(frame["created_ts"], errors="coerce")
    return frame.assign(created_ts=created, funder=frame["funder"].fillna(""))


def _table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path, dtype="str", encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise UnreadableTrades(f"{path.name}: {error}") from error
    if missing := [name for name in columns if name not in frame]:
        raise UnreadableTrades(f"{path.name}: columns missing: {', '.join(missing)}")
    key = columns[0]
    # A function of the content, not of the order: among contradictory rows the first in order counts.
    return frame.dropna(subset=key).sort_values(list(columns)).drop_duplicates(key)


def _moment(path: Path) -> int | None:
    if not path.exists():
        return None
    try:
        return int(json.loads(path.read_text())["as_of"])
    except KeyError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise UnreadableTrades(f"{path.name}: {error}") from error
