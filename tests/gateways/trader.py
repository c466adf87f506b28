"""A funded key that trades on the real sandbox through the gateways, as the executor would."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from tests.cluster import Sandbox
from trading.gateways.base import Endpoints
from trading.gateways.connect import Gateways, connect
from trading.gateways.jito import TIP_ACCOUNTS
from trading.gateways.jupiter import Quote
from trading.gateways.transactions import KeySigner, SignedTransaction, Tip, assemble

WSOL = "So11111111111111111111111111111111111111112"
TIP = Tip(account=TIP_ACCOUNTS[2], lamports=10_000_000)
UNIT_LIMIT = 200_000


def endpoints_of(sandbox: Sandbox, *rpc_names: str, **changes: Any) -> Endpoints:
    """The sandbox as the only outside; with names, each is an RPC endpoint faults can tell apart."""
    named = tuple(f"{sandbox.url}/rpc/{name}" for name in rpc_names)
    settings = {
        "rpc_urls": named or (sandbox.rpc_url,),
        "jito_url": sandbox.jito_url,
        "jupiter_url": sandbox.jupiter_url,
        "dexscreener_url": sandbox.dexscreener_url,
        "timeout_seconds": 20.0,
        "probe_seconds": 0.0,
    }
    return Endpoints(**{**settings, **changes})


@dataclass(frozen=True, slots=True, kw_only=True)
class Trader:
    sandbox: Sandbox
    gateways: Gateways
    keypair: Keypair
    pubkey: Pubkey

    @property
    def address(self) -> str:
        return str(self.pubkey)

    async def quote_buy(self, mint: str, lamports: int, *, slippage_bps: int = 100) -> Quote:
        return await self.gateways.jupiter.quote(
            input_mint=WSOL, output_mint=mint, amount_raw=lamports, slippage_bps=slippage_bps
        )

    async def quote_sell(self, mint: str, amount_raw: int, *, slippage_bps: int = 100) -> Quote:
        return await self.gateways.jupiter.quote(
            input_mint=mint, output_mint=WSOL, amount_raw=amount_raw, slippage_bps=slippage_bps
        )

    async def sign(self, quote: Quote, **options: Any) -> SignedTransaction:
        """The swap of this quote with a fresh blockhash; options as of `assemble`."""
        instructions = await self.gateways.jupiter.swap_instructions(quote, owner=self.address)
        blockhash = await self.gateways.rpc.latest_blockhash()
        return assemble(
            instructions=instructions,
            signer=KeySigner(self.keypair),
            blockhash=blockhash.hash,
            compute_unit_limit=UNIT_LIMIT,
            **options,
        )

    async def buy(self, mint: str, lamports: int) -> SignedTransaction:
        signed = await self.sign(await self.quote_buy(mint, lamports))
        await self.gateways.rpc.send_transaction(signed.wire)
        return signed

    async def holding(self, mint: str) -> Any:
        """Our token account of this mint, None if there is none."""
        holdings = await self.gateways.rpc.token_holdings(self.address)
        return next((holding for holding in holdings if holding.mint == mint), None)


@asynccontextmanager
async def trading_on(sandbox: Sandbox, *rpc_names: str, **changes: Any) -> AsyncIterator[Trader]:
    keypair = sandbox.funded_keypair()
    async with connect(endpoints_of(sandbox, *rpc_names, **changes)) as gateways:
        yield Trader(sandbox=sandbox, gateways=gateways, keypair=keypair, pubkey=keypair.pubkey())
