"""How much to spend: what the leader's settings ask for, cut down to every cap. Never rounded up."""

from decimal import Decimal

from trading.domain.leaders import CopySettings, SizeMode
from trading.domain.policy import Policy
from trading.domain.values import LAMPORTS_PER_SOL


def wanted_lamports(
    copying: CopySettings,
    *,
    leader_trade_lamports: int,
    capital_lamports: int,
    quality_bps: int | None = None,
) -> int:
    """What these settings make of the leader's trade, before any cap but their own; never negative.

    A quality that is not known is worth nothing where the size goes by it: never an average one.
    """
    match copying.size_mode:
        case SizeMode.FIXED:
            wanted = copying.size_lamports or 0
        case SizeMode.RATIO:
            wanted = leader_trade_lamports * copying.size_bps // 10_000
        case SizeMode.PERCENT_OF_CAPITAL:
            wanted = capital_lamports * copying.size_bps // 10_000
        case SizeMode.QUALITY:
            wanted = (copying.size_lamports or 0) * (quality_bps or 0) // 10_000
    most = copying.maximum_size_lamports
    return max(0, wanted if most is None else min(wanted, most))


def size_lamports(
    *,
    requested_lamports: int,
    policy: Policy,
    balance_lamports: int,
    held_in_token_lamports: int,
    liquidity_usd: Decimal | None,
    sol_price_usd: Decimal | None,
    minimum_lamports: int = 0,
) -> int:
    """The size in lamports after the caps of specification §7, or 0 when that is below a minimum.

    Caps: policy maximum, per token, a share of the pool's liquidity, balance without the reserve. An
    unknown liquidity or SOL price gives 0: a cap that cannot be computed is not a cap that is met. The
    leader's own minimum may be above the policy's, never below.
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
    return size if size >= max(policy.minimum_trade_lamports, minimum_lamports) else 0
