"""Who holds a token: token accounts grouped by their owners, pools left out. Asks nobody."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from solders.pubkey import Pubkey

from trading.domain.values import TOKEN_2022_PROGRAM, TOKEN_PROGRAM

TOP_HOLDERS = 10
TOKEN_ACCOUNT_LENGTH = 165
STATE_OFFSET = 108
FROZEN_STATE = 2
ACCOUNT_TYPE_OFFSET = 165
ACCOUNT_TYPE_ACCOUNT = b"\x02"

AMM_PROGRAMS = frozenset(
    {
        "675kPX9MHTjS2zt1qfr1NYHuzeLXfQM9H24wFSUt1Mp8",  # Raydium v4
        "CAMMCzo5YL8w4VFF8KVHrK22GGUsp5VTaW7grrKgrWqK",  # Raydium CLMM
        "whirLbMiicVdio4qvUfM5KAg6Ct8VwpYzGff3uctyCc",  # Orca Whirlpool
        "LBUZKhRxPF3XUpBCjp4YzTKgLccjZhTSDM9YuVaPwxo",  # Meteora DLMM
        "cpamdpZCGKUy5JxQXB4dcpGPiikHawvSWAd6mEn1sGG",  # Meteora DAMM v2
        "6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P",  # pump.fun
        "pAMMBay6oceH9fJKBRHGP5D4bD4sWpmSwMn52FMfXEA",  # PumpSwap
    }
)
"""Programs whose accounts hold liquidity (formats.md section 1): what these own is nobody's bag."""


POOL_AUTHORITIES = frozenset(
    {
        "5Q544fKrFoe6tsEbD7S8EmxGTJYAKtTVhAW5Q5pge4j1",  # Raydium v4, "amm authority"
        "GpMZbSM2GgvTKHJirzeGfMFoaZ8UR2X7F4v8vHTvxFbL",  # Raydium CPMM, "vault_and_lp_mint_auth_seed"
        "HLnpSz9h2S4hiLQ43rnSD9XkcUThA7B8hQMKmDaiTLcC",  # Meteora DAMM v2, "pool_authority"
    }
)
"""Addresses that such programs derive to own the vaults of all their pools."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAccount:
    """What a token account says: who may move how much, and whether it is frozen."""

    mint: str
    owner: str
    amount_raw: int
    is_frozen: bool


def parse_token_account(data: bytes, *, program: str) -> TokenAccount | None:
    """The token account in raw bytes, or None when it is not one.

    Layout (SPL Token, the same in Token-2022): mint, owner, u64 amount, then the state at byte 108; with
    extensions the account type stands at byte 165, and a mint's is another.
    """
    if program not in (TOKEN_PROGRAM, TOKEN_2022_PROGRAM) or len(data) < TOKEN_ACCOUNT_LENGTH:
        return None
    if data[STATE_OFFSET] == 0 or data[ACCOUNT_TYPE_OFFSET:][:1] not in (b"", ACCOUNT_TYPE_ACCOUNT):
        return None
    return TokenAccount(
        mint=str(Pubkey(data[0:32])),
        owner=str(Pubkey(data[32:64])),
        amount_raw=int.from_bytes(data[64:72], "little"),
        is_frozen=data[STATE_OFFSET] == FROZEN_STATE,
    )


def possible_pools(accounts: Iterable[TokenAccount]) -> list[str]:
    """Owners that no private key stands for, so that they may be pools."""
    owners = {account.owner for account in accounts}
    return sorted(owner for owner in owners if not Pubkey.from_string(owner).is_on_curve())


def concentration_bps(
    accounts: Iterable[TokenAccount], *, pools: Collection[str], supply_raw: int
) -> int | None:
    """The ten largest owners' share of supply, pools left out of them; None without any supply.

    A program-derived owner that is no known pool counts like everybody else: otherwise whoever puts the
    supply into a program of their own would look like nobody.
    """
    if supply_raw <= 0:
        return None
    held: Counter[str] = Counter()
    for account in accounts:
        if account.owner not in pools:
            held[account.owner] += account.amount_raw
    top = sum(amount for _, amount in held.most_common(TOP_HOLDERS))
    return top * 10_000 // supply_raw
