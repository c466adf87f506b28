"""The token universe: what exists, how good it is, how it moves; not how it gets on chain."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from workers.sandbox.paths import Motion

LAMPORTS_PER_SOL = 1_000_000_000
GENESIS_SOL_USD = 150.0

WSOL = Pubkey.from_string("So11111111111111111111111111111111111111112")
USDC = Pubkey.from_string("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v")
USDT = Pubkey.from_string("Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB")

TOKEN_PROGRAM = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
TOKEN_2022_PROGRAM = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")


class TokenKind(StrEnum):
    """What a buyer of the token is up against; only majors and memecoins are good."""

    NATIVE = "native"
    STABLE = "stable"
    MAJOR = "major"
    MEMECOIN = "memecoin"
    THIN = "thin"
    RUG = "rug"
    FREEZE_HONEYPOT = "freeze_honeypot"
    MINT_AUTHORITY = "mint_authority"
    CONCENTRATED = "concentrated"
    TRANSFER_FEE = "transfer_fee"
    PERMANENT_DELEGATE = "permanent_delegate"
    TRANSFER_HOOK = "transfer_hook"


GOOD_KINDS = frozenset({TokenKind.MAJOR, TokenKind.MEMECOIN})

SLOW = Motion(volatility_per_hour=0.004, half_life_hours=96)
MAJOR = Motion(volatility_per_hour=0.03, jumps_per_hour=0.02, jump_size=0.05)
LIVELY = Motion(volatility_per_hour=0.07, jumps_per_hour=0.15, jump_size=0.12, half_life_hours=30)
WILD = Motion(volatility_per_hour=0.10, jumps_per_hour=0.30, jump_size=0.18, half_life_hours=20)
PUMPED = Motion(volatility_per_hour=0.05, jumps_per_hour=0.10, jump_size=0.10, half_life_hours=72)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token and its pool against wrapped SOL, in the units of its launch.

    `price_sol` is per whole token, `liquidity_usd` counts both sides of the pool. `launch` and
    `rug` are fractions of the history: negative days are `age_days` before genesis.
    """

    symbol: str
    name: str
    mint: Pubkey
    decimals: int
    kind: TokenKind
    price_sol: float
    liquidity_usd: float
    motion: Motion
    program: Pubkey = TOKEN_PROGRAM
    transfer_fee_bps: int = 0
    age_days: float = 30.0
    launch: float | None = None
    rug: float | None = None

    @property
    def is_good(self) -> bool:
        """Whether nothing about the token itself should stop a careful buyer."""
        return self.kind in GOOD_KINDS

    @property
    def is_tradeable(self) -> bool:
        """Whether the pool can be traded at all: a transfer hook makes every swap fail."""
        return self.kind is not TokenKind.TRANSFER_HOOK

    @property
    def is_quote(self) -> bool:
        """Whether people pay with it instead of speculating on it."""
        return self.kind in (TokenKind.STABLE, TokenKind.NATIVE)

    @property
    def pool_sol_lamports(self) -> int:
        """The SOL side of the pool at launch."""
        return int(self.liquidity_usd / 2 / GENESIS_SOL_USD * LAMPORTS_PER_SOL)

    @property
    def pool_raw(self) -> int:
        """The token side of the pool at launch, in raw units."""
        return int(self.pool_sol_lamports / LAMPORTS_PER_SOL / self.price_sol * 10**self.decimals)


def keypair_for(label: str, *, seed: int) -> Keypair:
    """The key of one inhabitant of the sandbox; a function of its name and the seed alone."""
    return Keypair.from_seed(hashlib.sha256(f"sandbox/{seed}/{label}".encode()).digest())


def universe(*, seed: int, extra_tokens: int = 0) -> tuple[Token, ...]:
    """Every token with a pool against SOL: stables, majors, memecoins good and bad.

    `extra_tokens` more majors stand behind them, for whoever needs many tokens to trade at once.
    """
    return (*_known(), *_memecoins(seed), *_dangerous(seed), *_extra(extra_tokens, seed))


def _known() -> Iterator[Token]:
    usd = 1 / GENESIS_SOL_USD
    for symbol, name, mint, liquidity in (
        ("USDC", "USD Coin", USDC, 30_000_000.0),
        ("USDT", "USDT", USDT, 8_000_000.0),
    ):
        yield Token(
            symbol=symbol,
            name=name,
            mint=mint,
            decimals=6,
            kind=TokenKind.STABLE,
            price_sol=usd,
            liquidity_usd=liquidity,
            motion=SLOW,
            age_days=900,
        )
    for symbol, name, address, decimals, price_usd, liquidity in (
        ("BONK", "Bonk", "DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263", 5, 0.00002, 4_000_000.0),
        ("JUP", "Jupiter", "JUPyiwrYJFskUPiHa7hkeR8VUtAeFoSYbKedZNsDvCN", 6, 0.45, 3_000_000.0),
        ("WIF", "dogwifhat", "EKpQGSJtjMFqKZ9KQanSqYXRcF8fBopzLHYxdM65zcjm", 6, 0.6, 2_000_000.0),
    ):
        yield Token(
            symbol=symbol,
            name=name,
            mint=Pubkey.from_string(address),
            decimals=decimals,
            kind=TokenKind.MAJOR,
            price_sol=price_usd * usd,
            liquidity_usd=liquidity,
            motion=MAJOR,
            age_days=700,
        )


def _memecoins(seed: int) -> Iterator[Token]:
    for symbol, name, price_sol, liquidity, motion, age_days in (
        ("MANGO", "Mango Cat", 0.00004, 400_000.0, LIVELY, 60.0),
        ("PIXEL", "Pixel Pup", 0.000009, 180_000.0, WILD, 25.0),
        ("TURBO", "Turbo Toad", 0.0000031, 90_000.0, WILD, 14.0),
        ("NOVA", "Nova Newt", 0.00012, 45_000.0, LIVELY, 40.0),
        ("GECKO", "Gecko Gang", 0.0000017, 22_000.0, WILD, 9.0),
        ("MICRO", "Micro Moth", 0.00000042, 6_400.0, LIVELY, 5.0),
    ):
        yield Token(
            symbol=symbol,
            name=name,
            mint=mint_of(symbol, seed=seed),
            decimals=6,
            kind=TokenKind.MEMECOIN,
            price_sol=price_sol,
            liquidity_usd=liquidity,
            motion=motion,
            age_days=age_days,
        )
    yield Token(
        symbol="FRESH",
        name="Fresh Frog",
        mint=mint_of("FRESH", seed=seed),
        decimals=6,
        kind=TokenKind.MEMECOIN,
        price_sol=0.0000008,
        liquidity_usd=30_000.0,
        motion=WILD,
        launch=0.85,
    )
    yield Token(
        symbol="NEXT",
        name="Next Narwhal",
        mint=mint_of("NEXT", seed=seed),
        decimals=9,
        kind=TokenKind.MEMECOIN,
        price_sol=0.00007,
        liquidity_usd=70_000.0,
        motion=LIVELY,
        program=TOKEN_2022_PROGRAM,
        age_days=20,
    )


def _extra(count: int, seed: int) -> Iterator[Token]:
    for number in range(count):
        symbol = f"EXTRA{number}"
        yield Token(
            symbol=symbol,
            name=f"Extra {number}",
            mint=mint_of(symbol, seed=seed),
            decimals=6,
            kind=TokenKind.MAJOR,
            price_sol=0.00004,
            liquidity_usd=400_000.0,
            motion=SLOW,
            age_days=90,
        )


def _dangerous(seed: int) -> Iterator[Token]:
    for symbol, name, kind, liquidity, program in (
        ("PUDDLE", "Puddle Duck", TokenKind.THIN, 1_200.0, TOKEN_PROGRAM),
        ("CAGE", "Canary Cage", TokenKind.FREEZE_HONEYPOT, 50_000.0, TOKEN_PROGRAM),
        ("PRESS", "Printing Press", TokenKind.MINT_AUTHORITY, 40_000.0, TOKEN_PROGRAM),
        ("THRONE", "Throne", TokenKind.CONCENTRATED, 65_000.0, TOKEN_PROGRAM),
        ("TOLL", "Toll Bridge", TokenKind.TRANSFER_FEE, 55_000.0, TOKEN_2022_PROGRAM),
        ("LEASH", "Leash", TokenKind.PERMANENT_DELEGATE, 48_000.0, TOKEN_2022_PROGRAM),
        ("HOOK", "Fish Hook", TokenKind.TRANSFER_HOOK, 36_000.0, TOKEN_2022_PROGRAM),
    ):
        yield Token(
            symbol=symbol,
            name=name,
            mint=mint_of(symbol, seed=seed),
            decimals=6,
            kind=kind,
            price_sol=0.000005,
            liquidity_usd=liquidity,
            motion=LIVELY,
            program=program,
            transfer_fee_bps=500 if kind is TokenKind.TRANSFER_FEE else 0,
            age_days=12,
        )
    for symbol, name, launch, rug in (
        ("MIRAGE", "Mirage", 0.10, 0.60),
        ("VANISH", "Vanishing Cream", 0.70, 1.15),
    ):
        yield Token(
            symbol=symbol,
            name=name,
            mint=mint_of(symbol, seed=seed),
            decimals=6,
            kind=TokenKind.RUG,
            price_sol=0.0000021,
            liquidity_usd=38_000.0,
            motion=PUMPED,
            launch=launch,
            rug=rug,
        )


def mint_of(symbol: str, *, seed: int) -> Pubkey:
    """Mint address of an invented token."""
    return keypair_for(f"mint/{symbol}", seed=seed).pubkey()
