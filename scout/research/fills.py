"""What a swap of ours would have paid and received in a constant-product pool, and what each cost took of it.

All arrays in SOL and SOL per token, floats; whoever books them rounds to lamports. With a pool's SOL
reserve R and marginal price p, buying with y after the pool's fee f gives y(1-f) / (p(1 + y(1-f)/R))
tokens, and selling tokens worth v at p gives v(1-f) R / (R + v(1-f)) (Uniswap v2, Adams 2020).
"""

from dataclasses import dataclass

import numpy as np

from scout.research.setting import Assumptions

Floats = np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """Tokens and SOL of a swap, and the parts of its value that pool fee, impact and others took, in SOL."""

    tokens: Floats
    sol: Floats
    pool_fee: Floats
    impact: Floats
    mev: Floats


def reserve_sol(*, liquidity_usd: Floats, sol_price_usd: Floats) -> Floats:
    """The SOL side of a pool: half its liquidity. NaN where either is unknown or no SOL price can be."""
    with np.errstate(divide="ignore", invalid="ignore"):
        reserve = liquidity_usd / 2 / sol_price_usd
    return np.where((sol_price_usd > 0) & (liquidity_usd >= 0), reserve, np.nan)


def bought(*, sol: Floats, price: Floats, reserve: Floats, assumptions: Assumptions) -> Fill:
    """Tokens for `sol` at a marginal price; an empty pool gives none."""
    net = sol * (1 - assumptions.pool_fee)
    value = _through_pool(net, reserve)
    with np.errstate(divide="ignore", invalid="ignore"):
        tokens = np.where(price > 0, value / price, 0.0)
    return Fill(tokens=tokens, sol=sol, pool_fee=sol - net, impact=net - value, mev=0.0 * net)


def sold(*, tokens: Floats, price: Floats, reserve: Floats, assumptions: Assumptions) -> Fill:
    """SOL for tokens at a marginal price; an empty pool pays none."""
    value = tokens * price
    net = value * (1 - assumptions.pool_fee)
    out = _through_pool(net, reserve)
    kept = out * (1 - assumptions.mev_bps / 10_000)
    return Fill(tokens=tokens, sol=kept, pool_fee=value - net, impact=net - out, mev=out - kept)


def price_impact(*, sol: Floats, reserve: Floats, assumptions: Assumptions) -> Floats:
    """The share of a buy's value that its own impact takes: y / (R + y)."""
    net = sol * (1 - assumptions.pool_fee)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(net > 0, 1 - _through_pool(net, reserve) / net, 0.0)


def _through_pool(value: Floats, reserve: Floats) -> Floats:
    """What a value is worth after moving a pool against itself."""
    total = reserve + value
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, value * reserve / total, 0.0)
