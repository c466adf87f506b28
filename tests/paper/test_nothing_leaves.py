"""What stands before nodes and engine on paper: reads go out, nothing else does, and the mode is chosen once."""

from pathlib import Path

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from tests.cluster import Sandbox
from tests.databases import Database
from tests.gateways.samples import signed_transfer
from tests.paper.desks import nothing_is_sent, open_paper
from tests.platform import Clock, Platform
from trading.gateways.base import Refused
from trading.gateways.paper import PaperEngine, PaperNode
from trading.gateways.transactions import KeySigner, PaperSigner
from trading.models import PaperTransaction, Submission
from trading.reach import ledger_name, open_gateways
from trading.writer import GroupWriter
from workers.seeding import seed_paper
from workers.wiring import open_signer


class Listener:
    """A node that notes what reaches it."""

    name = "listener"

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def call(self, method: str, params: list[object]) -> object:
        self.heard.append(method)
        return {"context": {"slot": 1}, "value": None}


@pytest.mark.parametrize(
    "method", ["requestAirdrop", "sendBundle", "simulateBundle", "somethingNew", "sendTransactions"]
)
async def test_a_method_that_is_not_known_to_read_is_refused(method: str) -> None:
    listener = Listener()
    with pytest.raises(Refused, match="only reads"):
        await PaperNode(listener, None).call(method, [])
    assert listener.heard == []


@pytest.mark.parametrize("method", ["sendTransaction", "simulateBundle", "somethingNew"])
async def test_an_engine_is_asked_for_nothing_but_its_tip_accounts(method: str) -> None:
    listener = Listener()
    engine = PaperEngine(listener, None, nodes=[listener])
    with pytest.raises(Refused, match="only reads"):
        await engine.call(method, [])
    await engine.call("getTipAccounts", [])
    assert listener.heard == ["getTipAccounts"]


async def test_what_no_book_has_is_not_even_taken_on_paper(
    sandbox: Sandbox, database: Database, writer: GroupWriter
) -> None:
    async with open_paper(sandbox, database, writer) as paper:
        wire = signed_transfer(Keypair())
        with nothing_is_sent(sandbox, paper.desk.address):
            with pytest.raises(Refused, match="nothing was recorded"):
                await paper.desk.gateways.rpc.send_transaction(wire)
            with pytest.raises(Refused, match="nothing was recorded"):
                await paper.desk.gateways.block_engine.send_bundle([wire])


async def test_bytes_whose_blockhash_is_too_old_are_refused(
    sandbox: Sandbox, database: Database, writer: GroupWriter
) -> None:
    async with open_paper(sandbox, database, writer) as paper:
        row = await _recorded(paper)
        rows = Submission.objects.filter(pk=row.pk)
        await paper.see(lambda: rows.update(last_valid_block_height=0))
        await paper.see(PaperTransaction.objects.filter(submission=row.pk).delete)
        with pytest.raises(Refused, match="Blockhash not found"):
            await paper.desk.gateways.rpc.send_transaction(bytes(row.wire))


async def _recorded(paper: Platform) -> Submission:
    mint = next(each["mint"] for each in paper.sandbox.tokens() if each["symbol"] == "BONK")
    uuid = await paper.signal(mint)
    assert await paper.work()
    [row] = await paper.submissions(uuid)
    return row


async def test_the_mode_alone_chooses_who_signs_and_who_is_asked(
    sandbox: Sandbox, database: Database, writer: GroupWriter, settings
) -> None:
    wallet, clock = str(Pubkey.new_unique()), Clock()
    settings.RPC_URLS = [f"{sandbox.url}/rpc/primary"]
    settings.JITO_URL, settings.JUPITER_URL = sandbox.jito_url, sandbox.jupiter_url
    settings.DEXSCREENER_URL = sandbox.dexscreener_url
    settings.MODE, settings.PAPER_WALLET = "paper", wallet
    await writer.run(lambda: seed_paper(wallet=wallet, capital_sol="7.5", now=clock()))
    assert isinstance(open_signer(), PaperSigner)
    assert "paper ledger" in ledger_name()
    async with open_gateways(books=writer) as gateways:
        assert await gateways.rpc.balance(wallet) == 7_500_000_000
    settings.MODE, settings.TRADING_KEY_FILE = "sandbox", _key_file(sandbox)
    assert isinstance(open_signer(), KeySigner)
    assert ledger_name() == "the chain"
    async with open_gateways(books=writer) as gateways:
        assert await gateways.rpc.balance(wallet) == 0


def _key_file(sandbox: Sandbox) -> Path:
    path = sandbox.log.parent / "a_key.json"
    path.write_text(Keypair().to_json())
    return path


async def test_capital_that_changes_is_paid_in_or_out_as_far_as_it_is_there(
    database: Database, writer: GroupWriter, sandbox: Sandbox
) -> None:
    async with open_paper(sandbox, database, writer, capital_sol="2") as paper:
        rpc, wallet = paper.desk.gateways.rpc, paper.desk.address
        for capital, balance in (("5", 5), ("5", 5), ("0.5", 0.5), ("1", 1)):
            await paper.see(
                lambda capital=capital: seed_paper(
                    wallet=wallet, capital_sol=capital, now=paper.clock()
                )
            )
            assert await rpc.balance(wallet) == int(balance * 10**9)
        rows = await rpc.signatures_for_address(wallet)
        assert len(rows) == 4
