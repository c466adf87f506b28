"""Whether a token may be bought at all, judged from facts without asking anybody: one gate a rule."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from trading.domain.gates import Gate, gate
from trading.domain.mints import HARMLESS_EXTENSIONS, MintFacts, parse_mint
from trading.domain.policy import Policy
from trading.domain.values import QUOTE_MINTS

__all__ = [
    "HARMLESS_EXTENSIONS",
    "PERMANENT_REFUSALS",
    "MintFacts",
    "SafetyCode",
    "SaleFacts",
    "TokenFacts",
    "is_sound",
    "judge",
    "parse_mint",
    "refusal_by_name",
    "sale_gates",
    "token_gates",
]


class SafetyCode(StrEnum):
    """Why a token is not bought (specification §6)."""

    MINT_NOT_FOUND = "MINT_NOT_FOUND"
    NOT_A_MINT = "NOT_A_MINT"
    FREEZE_AUTHORITY = "FREEZE_AUTHORITY"
    MINT_AUTHORITY = "MINT_AUTHORITY"
    UNSAFE_EXTENSION = "UNSAFE_EXTENSION"
    TRANSFER_FEE = "TRANSFER_FEE"
    LIQUIDITY_UNKNOWN = "LIQUIDITY_UNKNOWN"
    LIQUIDITY_TOO_LOW = "LIQUIDITY_TOO_LOW"
    HOLDER_CONCENTRATION = "HOLDER_CONCENTRATION"
    TOKEN_TOO_NEW = "TOKEN_TOO_NEW"
    TOKEN_AGE_UNKNOWN = "TOKEN_AGE_UNKNOWN"
    NOT_SELLABLE = "NOT_SELLABLE"
    SAFETY_UNAVAILABLE = "SAFETY_UNAVAILABLE"
    NOT_SPECULATIVE = "NOT_SPECULATIVE"
    BLOCKED_MINT = "BLOCKED_MINT"
    NO_PRICE_SOURCE = "NO_PRICE_SOURCE"


PERMANENT_REFUSALS = frozenset(
    {
        SafetyCode.NOT_A_MINT,
        SafetyCode.FREEZE_AUTHORITY,
        SafetyCode.MINT_AUTHORITY,
        SafetyCode.UNSAFE_EXTENSION,
        SafetyCode.TRANSFER_FEE,
        SafetyCode.NOT_SPECULATIVE,
        SafetyCode.HOLDER_CONCENTRATION,
        SafetyCode.NOT_SELLABLE,
    }
)
"""Refusals that lie in the token itself: the ingress may repeat them from its cache for ten minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFacts:
    """What is known of a token before buying it. None means *not known*, never zero.

    `unavailable` names the sources that did not answer in time. `holder_bps` is the share of the ten
    largest holders, pools left out. `liquidity_usd` is that of the deepest pair, which the gates judge;
    `routable_liquidity_usd` is what the source of prices counts over all pools, to be compared with itself.
    """

    mint: str
    is_found: bool = True
    facts: MintFacts | None = None
    liquidity_usd: Decimal | None = None
    routable_liquidity_usd: Decimal | None = None
    holder_bps: int | None = None
    created_at: datetime | None = None
    price_sol: Decimal | None = None
    unavailable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleFacts:
    """What simulating our buy and the sale of what it gives said.

    `problem` is why the sale failed there, `unavailable` why it could not be simulated; at most one of
    them is set, and then the proceeds say nothing.
    """

    spent_lamports: int
    proceeds_lamports: int = 0
    problem: str = ""
    unavailable: str = ""

    def proceeds_bps(self) -> int:
        """What comes back of what was spent."""
        return self.proceeds_lamports * 10_000 // max(1, self.spent_lamports)


def refusal_by_name(mint: str, policy: Policy) -> SafetyCode | None:
    """Why a mint is refused without knowing more than its address, or None."""
    if mint in QUOTE_MINTS:
        return SafetyCode.NOT_SPECULATIVE
    return SafetyCode.BLOCKED_MINT if mint in policy.blocked_mints else None


def is_sound(mint: MintFacts, policy: Policy) -> bool:
    """Whether nothing in the mint's own account speaks against it."""
    return all(each.is_passed for each in _mint_gates(mint, policy))


def judge(token: TokenFacts, *, strategy: str, policy: Policy, now: datetime) -> SafetyCode | None:
    """The first reason not to buy this token, or None; what selling it would bring is not asked here."""
    gates = token_gates(token, strategy=strategy, policy=policy, now=now)
    failed = next((each for each in gates if not each.is_passed), None)
    return None if failed is None else SafetyCode(failed.code)


def token_gates(
    token: TokenFacts, *, strategy: str, policy: Policy, now: datetime
) -> Iterator[Gate]:
    """Every rule about the token, most certain first; what lies in the mint needs no other source.

    What comes after a gate that failed rests on facts that may be missing, so readers stop there.
    """
    yield from _name_gates(token.mint, policy)
    if token.facts is None and token.is_found and token.unavailable:
        yield _answered(token.unavailable)
        return
    yield gate(
        SafetyCode.MINT_NOT_FOUND,
        is_passed=token.is_found,
        measured="exists" if token.is_found else "no such account",
        limit="exists",
    )
    yield gate(
        SafetyCode.NOT_A_MINT,
        is_passed=token.facts is not None,
        measured="a mint" if token.facts is not None else "another account",
        limit="a mint",
    )
    if token.facts is not None:
        yield from _mint_gates(token.facts, policy)
    yield _answered(token.unavailable or ("" if token.holder_bps is not None else "holders"))
    yield from _market_gates(token, strategy, policy)
    yield from _age_gates(token, strategy, policy, now)
    price = token.price_sol
    yield gate(
        SafetyCode.NO_PRICE_SOURCE,
        is_passed=price is not None and price > 0,
        measured="none" if price is None else f"{price:.12f} SOL" if price else "worth nothing",
        limit="a price",
    )


def sale_gates(
    sale: SaleFacts | None, policy: Policy, *, is_leader_frozen: bool = False
) -> Iterator[Gate]:
    """Whether what we would buy can be sold again for a fair part of what it costs.

    A token whose leader has been frozen in it cannot, whatever a simulation says: freezing comes after
    the buy.
    """
    if is_leader_frozen:
        sale = SaleFacts(spent_lamports=0, problem="the leader's own tokens are frozen")
    if sale is None or sale.unavailable:
        yield _answered("sell simulation" if sale is None else sale.unavailable)
        return
    bps, limit = sale.proceeds_bps(), policy.minimum_sellback_bps
    yield gate(
        SafetyCode.NOT_SELLABLE,
        is_passed=not sale.problem and bps >= limit,
        measured=sale.problem or f"{bps / 100:.1f} % comes back",
        limit=f"{limit / 100:.1f} %",
    )


def _answered(unavailable: str) -> Gate:
    return gate(
        SafetyCode.SAFETY_UNAVAILABLE,
        is_passed=not unavailable,
        measured=f"no answer: {unavailable}" if unavailable else "answered",
        limit="answered",
    )


def _name_gates(mint: str, policy: Policy) -> Iterator[Gate]:
    refusal = refusal_by_name(mint, policy)
    yield gate(
        SafetyCode.NOT_SPECULATIVE,
        is_passed=refusal is not SafetyCode.NOT_SPECULATIVE,
        measured="a quote currency" if mint in QUOTE_MINTS else "a token",
        limit="a token",
    )
    yield gate(
        SafetyCode.BLOCKED_MINT,
        is_passed=refusal is not SafetyCode.BLOCKED_MINT,
        measured="blocked" if refusal is SafetyCode.BLOCKED_MINT else "not blocked",
        limit="not blocked",
    )


def _mint_gates(mint: MintFacts, policy: Policy) -> Iterator[Gate]:
    yield gate(
        SafetyCode.FREEZE_AUTHORITY,
        is_passed=not mint.has_freeze_authority,
        measured="set" if mint.has_freeze_authority else "none",
        limit="none",
    )
    yield gate(
        SafetyCode.MINT_AUTHORITY,
        is_passed=not mint.has_mint_authority,
        measured="set" if mint.has_mint_authority else "none",
        limit="none",
    )
    yield gate(
        SafetyCode.UNSAFE_EXTENSION,
        is_passed=not mint.unsafe_extension,
        measured=mint.unsafe_extension or "none",
        limit="none",
    )
    yield gate(
        SafetyCode.TRANSFER_FEE,
        is_passed=mint.transfer_fee_bps <= policy.maximum_transfer_fee_bps,
        measured=f"{mint.transfer_fee_bps} bps",
        limit=f"{policy.maximum_transfer_fee_bps} bps",
    )


def _market_gates(token: TokenFacts, strategy: str, policy: Policy) -> Iterator[Gate]:
    liquidity, least = token.liquidity_usd, policy.for_strategy(strategy).minimum_liquidity_usd
    yield gate(
        SafetyCode.LIQUIDITY_UNKNOWN,
        is_passed=liquidity is not None,
        measured="unknown" if liquidity is None else "known",
        limit="known",
    )
    yield gate(
        SafetyCode.LIQUIDITY_TOO_LOW,
        is_passed=liquidity is not None and liquidity >= least,
        measured="unknown" if liquidity is None else f"${liquidity:,.0f}",
        limit=f"${least:,}",
    )
    share, most = token.holder_bps, policy.maximum_holder_bps
    yield gate(
        SafetyCode.HOLDER_CONCENTRATION,
        is_passed=share is not None and share <= most,
        measured="unknown" if share is None else f"{share / 100:.1f} %",
        limit=f"{most / 100:.1f} %",
    )


def _age_gates(token: TokenFacts, strategy: str, policy: Policy, now: datetime) -> Iterator[Gate]:
    created, least = token.created_at, policy.for_strategy(strategy).minimum_token_age_seconds
    yield gate(
        SafetyCode.TOKEN_AGE_UNKNOWN,
        is_passed=created is not None,
        measured="unknown" if created is None else "known",
        limit="known",
    )
    age = -1.0 if created is None else (now - created).total_seconds()
    yield gate(
        SafetyCode.TOKEN_TOO_NEW,
        is_passed=age >= least,
        measured=f"{age:.0f} s",
        limit=f"{least} s",
    )
