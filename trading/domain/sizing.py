"""How much to spend: what was asked for, cut down to every cap. Never rounded up."""

from decimal import Decimal

from trading.domain.policy import Policy
from trading.domain.values import LAMPORTS_PER_SOL


def size_lamports(
    *,
    requested_lamports: int,
    policy: Policy,
    balance_lamports: int,
    held_in_token_lamports: int,
    liquidity_usd: Decimal | None,
    sol_price_usd: Decimal | None,
) -> int:
    """The size in lamports after the caps of specification §7, or 0 when that is below the minimum.

    Caps: policy maximum, per token, a share of the pool's liquidity, balance without the reserve. An
    unknown liquidity or SOL price gives 0: a cap that cannot be computed is not a cap that is met.
    """
    if liquidity_usd is None or sol_price_usd is None or sol_price_usd <= 0:
        return 0
    pool_share = liquidity_usd / sol_price_usd * LAMPORTS_PER_SOL
    size = min(
        requested_lamports,
        policy.maximum_trade_lamports,
        policy.maximum_per_token_lamports - held_in_token_lamports,
        int(pool_share * policy.maximum_pool_share_bps / 10_000),
        balance_lamports - policy.reserve_lamports,
    )
    return size if size >= policy.minimum_trade_lamports else 0
