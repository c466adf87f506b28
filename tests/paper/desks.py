"""A platform on paper whose real world is the sandbox, driven step by step; no tests here."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any

from solders.keypair import Keypair

from tests.cluster import Sandbox
from tests.databases import Database
from tests.platform import SOL, Clock, Platform, endpoints_of, open_desk, seed_rows
from trading.gateways.connect import connect
from trading.gateways.transactions import PaperSigner
from trading.models import PaperTransaction
from trading.paper import Market
from trading.writer import GroupWriter
from workers.seeding import seed_paper

LANDING = timedelta(seconds=1)
CAPITAL_SOL = "20"
SENDING = (("rpc", "sendTransaction"), ("jito", "sendBundle"))


@asynccontextmanager
async def open_paper(
    sandbox: Sandbox, database: Database, writer: GroupWriter, *, capital_sol: str = CAPITAL_SOL
) -> AsyncIterator[Platform]:
    """A paper desk with capital of its own and an ACTIVE leader. The clock moves on as a test says.

    The wallet has SOL in the real world, for rehearsed sales; its key belongs to nobody here.
    """
    keypair, clock = sandbox.funded_keypair(20 * SOL), Clock()
    leader, wallet = str(Keypair().pubkey()), str(keypair.pubkey())
    await writer.run(lambda: seed_rows(leader))
    await writer.run(lambda: seed_paper(wallet=wallet, capital_sol=capital_sol, now=clock()))

    def market(jupiter: Any) -> Market:
        return Market(wallet=wallet, jupiter=jupiter, landing=LANDING, clock=clock, books=writer)

    async with connect(endpoints_of(sandbox), paper=market) as gateways:
        desk = await open_desk(gateways, writer, PaperSigner(keypair.pubkey()), clock)
        yield Platform(
            sandbox=sandbox,
            database=database,
            desk=desk,
            keypair=keypair,
            clock=clock,
            leader=leader,
        )


@contextmanager
def nothing_is_sent(sandbox: Sandbox, wallet: str) -> Iterator[None]:
    """Afterwards neither door of the real world was knocked at, and its chain has no transaction of ours."""
    traps = [
        sandbox.fault(plane=plane, kind="rpc_error", method=method, code=-32602)
        for plane, method in SENDING
    ]
    yield
    strikes = {rule["id"]: rule["strikes"] for rule in sandbox.control("GET", "faults")}
    assert [strikes[trap] for trap in traps] == [0, 0], strikes
    assert signed_by(sandbox, wallet) == []


def signed_by(sandbox: Sandbox, address: str) -> list[str]:
    """Every transaction on the sandbox's chain that this address paid for."""
    sandbox.advance(slots=2)
    options = {"commitment": "confirmed"}
    rows = sandbox.rpc("getSignaturesForAddress", address, options)["result"]
    return [row["signature"] for row in rows if _payer(sandbox, row["signature"]) == address]


def _payer(sandbox: Sandbox, signature: str) -> str:
    options = {"commitment": "confirmed", "maxSupportedTransactionVersion": 1}
    found = sandbox.rpc("getTransaction", signature, options)["result"]
    return str(found["transaction"]["message"]["accountKeys"][0])


async def ledger(paper: Platform) -> list[PaperTransaction]:
    """The trades in the paper ledger, oldest first."""
    rows = PaperTransaction.objects.exclude(submission=None).select_related("submission")
    return await paper.see(lambda: list(rows.order_by("id")))


async def pass_the_landing(paper: Platform) -> None:
    """Let the time until it would have landed go by, and the resolver look."""
    paper.clock.advance(seconds=LANDING.total_seconds())
    await paper.settle()
