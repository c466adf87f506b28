"""What a leader did, heard from anywhere, becomes signals: the one verb behind Helius and the watcher."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from solders.pubkey import Pubkey
from solders.signature import Signature

from trading.domain.denials import SENTENCES as DENIALS
from trading.domain.denials import DenialCode
from trading.domain.leader_trades import (
    SENTENCES,
    TradeLeg,
    Untraded,
    age_of,
    is_late,
    shares_sold,
    trade_legs,
)
from trading.domain.signals import SignalRequest, identity_keys
from trading.domain.swaps import (
    Direction,
    ParsedTransaction,
    TransactionUnreadable,
    parse_swap,
)
from trading.domain.values import WSOL_MINT, Action, Strategy
from trading.fields import U64_MAX
from trading.gateways.jito import TIP_ACCOUNTS
from trading.models import LeaderLeg, LeaderTrade
from trading.rows import every, first, insert, load, marks, moment, update
from trading.services.hearings import Told, note_hearing
from trading.services.hindsight import has_sold_since, is_signalled
from trading.services.intake import add_identities, owner_of, owners_of, receive_signal
from trading.services.measures import refusal_of_buy
from trading.services.pairing import unnamed_signal, wait_for_webhooks
from trading.services.policy import active_policy, policy_for_exits
from wallets.models import LeaderStatus

MOST = 2**63 - 1
"""That a column of whole numbers holds."""
ADDRESSES_AT_ONCE = 5_000
"""A statement takes some ten thousand parameters, not more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A transaction of a leader as a source told it, in a node's form or in Helius' enhanced one.

    `shares` says, by mint, how much of its holding the leader sold, where the form itself does not show it.
    `is_recovered`: nobody told, it was found by looking.
    """

    leader_address: str
    signature: str
    transaction: Mapping[str, Any]
    heard_at: datetime
    source: str
    is_recovered: bool = False
    shares: Mapping[str, Decimal] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came of it: new signals, or the code why there are none; both empty when it was known already."""

    signals: tuple[UUID, ...] = ()
    codes: tuple[str, ...] = ()


def take_in(heard: Heard, *, now: datetime) -> Taken:
    """Note who told of it, in the current transaction, and make signals of what nobody told before.

    Harmless however often and by whomever it is told: the same trade is one signal. TransactionUnreadable,
    and nothing is stored, when it is not a transaction of this wallet.
    """
    parsed = parse_swap(heard.transaction, wallet=heard.leader_address, tip_accounts=TIP_ACCOUNTS)
    told = _told(heard, parsed)
    _check(told, parsed)
    wait_for_webhooks([heard.leader_address])
    note_hearing(told, source=heard.source)
    trade = _decided(heard, parsed)
    if trade is None:
        return Taken()
    legs = _legs(heard, parsed, now=now)
    if not legs:
        code = Untraded.MONEY_ONLY if parsed.is_swap else Untraded.NOT_A_SWAP
        _give_reason(trade, code)
        return Taken(codes=(code,))
    judge = _Judge(heard, told, now=now)
    outcomes = [judge.take(trade, leg) for leg in legs]
    return Taken(
        signals=tuple(each for each in outcomes if isinstance(each, UUID)),
        codes=tuple(each for each in outcomes if isinstance(each, str) and each),
    )


def _told(heard: Heard, parsed: ParsedTransaction) -> Told:
    return Told(
        leader_address=heard.leader_address,
        signature=heard.signature,
        heard_at=heard.heard_at,
        slot=parsed.slot,
        traded_at=_moment(parsed.block_time),
        is_recovered=heard.is_recovered,
        is_trade=parsed.is_swap,
    )


def _moment(unix_seconds: int | None) -> datetime | None:
    try:
        return None if unix_seconds is None else datetime.fromtimestamp(unix_seconds, UTC)
    except (OverflowError, ValueError, OSError):
        raise TransactionUnreadable("timestamp is not a time") from None


def _check(told: Told, parsed: ParsedTransaction) -> None:
    """Whatever the parser left open that no row could hold; TransactionUnreadable names it."""
    try:
        Signature.from_string(told.signature)
        for leg in parsed.legs:
            Pubkey.from_string(leg.mint)
    except ValueError:
        raise TransactionUnreadable("a signature or a mint is not base58 of its length") from None
    if (
        max(
            told.slot or 0, *(abs(leg.delta_raw) for leg in parsed.legs if leg.mint == WSOL_MINT), 0
        )
        > MOST
    ):
        raise TransactionUnreadable("slot or lamports are more than there can be")
    if any(abs(leg.delta_raw) > U64_MAX for leg in parsed.legs):
        raise TransactionUnreadable("a raw amount has more than 64 bits")


def _decided(heard: Heard, parsed: ParsedTransaction) -> int | None:
    """The trade's number when what it was is settled by this call, None when it was before.

    A form that shows a swap settles it again where another one showed none.
    """
    where = {"leader_address": heard.leader_address, "signature": heard.signature}
    row = load(LeaderTrade, **where)
    assert row is not None, "it has just been noted"
    if row.direction and not (parsed.is_swap and row.direction == Direction.NONE):
        return None
    changed = update(
        LeaderTrade,
        {"id": row.pk, "direction": row.direction},
        direction=parsed.direction.value,
        kind=parsed.kind.value,
        code="",
        text="",
        # Who has not told of a swap is noted, also where it was first taken for something else.
        is_judged=row.is_judged and row.direction != Direction.NONE,
    )
    return row.pk if changed == 1 else None


def _give_reason(trade: int, code: Untraded) -> None:
    if update(LeaderTrade, {"id": trade}, code=code.value, text=SENTENCES[code]) != 1:
        raise LookupError(f"trade {trade} is gone")


def _legs(heard: Heard, parsed: ParsedTransaction, *, now: datetime) -> Sequence[TradeLeg]:
    shares = {**shares_sold(heard.transaction, parsed), **(heard.shares or {})}
    return trade_legs(parsed, sol_price_usd=_sol_price(now), shares=shares)


def _sol_price(now: datetime) -> Decimal | None:
    """Dollars for one SOL, unless nobody knows lately."""
    row = first("SELECT sol_price_usd, sol_priced_at FROM trading_tradingstate WHERE id = 1")
    at = moment(row[1]) if row else None
    if row is None or row[0] is None or at is None:
        return None
    limit = policy_for_exits().breaker.maximum_sol_price_age_seconds
    return Decimal(str(row[0])) if now - at <= timedelta(seconds=limit) else None


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a leg becomes no signal."""

    code: str
    text: str


class _Judge:
    """Judges the legs of one trade by what the roster says about the leader, and stores each with its outcome."""

    def __init__(self, heard: Heard, told: Told, *, now: datetime) -> None:
        self._heard, self._now, self._slot = heard, now, told.slot
        self._traded_at = told.traded_at or told.heard_at
        self._age = age_of(traded_at=told.traded_at, heard_at=told.heard_at, now=now)
        row = first(
            "SELECT status, strategy FROM wallets_leader WHERE address = %s", heard.leader_address
        )
        self._status, self._strategy = row or ("", "")

    def take(self, trade: int, leg: TradeLeg) -> UUID | str:
        """The new signal's name, or the code why there is none; empty when another source's signal it is."""
        request = self._request(leg)
        paired = self._paired(request)
        if paired is not None:
            self._store(trade, leg, signal=paired)
            return ""
        # What somebody told in time is a signal, however late others tell of it.
        is_asked = leg.action is Action.BUY and not is_signalled(
            request, source=self._heard.source, received_at=self._heard.heard_at
        )
        refusal = self._refusal(request, leg) if is_asked else None
        if refusal is not None:
            self._store(trade, leg, code=refusal.code, text=refusal.text)
            return refusal.code
        receipt = receive_signal(request, source=self._heard.source, now=self._heard.heard_at)
        self._store(trade, leg, signal=receipt.uuid)
        return receipt.uuid if receipt.is_new else ""

    def _paired(self, request: SignalRequest) -> UUID | None:
        """The signal of a webhook that named no transaction and meant this one; it has its identity from now on."""
        keys = identity_keys(request, source=self._heard.source, received_at=self._heard.heard_at)
        if owner_of(keys, owners_of(keys)) is not None:
            return None
        uuid = unnamed_signal(request, traded_at=self._traded_at)
        if uuid is not None:
            add_identities(dict.fromkeys(keys, uuid))
        return uuid

    def _request(self, leg: TradeLeg) -> SignalRequest:
        is_buy = leg.action is Action.BUY and self._strategy
        return SignalRequest(
            strategy=Strategy(self._strategy) if is_buy else Strategy.EXIT,
            action=leg.action,
            symbol=_symbol(leg.mint),
            mint=leg.mint,
            amount_lamports=leg.value_lamports or 0,
            leader_address=self._heard.leader_address,
            exit_fraction=leg.exit_fraction,
            source_signature=self._heard.signature,
        )

    def _refusal(self, request: SignalRequest, leg: TradeLeg) -> _Refusal | None:
        """Why this buy is recorded only; what is left to the decision is judged there, gate by gate."""
        if not self._strategy:
            return _denied(DenialCode.LEADER_UNKNOWN)
        if self._status != LeaderStatus.ACTIVE:
            return _denied(DenialCode.LEADER_NOT_ACTIVE)
        if is_late(age=self._age, strategy=self._strategy, policy=active_policy()[0]):
            text = (
                f"{SENTENCES[Untraded.LATE]}: {self._age.total_seconds():.0f} s after it was made"
            )
            return _Refusal(Untraded.LATE, text)
        leader, slot = self._heard.leader_address, self._slot
        if has_sold_since(leader, leg.mint, slot=slot, now=self._now):
            return _Refusal(Untraded.LEFT, SENTENCES[Untraded.LEFT])
        if leg.value_lamports is None:
            return _Refusal(Untraded.VALUE_UNKNOWN, SENTENCES[Untraded.VALUE_UNKNOWN])
        code = refusal_of_buy(request, now=self._now)
        return _Refusal(code, "Refused at the door, as the webhook would") if code else None

    def _store(
        self,
        trade: int,
        leg: TradeLeg,
        *,
        signal: UUID | None = None,
        code: str = "",
        text: str = "",
    ) -> None:
        insert(
            LeaderLeg,
            trade=trade,
            action=leg.action.value,
            mint=leg.mint,
            amount_raw=leg.amount_raw,
            decimals=leg.decimals,
            value_lamports=leg.value_lamports,
            exit_fraction=leg.exit_fraction,
            signal=signal,
            code=code,
            text=text,
            decided_at=self._now,
        )


def _denied(code: DenialCode) -> _Refusal:
    return _Refusal(code.value, DENIALS[code])


def _symbol(mint: str) -> str:
    """The token's symbol, or the beginning of its mint."""
    row = first("SELECT symbol FROM trading_token WHERE mint = %s AND symbol <> ''", mint)
    return str(row[0]) if row else f"{mint[:4]}…{mint[-4:]}"


def followed(addresses: Sequence[str]) -> set[str]:
    """Which of these wallets are on the roster, or are leaders after whom we hold something."""
    found = set()
    for start in range(0, len(addresses), ADDRESSES_AT_ONCE):
        some = addresses[start : start + ADDRESSES_AT_ONCE]
        names = marks(some)
        rows = every(
            f"SELECT address FROM wallets_leader WHERE address IN ({names}) UNION"  # noqa: S608
            f" SELECT leader_address FROM trading_position WHERE leader_address IN ({names})"
            " AND status IN ('ACTIVE', 'EXITING')",
            *some,
            *some,
        )
        found |= {row[0] for row in rows}
    return found
