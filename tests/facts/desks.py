"""Gateways and desks of facts on the real sandbox, without rows; no tests here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from solders.keypair import Keypair

from tests.cluster import LAMPORTS_PER_SOL, Sandbox
from tests.platform import Clock, endpoints_of
from trading.domain.policy import Policy
from trading.domain.safety import SaleFacts
from trading.domain.signals import SignalRequest
from trading.domain.values import WSOL_MINT, Action, Strategy
from trading.facts.sales import SaleDesk
from trading.facts.shelf import deadline
from trading.facts.tokens import TokenDesk
from trading.gateways.connect import Gateways, connect
from trading.gateways.jupiter import Quote
from trading.gateways.lookup_tables import LookupTables

SOL = LAMPORTS_PER_SOL
SIZE = SOL // 4
OLD_ENOUGH = replace(Policy().shield, minimum_token_age_seconds=0)


@dataclass(slots=True, kw_only=True)
class Asker:
    """One process's desks; `forget` is what a restart would do."""

    sandbox: Sandbox
    gateways: Gateways
    keypair: Keypair
    clock: Clock
    policy: Policy = field(default=Policy())
    tokens: TokenDesk = field(init=False)
    sales: SaleDesk = field(init=False)

    def __post_init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.tokens = TokenDesk(self.gateways, clock=self.clock)
        self.sales = SaleDesk(
            self.gateways,
            owner=self.keypair.pubkey(),
            tables=LookupTables(self.gateways.rpc),
            clock=self.clock,
        )

    async def quote(self, mint: str, lamports: int = SIZE) -> Quote:
        return await self.gateways.jupiter.quote(
            input_mint=WSOL_MINT, output_mint=mint, amount_raw=lamports, slippage_bps=200
        )

    async def sale(self, mint: str, lamports: int = SIZE) -> SaleFacts:
        """What selling a purchase of this size would bring, static checks left aside."""
        quote = await self.quote(mint, lamports)
        rehearsal = await self.sales.rehearse(quote, policy=self.policy, until=deadline())
        return rehearsal.sale

    def count(self, plane: str, method: str = "*") -> int:
        """Have the sandbox count calls from now on, delaying none; the rule's id for `counted`."""
        return self.sandbox.fault(plane=plane, method=method, kind="latency", seconds=0)

    def counted(self, rule: int) -> int:
        rules = self.sandbox.control("GET", "faults")
        return int(next(each["strikes"] for each in rules if each["id"] == rule))


@asynccontextmanager
async def asking(sandbox: Sandbox) -> AsyncIterator[Asker]:
    keypair = sandbox.funded_keypair(20 * SOL)
    async with connect(endpoints_of(sandbox)) as gateways:
        yield Asker(sandbox=sandbox, gateways=gateways, keypair=keypair, clock=Clock())


def request(mint: str, leader: str, **changes: Any) -> SignalRequest:
    values: dict[str, Any] = {
        "strategy": Strategy.SHIELD,
        "action": Action.BUY,
        "symbol": "TOKEN",
        "mint": mint,
        "amount_lamports": SIZE,
        "leader_address": leader,
    }
    return SignalRequest(**{**values, **changes})


def mint_of(sandbox: Sandbox, symbol: str) -> str:
    return next(str(each["mint"]) for each in sandbox.tokens() if each["symbol"] == symbol)
