"""One wallet's money in one transaction: what was price, and what was fee, tip, rent and gift.

Balances decide; instructions only say what a plain payment out of the wallet was for. The definitions are
those of docs/parser.md.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trading.domain.decoding import Move
from trading.domain.instructions import TOP_LEVEL, Step
from trading.domain.transactions import TokenBalance, Transaction
from trading.domain.values import WSOL_MINT

# What a token account of 165 bytes locked until rent was lowered: the most that is rent in one closed unread.
TOKEN_ACCOUNT_RENT_LAMPORTS = 2_039_280
# The least that an account without data holds, before rent was lowered.
EMPTY_ACCOUNT_RENT_LAMPORTS = 890_880
_TOKEN_MOVES = frozenset({Move.TRANSFER, Move.MINT, Move.BURN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """Lamports as the wallet sees them; the four costs are magnitudes.

    Identity: sol = lamports + wrapped + network_fee + tip + other_out + rent_paid − rent_refunded − received.
    `sol_lamports` is what the trade itself cost or brought, wrapped SOL included. `received_lamports` came from
    another signer by a plain transfer. `tokens` are raw net changes by mint, wrapped SOL and zeros left out;
    `decimals` knows every mint the wallet touched, and `accounts` every token account it owned meanwhile.
    """

    sol_lamports: int
    network_fee_lamports: int
    tip_lamports: int
    other_out_lamports: int
    rent_paid_lamports: int
    rent_refunded_lamports: int
    received_lamports: int
    tokens: dict[str, int]
    decimals: dict[str, int]
    accounts: frozenset[str]


@dataclass(slots=True)
class _Rent:
    paid: int = 0
    refunded: int = 0
    given_away: int = 0


def read_flows(transaction: Transaction, *, wallet: str, tip_accounts: Collection[str]) -> Flows:
    """What `wallet`, which must be among the accounts or the owners of token accounts, paid and got."""
    owned = transaction.owned(wallet)
    accounts = _own_accounts(transaction.steps, wallet) | {each.account for each in owned}
    payments = _payments(transaction, wallet, accounts, tip_accounts)
    rent = _rent(transaction, wallet, accounts, payments.funding)
    fee = transaction.network_fee if transaction.payer == wallet else 0
    wrapped = sum(each.change for each in owned if each.mint == WSOL_MINT)
    other_out = payments.kept + rent.given_away
    return Flows(
        sol_lamports=transaction.lamports.get(wallet, 0)
        + wrapped
        + fee
        + payments.tip
        + other_out
        + rent.paid
        - rent.refunded
        - payments.received,
        network_fee_lamports=fee,
        tip_lamports=payments.tip,
        other_out_lamports=other_out,
        rent_paid_lamports=rent.paid,
        rent_refunded_lamports=rent.refunded,
        received_lamports=payments.received,
        tokens=_net_tokens(owned),
        decimals={each.mint: each.decimals for each in owned},
        accounts=frozenset(accounts),
    )


def _own_accounts(steps: tuple[Step, ...], wallet: str) -> set[str]:
    """Token accounts that were opened for the wallet or closed by it, temporary ones included."""
    opened = {each.destination for each in steps if each.move is Move.OPEN and each.owner == wallet}
    closed = {each.source for each in steps if each.move is Move.CLOSE and each.authority == wallet}
    return opened | closed


def _net_tokens(owned: list[TokenBalance]) -> dict[str, int]:
    net: dict[str, int] = defaultdict(int)
    for each in owned:
        if each.mint != WSOL_MINT:
            net[each.mint] += each.change
    return {mint: change for mint, change in net.items() if change}


class _Purpose(StrEnum):
    """What lamports left the wallet for; OWN stays the wallet's, PRICE went to an exchange."""

    TIP = "TIP"
    RENT = "RENT"
    OWN = "OWN"
    PRICE = "PRICE"
    PLAIN = "PLAIN"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Payments:
    """Lamports that left the wallet by the system program; `funding` is what it put into each new account."""

    tip: int = 0
    kept: int = 0
    received: int = 0
    funding: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Payer:
    """Tells what each payment of the wallet was for."""

    wallet: str
    own: Collection[str]
    tip_accounts: Collection[str]
    created: dict[str, int]
    holders: frozenset[str]
    sellers: frozenset[str]
    first_rents: frozenset[int]
    venue_calls: frozenset[int]

    def purpose(self, index: int, step: Step) -> _Purpose:
        to = step.destination
        if step.move is Move.CREATE:
            return _Purpose.RENT
        if to in self.tip_accounts:
            return _Purpose.TIP
        is_creation = self.created.get(to) == step.top and to not in self.holders
        if is_creation or index in self.first_rents:
            return _Purpose.RENT
        if to == self.wallet or to in self.own:
            return _Purpose.OWN
        is_sold = step.parent != TOP_LEVEL and to in self.sellers
        return _Purpose.PRICE if is_sold or step.parent in self.venue_calls else _Purpose.PLAIN


def _payments(
    transaction: Transaction, wallet: str, own: Collection[str], tip_accounts: Collection[str]
) -> _Payments:
    if not transaction.has_steps:
        return _Payments(tip=_tips_by_balance(transaction, wallet, tip_accounts))
    steps = transaction.steps
    venue_calls = _venue_calls(steps)
    payer = _Payer(
        wallet,
        own,
        tip_accounts,
        _created(steps),
        frozenset(each.owner for each in transaction.tokens),
        _sellers(transaction, wallet),
        _first_rents(transaction, venue_calls),
        venue_calls,
    )
    paid: dict[_Purpose, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for index, step in enumerate(steps):
        if step.move in (Move.SEND, Move.CREATE) and step.source == wallet:
            paid[payer.purpose(index, step)][step.destination] += step.amount
    plain = paid[_Purpose.PLAIN]
    spent = _spent_on(transaction, plain)
    return _Payments(
        tip=sum(paid[_Purpose.TIP].values()),
        kept=sum(amount for to, amount in plain.items() if to not in spent),
        received=_received(transaction, wallet),
        funding=paid[_Purpose.RENT],
    )


def _tips_by_balance(transaction: Transaction, wallet: str, tip_accounts: Collection[str]) -> int:
    if transaction.payer != wallet:
        return 0
    changes = (transaction.lamports.get(each, 0) for each in tip_accounts)
    return sum(max(0, change) for change in changes)


def _created(steps: tuple[Step, ...]) -> dict[str, int]:
    """New accounts → the outer instruction that made them."""
    return {each.destination: each.top for each in steps if each.move in (Move.CREATE, Move.CLAIM)}


def _sellers(transaction: Transaction, wallet: str) -> frozenset[str]:
    """Who gave tokens that the wallet got: what a call sends to them is their price."""
    got = {each.mint for each in transaction.tokens if each.owner == wallet and each.change > 0}
    return frozenset(
        each.owner
        for each in transaction.tokens
        if each.mint in got and each.change < 0 and each.owner != wallet
    )


def _first_rents(transaction: Transaction, venue_calls: frozenset[int]) -> frozenset[int]:
    """What a venue puts into an account that was not there, so that it may stay, before what it then pays there.

    So a token's first trade fills the fee vault of its creator: first the rent, then the fee.
    """
    sends: dict[tuple[int, str], list[int]] = defaultdict(list)
    for index, step in enumerate(transaction.steps):
        is_candidate = step.move is Move.SEND and step.destination in transaction.fresh
        if is_candidate and step.parent in venue_calls:
            sends[step.parent, step.destination].append(index)
    return frozenset(
        indices[0]
        for indices in sends.values()
        if len(indices) > 1 or transaction.steps[indices[0]].amount == EMPTY_ACCOUNT_RENT_LAMPORTS
    )


def _spent_on(transaction: Transaction, plain: Mapping[str, int]) -> set[str]:
    """Those of the paid accounts that visibly paid on, so that the money bought something, and kept less."""
    steps = transaction.steps
    paying = {each.source for each in steps if each.move in (Move.SEND, Move.CREATE)}
    wrapping = {each.account for each in transaction.tokens if each.mint == WSOL_MINT}
    wrapping |= {each.destination for each in steps if each.move is Move.OPEN}
    return {
        to
        for to, amount in plain.items()
        if to in paying | wrapping and transaction.lamports.get(to, 0) < amount
    }


def _received(transaction: Transaction, wallet: str) -> int:
    """By plain transfers: who sends outside of any call has signed."""
    return sum(
        each.amount
        for each in transaction.steps
        if each.move is Move.SEND
        and each.parent == TOP_LEVEL
        and each.destination == wallet
        and each.source != wallet
    )


def _venue_calls(steps: tuple[Step, ...]) -> frozenset[int]:
    """Calls that move tokens themselves and leave none to others: exchanges. What they take is the price.

    Routers and bots call an exchange; what they take beside it is a fee of their own.
    """
    moving = {each.parent for each in steps if each.move in _TOKEN_MOVES}
    routing = set()
    for index in moving - {TOP_LEVEL}:
        parent = steps[index].parent
        while parent != TOP_LEVEL and parent not in routing:
            routing.add(parent)
            parent = steps[parent].parent
    return frozenset(moving - routing - {TOP_LEVEL})


def _rent(
    transaction: Transaction, wallet: str, accounts: Collection[str], funding: dict[str, int]
) -> _Rent:
    """Rent of accounts that the wallet paid for and that stay, and of token accounts closed into the wallet."""
    rent = _Rent()
    wrapped = _wrapped_changes(transaction)
    if not transaction.has_steps:
        return _rent_by_balance(transaction, wallet, wrapped)
    closed = {
        each.source: each.destination for each in transaction.steps if each.move is Move.CLOSE
    }
    for account, amount in funding.items():
        change = transaction.lamports.get(account, 0) - wrapped.get(account, 0)
        if change > 0:
            rent.paid += min(amount, change)
        elif account in accounts and closed.get(account, wallet) != wallet:
            rent.given_away += min(amount, TOKEN_ACCOUNT_RENT_LAMPORTS)
    for account, to in closed.items():
        change = transaction.lamports.get(account, 0) - wrapped.get(account, 0)
        if to == wallet and change < 0:
            rent.refunded -= change
    return rent


def _rent_by_balance(transaction: Transaction, wallet: str, wrapped: dict[str, int]) -> _Rent:
    """Where no instruction is shown: lamports of the wallet's own token accounts that are not wrapped SOL."""
    rent = _Rent()
    for account in {each.account for each in transaction.owned(wallet)}:
        change = transaction.lamports.get(account, 0) - wrapped.get(account, 0)
        if change > 0:
            rent.paid += change
        else:
            rent.refunded -= change
    return rent


def _wrapped_changes(transaction: Transaction) -> dict[str, int]:
    """Wrapped SOL by token account: lamports there that are money and not rent."""
    wrapped: dict[str, int] = defaultdict(int)
    for each in transaction.tokens:
        if each.mint == WSOL_MINT:
            wrapped[each.account] += each.change
    return wrapped
