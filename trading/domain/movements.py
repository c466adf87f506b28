"""What moved into and out of one wallet, instruction by instruction: by which swaps are told from the rest."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from trading.domain import programs as known
from trading.domain.decoding import Move
from trading.domain.flows import Flows
from trading.domain.instructions import TOP_LEVEL, Step
from trading.domain.transactions import Transaction
from trading.domain.values import WSOL_MINT

# A leg is what a cycle left behind when the wallet both gave and got 200 times as much of it.
CYCLE_REMAINDER = 200


@dataclass(frozen=True, slots=True)
class Side:
    """Mints that one of the transaction's own instructions took from the wallet and brought to it.

    `routed_out` and `routed_into` were burned from and minted to it within a router's call.
    """

    out: set[str] = field(default_factory=set)
    into: set[str] = field(default_factory=set)
    routed_out: set[str] = field(default_factory=set)
    routed_into: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Movements:
    """Amounts are raw, by mint; SOL and wrapped SOL are one mint.

    `legs` are net changes. `into` and `out_of` are gross movements of the wallet's token accounts, `minted` and
    `burned` the parts of them that came from or went to nowhere. `vanished_lamports` were in accounts, not of
    tokens, that the transaction emptied: their rent. `payees` are who got lamports from the wallet through a call,
    `seen_lamports` what instructions brought to it.
    """

    wallet: str
    programs: frozenset[str]
    has_venue: bool
    routers: frozenset[str]
    legs: dict[str, int]
    decimals: Mapping[str, int]
    into: Mapping[str, int]
    out_of: Mapping[str, int]
    minted: Mapping[str, int]
    burned: Mapping[str, int]
    sides: tuple[Side, ...]
    vanished_lamports: int
    payees: Mapping[str, int]
    seen_lamports: int

    @property
    def gains(self) -> list[str]:
        return [mint for mint, change in self.legs.items() if change > 0]

    @property
    def losses(self) -> list[str]:
        return [mint for mint, change in self.legs.items() if change < 0]

    @property
    def cycled(self) -> frozenset[str]:
        """Mints that the wallet both gave and got, and has as many of as before but for a remainder."""
        return frozenset(
            mint
            for mint, amount in self.into.items()
            if abs(self.legs.get(mint, 0)) * CYCLE_REMAINDER < min(amount, self.out_of.get(mint, 0))
        )

    def is_single_unit(self, mint: str) -> bool:
        """Whether one indivisible unit changed hands: a picture, a ticket, a position."""
        return abs(self.legs.get(mint, 0)) == 1 and self.decimals.get(mint) == 0


def read_movements(transaction: Transaction, flows: Flows, *, wallet: str) -> Movements:
    """The evidence for `wallet`; of a failed transaction nothing moved, and only the programs are told."""
    programs = frozenset(each.program for each in transaction.steps)
    steps = transaction.steps if transaction.error is None else ()
    gross = _Gross()
    gross.add(steps, flows, account_mints(transaction), wallet)
    legs = dict(flows.tokens)
    if flows.sol_lamports:
        legs[WSOL_MINT] = flows.sol_lamports
    return Movements(
        wallet=wallet,
        programs=programs,
        has_venue=not programs.isdisjoint(known.VENUES) or transaction.hint == "SWAP",
        routers=frozenset(known.ROUTERS[each] for each in programs if each in known.ROUTERS),
        legs=legs,
        decimals=flows.decimals,
        into=gross.into,
        out_of=gross.out_of,
        minted=gross.minted,
        burned=gross.burned,
        sides=tuple(gross.sides.values()),
        vanished_lamports=_vanished(transaction, wallet),
        payees=gross.payees,
        seen_lamports=gross.into.get(WSOL_MINT, 0) + gross.sent_lamports,
    )


def account_mints(transaction: Transaction) -> dict[str, str]:
    """Token account → mint, of every account that a balance or an instruction shows."""
    opened = {each.destination: each.mint for each in transaction.steps if each.move is Move.OPEN}
    return opened | {each.account: each.mint for each in transaction.tokens}


def _vanished(transaction: Transaction, wallet: str) -> int:
    others = {each.account for each in transaction.tokens} | {wallet}
    others |= {each.source for each in transaction.steps if each.move in (Move.SEND, Move.CLOSE)}
    return sum(
        lamports for account, lamports in transaction.emptied.items() if account not in others
    )


def _routed_calls(steps: tuple[Step, ...]) -> frozenset[int]:
    """The calls of routers, and all that these called."""
    routed: set[int] = set()
    for index, step in enumerate(steps):
        if step.program in known.ROUTERS or step.parent in routed:
            routed.add(index)
    return frozenset(routed)


class _Gross:
    """Adds up the steps that touch the wallet."""

    def __init__(self) -> None:
        self.into: dict[str, int] = defaultdict(int)
        self.out_of: dict[str, int] = defaultdict(int)
        self.minted: dict[str, int] = defaultdict(int)
        self.burned: dict[str, int] = defaultdict(int)
        self.payees: dict[str, int] = defaultdict(int)
        self.sent_lamports = 0
        self._routed: frozenset[int] = frozenset()
        self.sides: dict[int, Side] = defaultdict(Side)

    def add(
        self, steps: tuple[Step, ...], flows: Flows, mints: Mapping[str, str], wallet: str
    ) -> None:
        self._routed = _routed_calls(steps)
        for step in steps:
            if step.move is Move.SEND:
                self._add_lamports(step, wallet)
            elif step.move in (Move.TRANSFER, Move.MINT, Move.BURN):
                if step.source in flows.accounts:
                    self._take(step, mints.get(step.source, step.mint))
                if step.destination in flows.accounts:
                    self._bring(step, mints.get(step.destination, step.mint))

    def _add_lamports(self, step: Step, wallet: str) -> None:
        """Plain payments, outside of any call, are no part of a trade."""
        if step.parent == TOP_LEVEL:
            return
        if step.source == wallet:
            self.sides[step.top].out.add(WSOL_MINT)
            self.payees[step.destination] += step.amount
        elif step.destination == wallet:
            self.sent_lamports += step.amount
            self.sides[step.top].into.add(WSOL_MINT)

    def _take(self, step: Step, mint: str) -> None:
        self.out_of[mint] += step.amount
        if step.move is Move.BURN:
            self.burned[mint] += step.amount
            if step.parent in self._routed:
                self.sides[step.top].routed_out.add(mint)
        else:
            self.sides[step.top].out.add(mint)

    def _bring(self, step: Step, mint: str) -> None:
        self.into[mint] += step.amount
        if step.move is Move.MINT:
            self.minted[mint] += step.amount
            if step.parent in self._routed:
                self.sides[step.top].routed_into.add(mint)
        else:
            self.sides[step.top].into.add(mint)
