"""The chain's own ledger as the judge: everything that must hold once nothing is under way any more."""

from collections import Counter

from solders.pubkey import Pubkey

from audit.models import Incident
from tests.simulation.virtual_time import synchronous
from tests.simulation.world import OURS, World
from trading.domain.lifecycle import ENDS
from trading.gateways.rpc import Rpc
from trading.models import Position, Signal, Submission
from trading.reconciliation.books import Books, known_signatures, read_books
from trading.reconciliation.comparison import compare
from trading.reconciliation.ledger import Ledger
from trading.reconciliation.reader import LedgerReader


async def problems(world: World, rpc: Rpc) -> list[str]:
    """Every invariant that is broken, in words; empty when all is well."""
    books = synchronous(read_books)()
    accounts = {position.token_account for position in books.positions}
    ledger = await LedgerReader(rpc, wallets=books.wallets).read(token_accounts=accounts)
    return _judge(books, ledger)


@synchronous
def _judge(books: Books, ledger: Ledger) -> list[str]:
    report = compare(books, ledger, known=known_signatures())
    incidents = Incident.objects.filter(resolved_at=None)
    return [
        *(f"{each.kind} {each.subject}: {each.books} / {each.chain}" for each in report.findings),
        *(f"still in flight: {signature}" for signature in report.in_flight),
        *_without_end(),
        *_bought_twice(ledger),
        *(f"incident: {each.title}: {each.detail}" for each in incidents),
    ]


def _without_end() -> list[str]:
    rows = Signal.objects.exclude(status__in=ENDS)
    return [f"no end: {row.action} {row.status} {row.code} {row.text}" for row in rows]


def _bought_twice(ledger: Ledger) -> list[str]:
    signal_of = dict(Submission.objects.filter(action="BUY").values_list("signature", "signal"))
    landed = Counter(
        signal_of[name]
        for name, entry in ledger.entries.items()
        if name in signal_of and not entry.is_failed
    )
    return [f"signal {uuid} bought {count} times" for uuid, count in landed.items() if count > 1]


@synchronous
def wrongly_held(world: World) -> list[str]:
    """What open positions say against what our wallet holds, asked of the chain's bank itself."""
    booked: Counter[str] = Counter()
    for position in Position.objects.exclude(status="CLOSED"):
        booked[position.mint] += position.held_raw
    held: Counter[str] = Counter()
    for _, account in world.cluster.chain.token_accounts_by_owner(OURS.pubkey()):
        mint = str(Pubkey(account.data[:32]))
        held[mint] += int.from_bytes(account.data[64:72], "little")
    return [
        f"{mint}: the books hold {booked[mint]}, the chain {held[mint]}"
        for mint in {*booked, *held}
        if booked[mint] != held[mint]
    ]


@synchronous
def still_open() -> list[str]:
    """What was not sold although it should have been."""
    return [f"still open: {position}" for position in Position.objects.exclude(status="CLOSED")]
