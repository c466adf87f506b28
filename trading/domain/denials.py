"""Every reason not to buy, with its sentence for people; when each applies is decided elsewhere."""

from enum import StrEnum

from trading.domain.safety import SafetyCode


class DenialCode(StrEnum):
    """Why we do not trade; safety codes come beside these from `safety.SafetyCode`."""

    LEADER_UNKNOWN = "LEADER_UNKNOWN"
    LEADER_NOT_ACTIVE = "LEADER_NOT_ACTIVE"
    LEADER_MUTED = "LEADER_MUTED"
    LEADER_EXPIRED = "LEADER_EXPIRED"
    OUTSIDE_ACTIVE_HOURS = "OUTSIDE_ACTIVE_HOURS"
    LEADER_TRADE_SIZE = "LEADER_TRADE_SIZE"
    LEADER_TOKEN_LIST = "LEADER_TOKEN_LIST"
    STALE_SIGNAL = "STALE_SIGNAL"
    ENTRIES_HALTED = "ENTRIES_HALTED"
    SPEAR_PAUSED = "SPEAR_PAUSED"
    STRATEGY_NEEDS_BUNDLES = "STRATEGY_NEEDS_BUNDLES"
    ALREADY_HELD = "ALREADY_HELD"
    REENTRY_COOLDOWN = "REENTRY_COOLDOWN"
    TOO_MANY_POSITIONS = "TOO_MANY_POSITIONS"
    MAX_BUYS_PER_TOKEN = "MAX_BUYS_PER_TOKEN"
    ALLOCATION_FULL = "ALLOCATION_FULL"
    PORTFOLIO_HEAT = "PORTFOLIO_HEAT"
    SIZE_TOO_SMALL = "SIZE_TOO_SMALL"
    LEADER_DAILY_CAP = "LEADER_DAILY_CAP"
    TIP_TOO_HIGH = "TIP_TOO_HIGH"
    COST_TOO_HIGH = "COST_TOO_HIGH"
    PRICE_IMPACT = "PRICE_IMPACT"
    PRICE_MOVED = "PRICE_MOVED"
    NO_ROUTE = "NO_ROUTE"
    QUOTE_UNAVAILABLE = "QUOTE_UNAVAILABLE"
    BALANCE_UNKNOWN = "BALANCE_UNKNOWN"


SENTENCES: dict[str, str] = {
    DenialCode.LEADER_UNKNOWN: "The followed wallet is not on the roster",
    DenialCode.LEADER_NOT_ACTIVE: "The leader is not ACTIVE",
    DenialCode.LEADER_MUTED: "The leader's buys are not copied at present",
    DenialCode.LEADER_EXPIRED: "The leader's promotion has run out",
    DenialCode.OUTSIDE_ACTIVE_HOURS: "The leader is copied at other hours only",
    DenialCode.LEADER_TRADE_SIZE: "The leader's own trade is smaller or larger than those we copy",
    DenialCode.LEADER_TOKEN_LIST: "The leader's lists leave this token out",
    DenialCode.STALE_SIGNAL: "The signal waited too long to be bought",
    DenialCode.ENTRIES_HALTED: "Entries are halted",
    DenialCode.SPEAR_PAUSED: "The circuit breaker pauses SPEAR",
    DenialCode.STRATEGY_NEEDS_BUNDLES: "SPEAR needs guaranteed inclusion",
    DenialCode.ALREADY_HELD: "The token is already held or being bought",
    DenialCode.REENTRY_COOLDOWN: "The token was sold a moment ago",
    DenialCode.TOO_MANY_POSITIONS: "Too many positions are open",
    DenialCode.MAX_BUYS_PER_TOKEN: "The token was bought often enough after this leader",
    DenialCode.ALLOCATION_FULL: "The strategy's share of capital is used up",
    DenialCode.PORTFOLIO_HEAT: "Too much would be lost if every stop were hit",
    DenialCode.SIZE_TOO_SMALL: "The trade would be too small",
    DenialCode.LEADER_DAILY_CAP: "What may be spent after this leader in 24 hours is used up",
    DenialCode.TIP_TOO_HIGH: "The tip would eat too much of the trade",
    DenialCode.COST_TOO_HIGH: "Tip, fees and impact would eat too much of the trade",
    DenialCode.PRICE_IMPACT: "Our own trade would move the price too far",
    DenialCode.PRICE_MOVED: "The price has moved too far since the leader bought",
    DenialCode.NO_ROUTE: "No route from SOL to the token",
    DenialCode.QUOTE_UNAVAILABLE: "The quote did not come in time",
    DenialCode.BALANCE_UNKNOWN: "Our own balance is not known",
    SafetyCode.MINT_NOT_FOUND: "The mint does not exist",
    SafetyCode.NOT_A_MINT: "The address is not a mint",
    SafetyCode.FREEZE_AUTHORITY: "Somebody can freeze our tokens",
    SafetyCode.MINT_AUTHORITY: "Somebody can print more tokens",
    SafetyCode.UNSAFE_EXTENSION: "The token's own rules could keep us from selling",
    SafetyCode.TRANSFER_FEE: "The token takes a fee on every transfer",
    SafetyCode.LIQUIDITY_UNKNOWN: "Nobody could tell the pool's liquidity",
    SafetyCode.LIQUIDITY_TOO_LOW: "The pool is too shallow",
    SafetyCode.HOLDER_CONCENTRATION: "A few holders own too much of the token",
    SafetyCode.TOKEN_TOO_NEW: "The token is too young",
    SafetyCode.TOKEN_AGE_UNKNOWN: "Nobody could tell the token's age",
    SafetyCode.NOT_SELLABLE: "What we would buy could not be sold for a fair part of its price",
    SafetyCode.SAFETY_UNAVAILABLE: "The token could not be checked in time",
    SafetyCode.NOT_SPECULATIVE: "A quote currency is never bought as the token",
    SafetyCode.BLOCKED_MINT: "The policy blocks this token",
    SafetyCode.NO_PRICE_SOURCE: "Nobody quotes a price for the token",
}
