"""What must hold whatever died or lied: one function each, over the evidence; pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from trading.domain.lifecycle import ENDS, PositionStatus, SignalStatus, SubmissionStatus
from trading.domain.values import Action
from trading.models import Position, Signal, Submission
from workers.chaos.evidence import Evidence
from workers.chaos.ledger import Entry

ALIVE = timedelta(seconds=30)
DAEMONS = ("executor", "resolver", "watcher", "wallet_watcher", "worker", "beat")
SOLD = {"SOLD"}
NOTHING_TO_SELL = {"NO_POSITION", "POSITION_CLOSED", "TIER_TAKEN"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One invariant: how many things it was asked of, and each that breaks it."""

    name: str
    count: int
    broken: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not self.broken


Invariant = Callable[[Evidence], tuple[int, Iterable[str]]]
_ALL: list[tuple[str, Invariant]] = []


def invariant(name: str) -> Callable[[Invariant], Invariant]:
    """Register a function as the invariant of this name."""

    def register(function: Invariant) -> Invariant:
        _ALL.append((name, function))
        return function

    return register


def judge(evidence: Evidence) -> list[Check]:
    """Every invariant against the evidence."""
    checks = []
    for name, function in _ALL:
        count, broken = function(evidence)
        checks.append(Check(name=name, count=count, broken=tuple(broken)))
    return checks


@invariant("every accepted signal has an end")
def _ends(evidence: Evidence) -> tuple[int, Iterable[str]]:
    lost = [f"{uuid} is in no row" for uuid in evidence.sent.accepted - _names(evidence)]
    stuck = [_told(row) for row in evidence.signals.values() if row.status not in ENDS]
    return len(evidence.signals), [*lost, *stuck]


@invariant("no signal was bought twice")
def _bought_once(evidence: Evidence) -> tuple[int, Iterable[str]]:
    landed: Counter[UUID] = Counter()
    for row, entry in _landed(evidence, Action.BUY):
        landed[row.signal_id] += entry is not None
    return len(landed), [f"{uuid}: {count} buys" for uuid, count in landed.items() if count > 1]


@invariant("duplicates made one signal")
def _one_of_many(evidence: Evidence) -> tuple[int, Iterable[str]]:
    """A dead letter traded nothing and gives its name free: only what lives counts.

    What is answered may be the signal of the leader's own trade, which somebody else told of before.
    """
    broken = []
    known = {str(row.pk) for row in evidence.signals.values()}
    for name, uuids in evidence.sent.named.items():
        rows = [
            row
            for row in evidence.signals.values()
            if row.provider_trade_uuid == name or str(row.pk) in uuids
        ]
        alive = [row for row in rows if row.status != SignalStatus.DEAD_LETTER]
        if len(alive) > 1 or uuids - known:
            broken.append(f"{name}: answered {sorted(uuids)}, rows {[_told(row) for row in rows]}")
    return len(evidence.sent.named), broken


@invariant("nothing of ours is on the chain that is not in the books")
def _all_known(evidence: Evidence) -> tuple[int, Iterable[str]]:
    known = {row.signature for row in evidence.submissions}
    ours = [entry for entry in evidence.ledger.entries if entry.is_signed_by_us]
    return len(ours), [each.signature for each in ours if each.signature not in known]


@invariant("what the books call landed or failed is on the chain, in that slot, and nothing else")
def _statuses(evidence: Evidence) -> tuple[int, Iterable[str]]:
    on_chain, broken = evidence.on_chain(), []
    for row in evidence.submissions:
        entry = on_chain.get(row.signature)
        is_booked = row.status in (SubmissionStatus.LANDED, SubmissionStatus.FAILED)
        if is_booked != (entry is not None):
            broken.append(f"{row.signature} {row.status}: on the chain {entry is not None}")
        elif entry is not None and _differs(row, entry):
            broken.append(f"{row.signature} {row.status} slot {row.slot}: {entry}")
    return len(evidence.submissions), broken


@invariant("no sell of more than was held")
def _never_oversold(evidence: Evidence) -> tuple[int, Iterable[str]]:
    """In the order of the chain: no sell leaves its position below nothing."""
    held: dict[UUID | None, int] = defaultdict(int)
    broken, sells = [], 0
    bought = {row.pk: row.signal_id for row in evidence.positions}
    owner = {signal: position for position, signal in bought.items()}
    for row, entry in sorted(_landed(evidence), key=lambda pair: pair[1].slot if pair[1] else 0):
        if entry is None:
            continue
        sells += row.action == Action.SELL
        position = owner.get(row.signal_id) if row.action == Action.BUY else row.position_id
        held[position] += entry.tokens.get(row.mint, 0)
        if held[position] < 0:
            broken.append(f"{row.signature} left {held[position]} raw in {position}")
    return sells, broken


@invariant("open positions are what the chain holds, both ways")
def _open_is_held(evidence: Evidence) -> tuple[int, Iterable[str]]:
    booked: dict[str, int] = defaultdict(int)
    for row in evidence.positions:
        booked[row.mint] += 0 if row.status == PositionStatus.CLOSED else int(row.held_raw)
    open_mints = {mint for mint, amount in booked.items() if amount}
    mints = open_mints | set(evidence.ledger.held_raw)
    held = evidence.ledger.held_raw
    return len(mints), [
        f"{mint}: books {booked.get(mint, 0)}, chain {held.get(mint, 0)}"
        for mint in sorted(mints)
        if booked.get(mint, 0) != held.get(mint, 0)
    ]


@invariant("PnL of every closed position is the sum of its balance changes")
def _pnl(evidence: Evidence) -> tuple[int, Iterable[str]]:
    on_chain, broken, closed = evidence.on_chain(), [], 0
    for position in evidence.positions:
        if position.status != PositionStatus.CLOSED:
            continue
        closed += 1
        entries = [on_chain.get(row.signature) for row in _transactions_of(position, evidence)]
        total = sum(entry.change_lamports for entry in entries if entry is not None)
        if total != position.realised_pnl_lamports:
            broken.append(f"{position.pk}: {position.realised_pnl_lamports}, chain {total}")
    return closed, broken


@invariant("the wallet's balance is the sum of its changes")
def _balance(evidence: Evidence) -> tuple[int, Iterable[str]]:
    total = sum(entry.change_lamports for entry in evidence.ledger.entries)
    balance = evidence.ledger.balance_lamports
    return len(evidence.ledger.entries), [] if total == balance else [f"{balance}, sum {total}"]


@invariant("books equal the chain to the lamport")
def _books(evidence: Evidence) -> tuple[int, Iterable[str]]:
    findings = [
        f"{each.kind} {each.subject}: books {each.books}, chain {each.chain}"
        for each in evidence.books.findings
    ]
    in_flight = [f"{signature} is in flight" for signature in evidence.books.in_flight]
    return evidence.books.totals.transactions, [*findings, *in_flight]


@invariant("every exit ended sold, or with nothing left to sell")
def _exits(evidence: Evidence) -> tuple[int, Iterable[str]]:
    exits = [row for row in evidence.signals.values() if row.action == Action.SELL]
    return len(exits), list(_blocked(exits, evidence))


@invariant("nothing is left that nobody is responsible for")
def _nobody_left(evidence: Evidence) -> tuple[int, Iterable[str]]:
    in_flight = [
        f"{row.signature} in flight"
        for row in evidence.submissions
        if row.status == SubmissionStatus.IN_FLIGHT
    ]
    exiting = [
        f"{row.pk} EXITING" for row in evidence.positions if row.status == PositionStatus.EXITING
    ]
    unwatched = [
        f"{row.pk} was last priced at {row.priced_at:%H:%M:%S}"
        for row in evidence.positions
        if row.status == PositionStatus.ACTIVE and evidence.now - row.priced_at > ALIVE
    ]
    silent = [
        f"{name} is silent"
        for name in DAEMONS
        if name in evidence.heartbeats and evidence.now - evidence.heartbeats[name] > ALIVE
    ]
    rows = len(evidence.submissions) + len(evidence.positions) + len(evidence.heartbeats)
    return rows, [*in_flight, *exiting, *unwatched, *silent]


def _blocked(exits: Iterable[Signal], evidence: Evidence) -> Iterator[str]:
    for row in exits:
        if row.status == SignalStatus.COMPLETED and row.code in SOLD:
            continue
        if row.status != SignalStatus.SKIPPED or row.code not in NOTHING_TO_SELL:
            yield _told(row)
        elif row.code == "NO_POSITION":
            yield from (f"{_told(row)}: {each.pk} was open" for each in _missed(row, evidence))


def _missed(exit_signal: Signal, evidence: Evidence) -> Iterator[Position]:
    """Positions that were bought by an older signal and still open when the exit was called needless."""
    for position in evidence.positions:
        is_meant = (position.leader_address, position.mint) == (
            exit_signal.leader_address,
            exit_signal.mint,
        )
        is_older = evidence.signals[position.signal_id].received_at < exit_signal.received_at
        ended = exit_signal.finished_at
        was_open = position.closed_at is None or (ended is not None and position.closed_at > ended)
        if is_meant and is_older and was_open:
            yield position


def _landed(
    evidence: Evidence, action: Action | None = None
) -> Iterator[tuple[Submission, Entry | None]]:
    """Submissions of an action with what the chain has of them; None where it has no success."""
    on_chain = evidence.on_chain()
    for row in evidence.submissions:
        if action is None or row.action == action:
            entry = on_chain.get(row.signature)
            yield row, None if entry is None or entry.is_failed else entry


def _transactions_of(position: Position, evidence: Evidence) -> list[Submission]:
    """The tries of its buy and all its sells."""
    return [
        row
        for row in evidence.submissions
        if position.pk == row.position_id or position.signal_id == row.signal_id
    ]


def _differs(row: Submission, entry: Entry) -> bool:
    is_failed = row.status == SubmissionStatus.FAILED
    return (
        row.slot != entry.slot
        or is_failed != entry.is_failed
        or row.balance_change_lamports != entry.change_lamports
    )


def _names(evidence: Evidence) -> set[str]:
    return {str(uuid) for uuid in evidence.signals}


def _told(row: Signal) -> str:
    return f"{row.action} {row.symbol} {row.pk} {row.status} {row.code}".rstrip()
