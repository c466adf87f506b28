"""What a person reads off an explorer about one landed transaction, and whether it can be true."""

from dataclasses import dataclass

from trading.domain.swaps import BalanceChange
from trading.domain.values import LAMPORTS_PER_SOL, Action

MOST_FEE_LAMPORTS = LAMPORTS_PER_SOL // 10
MOST_RENT_LAMPORTS = LAMPORTS_PER_SOL // 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Amounts without signs, but for the rent: paid is positive, given back is negative.

    `sol_lamports` is the swap's own SOL, without fee, tip and rent.
    """

    sol_lamports: int
    token_raw: int
    network_fee_lamports: int
    tip_lamports: int
    rent_lamports: int
    token_account: str
    decimals: int
    slot: int = 0


def contradictions(
    figures: Figures,
    *,
    action: Action,
    in_amount_raw: int,
    held_raw: int,
    tip_lamports: int,
) -> dict[str, str]:
    """Why these figures cannot be those of the transaction that was signed, by field; empty when they can.

    A signed ExactIn swap takes exactly `in_amount_raw`, and pays `tip_lamports` or fails as a whole.
    """
    errors: dict[str, str] = {}
    given = figures.sol_lamports if action is Action.BUY else figures.token_raw
    name = "sol_lamports" if action is Action.BUY else "token_raw"
    if given != in_amount_raw:
        errors[name] = f"the signed swap takes exactly {in_amount_raw}"
    elif action is Action.SELL and figures.token_raw > held_raw:
        errors[name] = f"the books hold only {held_raw}"
    received = "token_raw" if action is Action.BUY else "sol_lamports"
    if getattr(figures, received) <= 0:
        errors[received] = "a swap that landed gave something"
    if not 0 < figures.network_fee_lamports <= MOST_FEE_LAMPORTS:
        errors["network_fee_lamports"] = f"between 1 and {MOST_FEE_LAMPORTS}"
    if figures.tip_lamports != tip_lamports:
        errors["tip_lamports"] = f"the signed transaction tips {tip_lamports}"
    if abs(figures.rent_lamports) > MOST_RENT_LAMPORTS:
        errors["rent_lamports"] = f"at most {MOST_RENT_LAMPORTS} either way"
    if not 0 <= figures.decimals <= 18:
        errors["decimals"] = "between 0 and 18"
    return errors


def change_of(figures: Figures, *, action: Action) -> BalanceChange:
    """The figures as the balance change they claim; the wallet's lamports follow from its parts."""
    sign = 1 if action is Action.SELL else -1
    costs = figures.network_fee_lamports + figures.tip_lamports + figures.rent_lamports
    return BalanceChange(
        native_lamports=sign * figures.sol_lamports - costs,
        sol_lamports=sign * figures.sol_lamports,
        token_raw=-sign * figures.token_raw,
        token_account=figures.token_account,
        decimals=figures.decimals,
        network_fee_lamports=figures.network_fee_lamports,
        tip_lamports=figures.tip_lamports,
        rent_lamports=figures.rent_lamports,
        error="",
        slot=figures.slot,
        block_time=None,
    )
