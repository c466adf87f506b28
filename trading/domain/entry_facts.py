"""What a decision to buy rests on: the signal, its leader, the token, the quote, what we hold, the state of trading."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from trading.domain.leaders import CopySettings, LeaderFacts
from trading.domain.policy import Policy
from trading.domain.safety import SaleFacts, TokenFacts
from trading.domain.signals import SignalRequest
from trading.domain.sizing import size_lamports, wanted_lamports
from trading.domain.tips import TipPrice
from trading.domain.values import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """What we hold and what is on its way, in lamports at cost. Buys in flight count as open.

    `balance_lamports` is None when the chain has not told us lately.
    """

    balance_lamports: int | None
    open_positions: int
    shield_lamports: int
    spear_lamports: int
    token_lamports: int
    is_held: bool
    last_closed_at: datetime | None = None

    @property
    def capital_lamports(self) -> int:
        """Balance and open cost together."""
        return (self.balance_lamports or 0) + self.shield_lamports + self.spear_lamports


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteFacts:
    """What the quote says about the trade; `is_found` is False where no route exists."""

    is_found: bool = True
    is_available: bool = True
    in_amount_lamports: int = 0
    out_amount_raw: int = 0
    price_impact: Decimal = Decimal(0)

    @property
    def lamports_per_raw(self) -> Decimal:
        """The price quoted for what was asked; only for a quote that gives something."""
        return Decimal(self.in_amount_lamports) / self.out_amount_raw


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderFill:
    """What the leader paid, read from its own transaction; without a price `unknown` says why.

    `is_frozen`: its account of the mint is frozen, as ours would be.
    """

    lamports_per_raw: Decimal | None = None
    unknown: str = ""
    is_frozen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything a decision to buy rests on. `sale` None: the sale was not simulated.

    `tip` says how `tip_lamports` came about; None where nothing is tipped.
    """

    signal: SignalRequest
    received_at: datetime
    leader: LeaderFacts | None
    token: TokenFacts
    quote: QuoteFacts
    portfolio: Portfolio
    are_entries_halted: bool
    route: Route
    tip_lamports: int
    network_fee_lamports: int
    sol_price_usd: Decimal | None
    tip: TipPrice | None = None
    sale: SaleFacts | None = None
    fill: LeaderFill | None = None
    is_spear_paused: bool = False
    held_back_by: str = ""

    @property
    def copying(self) -> CopySettings:
        """How the leader is copied; of a stranger, nothing special is known."""
        return CopySettings() if self.leader is None else self.leader.copying

    @property
    def quality_bps(self) -> int | None:
        """The leader's quality score, 10000 the highest; None: not known."""
        return None if self.leader is None else self.leader.quality_bps


@dataclass(frozen=True, kw_only=True)
class Case:
    """One judgement: the facts, the policy they are judged by, the moment. Its size is computed once."""

    facts: Facts
    policy: Policy
    now: datetime

    @cached_property
    def size_lamports(self) -> int:
        """As `planned_size_lamports`."""
        return planned_size_lamports(self.facts, self.policy)


def planned_size_lamports(facts: Facts, policy: Policy) -> int:
    """What the order would be worth, before the gates that judge it; 0 when below a minimum."""
    wanted = wanted_lamports(
        facts.copying,
        leader_trade_lamports=facts.signal.amount_lamports,
        capital_lamports=facts.portfolio.capital_lamports,
        quality_bps=facts.quality_bps,
    )
    return size_lamports(
        requested_lamports=wanted,
        policy=policy,
        balance_lamports=facts.portfolio.balance_lamports or 0,
        held_in_token_lamports=facts.portfolio.token_lamports,
        liquidity_usd=facts.token.liquidity_usd,
        sol_price_usd=facts.sol_price_usd,
        minimum_lamports=facts.copying.minimum_size_lamports or 0,
    )
