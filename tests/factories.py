"""Rows for tests, made directly and without the verbs that would normally write them."""

import itertools
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.utils import timezone

from audit.models import Heartbeat, PolicyRevision
from trading.domain.lifecycle import ENDS, PositionStatus, SignalStatus, SubmissionStatus
from trading.domain.pnl import price_sol
from trading.domain.policy import Policy, as_json
from trading.domain.values import Action, Route, Strategy, sol_to_lamports
from trading.models import (
    Decision,
    Delivery,
    EquityPoint,
    Fill,
    Position,
    Provider,
    Signal,
    SignalEvent,
    Submission,
    TradingState,
)
from trading.services.claims import Claim, claim_due
from trading.services.lots import open_lot, sell_lots
from wallets.models import Leader, LeaderStatus, LeaderStrategy

MINT = "DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263"
LEADER = "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU"
TOKEN_ACCOUNT = "4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T"
FEE_LAMPORTS = 5_000
TIP_LAMPORTS = 1_000_000
RENT_LAMPORTS = 2_039_280

numbers = itertools.count(1)
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def address(seed: int | None = None) -> str:
    """A made-up base58 text of an address's length, different each time."""
    return _base58(seed, length=44)


def signature(seed: int | None = None) -> str:
    """A made-up base58 text of a signature's length, different each time."""
    return _base58(seed, length=88)


def _base58(seed: int | None, *, length: int) -> str:
    value = (next(numbers) if seed is None else seed) * 2_654_435_761 + uuid4().int
    digits = []
    for _ in range(length):
        value, digit = divmod(value, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
        value = value * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407 & (1 << 128) - 1
    return "".join(digits)


def claim_one(*, token: str, is_exit: bool, now: datetime) -> Claim | None:
    """The next due signal in the hands of `token`, or None."""
    return next(iter(claim_due(token=token, is_exit=is_exit, at_most=1, now=now)), None)


def sol(amount: str | float) -> int:
    """Lamports of an amount in SOL."""
    return sol_to_lamports(Decimal(str(amount)))


def make_user(name: str = "trader", *, is_staff: bool = False) -> User:
    """A user whose password is its name; staff may do everything."""
    user = User(username=name, is_staff=is_staff, is_superuser=is_staff)
    user.set_password(name)
    user.save()
    return user


def make_trading_state(**fields: Any) -> TradingState:
    """Trading, by bundles, unless told otherwise."""
    values: dict[str, Any] = {"changed_at": timezone.now(), "route": Route.JITO, **fields}
    state, _ = TradingState.objects.update_or_create(pk=1, defaults=values)
    return state


def make_policy_revision(policy: Policy | None = None, **fields: Any) -> PolicyRevision:
    """The default policy as the active revision."""
    values: dict[str, Any] = {
        "number": PolicyRevision.objects.count() + 1,
        "policy": as_json(policy or Policy()),
        "author": "tests",
        "reason": "a beginning",
        "created_at": timezone.now(),
        "is_active": not PolicyRevision.objects.filter(is_active=True).exists(),
        **fields,
    }
    return PolicyRevision.objects.create(**values)


def make_heartbeats(
    names: Iterable[str] = (
        *("executor", "resolver", "watcher", "wallet_watcher"),
        *("worker", "beat"),
    ),
    *,
    beat_at: datetime | None = None,
) -> None:
    """Signs of life of these processes."""
    now = timezone.now()
    for name in names:
        Heartbeat.objects.create(
            name=name, host="here", pid=next(numbers), beat_at=beat_at or now, started_at=now
        )


def make_leader(leader_address: str = LEADER, **fields: Any) -> Leader:
    """An ACTIVE leader."""
    now = timezone.now()
    values: dict[str, Any] = {
        "name": "Ada",
        "status": LeaderStatus.ACTIVE,
        "strategy": LeaderStrategy.SHIELD,
        "created_at": now,
        "status_changed_at": now,
        **fields,
    }
    return Leader.objects.get_or_create(address=leader_address, defaults=values)[0]


def make_signal(**fields: Any) -> Signal:
    """A queued SHIELD buy of 0.25 SOL, received now, with its first event."""
    received_at = fields.pop("received_at", timezone.now())
    status = fields.pop("status", SignalStatus.QUEUED)
    values: dict[str, Any] = {
        "uuid": uuid4(),
        "source": "sandbox",
        "strategy": Strategy.SHIELD,
        "action": Action.BUY,
        "mint": MINT,
        "symbol": "BONK",
        "amount_lamports": sol("0.25"),
        "leader_address": LEADER,
        "priority": 1,
        "status": status,
        "received_at": received_at,
        "next_attempt_at": received_at,
        "finished_at": received_at if status in ENDS else None,
        **fields,
    }
    signal = Signal.objects.create(**values)
    SignalEvent.objects.create(signal=signal, at=received_at, status=SignalStatus.QUEUED)
    return signal


def make_delivery(signal: Signal | None = None, **fields: Any) -> Delivery:
    """One answered request of the provider "sandbox"."""
    provider, _ = Provider.objects.get_or_create(name="sandbox")
    values: dict[str, Any] = {
        "provider": provider,
        "received_at": timezone.now(),
        "body": '{"strategy":"SHIELD","token":"BONK","action":"BUY","amount_sol":"0.25"}',
        "http_status": 202,
        "answer": "accepted",
        "signal": signal,
        **fields,
    }
    return Delivery.objects.create(**values)


def make_decision(signal: Signal, *, code: str = "", text: str = "", **fields: Any) -> Decision:
    """An order for the signal's amount, or with a code the denial of that gate."""
    gate = {"code": code or "LEADER_NOT_ACTIVE", "measured": "4 s", "limit": "30 s"}
    values: dict[str, Any] = {
        "signal": signal,
        "at": signal.received_at + timedelta(milliseconds=180),
        "is_order": not code,
        "code": code,
        "text": text,
        "size_lamports": None if code else signal.amount_lamports,
        "gates": [{**gate, "is_passed": not code}],
        "facts": {"liquidity_usd": "48211.20"},
        "policy_revision": 1,
        "code_version": "test",
        **fields,
    }
    return Decision.objects.create(**values)


def make_submission(signal: Signal, **fields: Any) -> Submission:
    """A landed bundle of the signal's own side."""
    recorded_at = fields.pop("recorded_at", signal.received_at + timedelta(milliseconds=220))
    values: dict[str, Any] = {
        "signal": signal,
        "attempt": signal.submissions.count() + 1,
        "action": signal.action,
        "mint": signal.mint,
        "route": Route.JITO,
        "signature": signature(),
        "wire": b"signed",
        "last_valid_block_height": 1_000,
        "tip_lamports": TIP_LAMPORTS,
        "in_amount_raw": signal.amount_lamports,
        "quoted_out_raw": 1_000_000_000,
        "status": SubmissionStatus.LANDED,
        "recorded_at": recorded_at,
        "sent_at": recorded_at + timedelta(milliseconds=4),
        "resolved_at": recorded_at + timedelta(milliseconds=900),
        "slot": 1_234,
        "network_fee_lamports": FEE_LAMPORTS,
        **fields,
    }
    return Submission.objects.create(**values)


def make_fill(submission: Submission, position: Position, **fields: Any) -> Fill:
    """What the submission changed, with its lot: by default the position's whole buy."""
    values: dict[str, Any] = {
        "submission": submission,
        "position": position,
        "action": submission.action,
        "sol_lamports": position.cost_lamports,
        "token_raw": position.bought_raw,
        "network_fee_lamports": submission.network_fee_lamports,
        "tip_lamports": submission.tip_lamports,
        "rent_lamports": RENT_LAMPORTS,
        "sol_price_usd": Decimal(150),
        "slot": submission.slot or 0,
        "filled_at": submission.resolved_at or timezone.now(),
        **fields,
    }
    fill = Fill.objects.create(**values)
    if fill.action == Action.BUY:
        open_lot(fill)
    else:
        sell_lots(fill)
    return fill


def make_position(
    *,
    gain: str | float = 0,
    peak: str | float | None = None,
    signal: Signal | None = None,
    cost_lamports: int | None = None,
    bought_raw: int = 1_000_000_000_000,
    **fields: Any,
) -> Position:
    """An ACTIVE position with the signal, decision, submission and fill that opened it.

    `gain` and `peak` set its last and peak price against the entry (0.1 is +10 %).
    """
    opened_at = fields.pop("opened_at", timezone.now())
    signal = signal or make_signal(
        received_at=opened_at,
        status=SignalStatus.COMPLETED,
        **{key: fields[key] for key in ("strategy", "mint", "symbol") if key in fields},
        **({"leader_address": fields["leader_address"]} if "leader_address" in fields else {}),
    )
    cost = signal.amount_lamports if cost_lamports is None else cost_lamports
    entry = price_sol(lamports=cost, token_raw=bought_raw, decimals=fields.get("decimals", 6))
    last = entry * (1 + Decimal(str(gain)))
    top = entry * (1 + Decimal(str(peak))) if peak is not None else max(entry, last)
    values: dict[str, Any] = {
        "signal": signal,
        "strategy": signal.strategy,
        "leader_address": signal.leader_address,
        "mint": signal.mint,
        "symbol": signal.symbol,
        "decimals": 6,
        "token_account": TOKEN_ACCOUNT,
        "status": PositionStatus.ACTIVE,
        "bought_raw": bought_raw,
        "held_raw": bought_raw,
        "cost_lamports": cost,
        "entry_price_sol": entry,
        "peak_price_sol": top,
        "last_price_sol": last,
        "priced_at": timezone.now(),
        "opened_at": opened_at,
        "realised_pnl_lamports": -TIP_LAMPORTS - FEE_LAMPORTS,
        **fields,
    }
    position = Position.objects.create(**values)
    make_decision(signal)
    make_fill(make_submission(signal, position=position), position)
    return position


def make_closed_position(*, pnl_lamports: int, **fields: Any) -> Position:
    """A position that was bought and sold, with the landed exit that closed it."""
    closed_at = fields.pop("closed_at", timezone.now())
    position = make_position(
        opened_at=fields.pop("opened_at", closed_at - timedelta(minutes=4)), **fields
    )
    position.status, position.held_raw = PositionStatus.CLOSED, 0
    position.realised_pnl_lamports, position.closed_at = pnl_lamports, closed_at
    position.exit_reason = position.exit_reason or "TAKE_PROFIT"
    position.save()
    selling = make_signal(
        strategy=Strategy.EXIT,
        action=Action.SELL,
        mint=position.mint,
        symbol=position.symbol,
        leader_address=position.leader_address,
        status=SignalStatus.COMPLETED,
        received_at=closed_at - timedelta(seconds=2),
        position=position,
        exit_reason=position.exit_reason,
        source="watcher",
    )
    submission = make_submission(selling, position=position)
    proceeds = position.cost_lamports + pnl_lamports
    make_fill(submission, position, sol_lamports=proceeds, rent_lamports=-RENT_LAMPORTS)
    return position


def make_equity(
    navs: Iterable[float], *, until: datetime | None = None, every: timedelta = timedelta(minutes=1)
) -> None:
    """One equity point for each NAV in SOL, the last one at `until`."""
    values = list(navs)
    end = until or timezone.now()
    EquityPoint.objects.bulk_create(
        EquityPoint(
            at=end - every * (len(values) - 1 - index),
            balance_lamports=int(nav * 0.8 * 10**9),
            positions_lamports=int(nav * 0.2 * 10**9),
            realised_pnl_lamports=0,
            sol_price_usd=Decimal(150),
        )
        for index, nav in enumerate(values)
    )


def unknown_uuid() -> UUID:
    """A uuid that no row has."""
    return uuid4()
