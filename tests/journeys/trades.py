"""A wallet that has really traded on the sandbox, its books as the platform wrote them; no tests here."""

import asyncio
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from spl.token.constants import TOKEN_PROGRAM_ID
from spl.token.instructions import (
    create_idempotent_associated_token_account,
    get_associated_token_address,
)

from tests.platform import Platform
from tests.sandbox.payer import Payer
from trading.models import Position, Submission
from trading.reconciliation.check import reconcile
from trading.reconciliation.findings import Report
from wallets.models import TradingWallet


@dataclass(frozen=True, slots=True, kw_only=True)
class Traded:
    """Three buys: one still held, one half sold, one sold; one buy that failed on chain first."""

    platform: Platform
    held: Position
    halved: Position
    closed: Position

    async def check(self, *, settle_seconds: float = 0.0) -> Report:
        """Books against chain as they are now."""
        return await reconcile(
            self.platform.desk.gateways.rpc,
            settle_seconds=settle_seconds,
            read_rows=self.platform.see,
        )

    async def found(self) -> set[tuple[str, str]]:
        """(kind, last word of the subject) of every difference."""
        report = await self.check()
        return {(str(each.kind), each.subject.split(": ")[-1]) for each in report.findings}

    @property
    def us(self) -> Payer:
        """Our own key in the wrong hands."""
        return Payer(sandbox=self.platform.sandbox, keypair=self.platform.keypair)


async def trade(platform: Platform) -> Traded:
    """Everything a wallet goes through, booked by the platform's own code."""
    mints = {each["symbol"]: str(each["mint"]) for each in platform.sandbox.tokens()}
    address = platform.desk.address
    await platform.see(
        lambda: TradingWallet.objects.create(
            address=address, label="tests", created_at=timezone.now()
        )
    )
    held = await platform.bought(mints["NEXT"])
    halved = await platform.bought(mints["BONK"])
    await failed_on_chain(platform, mints["WIF"])
    closed = await platform.see(lambda: Position.objects.get(mint=mints["WIF"]))
    for mint, fraction in ((mints["BONK"], "0.5"), (mints["WIF"], "1")):
        await platform.sell_signal(mint, fraction=fraction)
        assert await platform.work(is_exit=True)
        await platform.settle()
    return Traded(
        platform=platform,
        held=await platform.position(held),
        halved=await platform.position(halved),
        closed=await platform.position(closed),
    )


async def failed_on_chain(platform: Platform, mint: str) -> None:
    """A buy whose price runs away between quote and send: it fails on chain, and lands when tried again."""
    sandbox = platform.sandbox
    await platform.rehearse(mint)
    sandbox.fault(plane="jito", kind="rpc_error", method="sendBundle", code=-32602, count=1)
    sandbox.fault(
        plane="jupiter", kind="latency", method="*swap-instructions*", seconds=0.6, count=1
    )
    uuid = await platform.signal(mint)
    working = asyncio.create_task(platform.work())
    await asyncio.sleep(0.3)
    sandbox.control("POST", f"market/{mint}/price", {"factor": 1.2})
    assert await working
    await platform.settle()
    first = await platform.submissions(uuid)
    assert [row.status for row in first] == ["FAILED"], [row.error for row in first]
    sandbox.control("POST", f"market/{mint}/price", {"factor": 1 / 1.2})
    platform.clock.advance(seconds=5)
    assert await platform.work()
    await platform.settle()
    assert (await platform.submissions(uuid))[-1].status == "LANDED"


async def change(traded: Traded, model: Any, pk: Any, **columns: Any) -> None:
    """Tamper with one row of the books."""
    changed = await traded.platform.see(lambda: model.objects.filter(pk=pk).update(**columns))
    assert changed == 1


async def submission_of(traded: Traded, position: Position, *, action: str) -> Submission:
    """The landed buy or sell of a position, its fill with it."""
    return await traded.platform.see(
        lambda: Submission.objects.select_related("fill").get(
            position=position, action=action, status="LANDED"
        )
    )


def give_token(traded: Traded, amount_raw: int = 1_000) -> str:
    """Somebody sends us tokens that we never asked for; their mint."""
    sandbox = traded.platform.sandbox
    stranger = Payer(sandbox=sandbox, keypair=sandbox.funded_keypair())
    mint = stranger.issue()
    ours = get_associated_token_address(traded.platform.desk.signer.pubkey, mint)
    stranger.send(
        create_idempotent_associated_token_account(
            stranger.address, traded.platform.desk.signer.pubkey, mint
        ),
        _transfer(stranger.token_account(mint), ours, stranger.address, amount_raw),
    )
    return str(mint)


def _transfer(source: Pubkey, target: Pubkey, owner: Pubkey, amount_raw: int) -> Instruction:
    """SPL Token's Transfer: u8 3, u64 amount."""
    return Instruction(
        TOKEN_PROGRAM_ID,
        b"\x03" + amount_raw.to_bytes(8, "little"),
        [
            AccountMeta(source, is_signer=False, is_writable=True),
            AccountMeta(target, is_signer=False, is_writable=True),
            AccountMeta(owner, is_signer=True, is_writable=False),
        ],
    )


def somebody() -> Pubkey:
    """A fresh address."""
    return Keypair().pubkey()
