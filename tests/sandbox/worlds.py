"""Worlds in memory for the market's own tests, and a visitor who trades through Jupiter; no tests."""

import base64
from dataclasses import dataclass
from typing import Any

import orjson
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from tests.sandbox.actors import keypair
from workers.sandbox.archetypes import RosterStatus
from workers.sandbox.chain import Chain
from workers.sandbox.listings import Listing
from workers.sandbox.orders import token_account_of
from workers.sandbox.records import Mode, TransactionRecord
from workers.sandbox.tokens import WSOL, TokenKind
from workers.sandbox.wallet import holding
from workers.sandbox.world import World

GENESIS_TIME = 1_790_000_000
SOL = 10**9


def new_world(
    *, seed: int = 1, history_days: float = 0, mode: Mode = "instant", has_leaders: bool = True
) -> World:
    """A world in memory whose history is still to be generated."""
    chain = Chain.open(seed=seed, mode=mode, genesis_time=GENESIS_TIME)
    return World.open(chain, seed=seed, history_days=history_days, has_leaders=has_leaders)


def listing_of(world: World, symbol: str) -> Listing:
    return next(each for each in world.market.listings.values() if each.token.symbol == symbol)


def first_of(world: World, kind: TokenKind) -> Listing:
    return next(each for each in world.market.listings.values() if each.token.kind is kind)


def followed(world: World) -> list[str]:
    """Addresses of the leaders the roster starts with, the keyless example aside."""
    return [
        address
        for address, profile in world.cast.profiles.items()
        if profile.roster_status is RosterStatus.ACTIVE and profile.address is None
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody with a wallet who uses the public routes only."""

    world: World
    keypair: Keypair

    @classmethod
    def arriving(cls, world: World, *, lamports: int = 5_000 * SOL) -> "Visitor":
        key = keypair("visitor")
        world.chain.fund(key.pubkey(), lamports)
        world.chain.settle()
        return cls(world=world, keypair=key)

    @property
    def address(self) -> Pubkey:
        return self.keypair.pubkey()

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, Any]:
        texts = {name: str(value) for name, value in query.items()}
        raw = b"" if body is None else orjson.dumps(body)
        return self.world.jupiter.handle(path, method, texts, raw)

    def quote(
        self, source: Pubkey, target: Pubkey, amount: int, *, mode: str = "ExactIn", bps: int = 50
    ) -> dict[str, Any]:
        status, reply = self.ask(
            "GET",
            "/swap/v1/quote",
            inputMint=source,
            outputMint=target,
            amount=amount,
            swapMode=mode,
            slippageBps=bps,
        )
        assert status == 200, reply
        return dict(reply)

    def build(self, quote: dict[str, Any], **options: Any) -> dict[str, Any]:
        body = {"quoteResponse": quote, "userPublicKey": str(self.address), **options}
        status, reply = self.ask("POST", "/swap/v1/swap", body)
        assert status == 200, reply
        return dict(reply)

    def execute(self, quote: dict[str, Any], **options: Any) -> TransactionRecord:
        """Build, sign and run what the quote promises."""
        built = self.build(quote, **options)
        unsigned = VersionedTransaction.from_bytes(base64.b64decode(built["swapTransaction"]))
        signed = VersionedTransaction(unsigned.message, [self.keypair])
        record = self.world.chain.execute(signed)
        self.world.chain.settle()
        return record

    def holds(self, mint: Pubkey) -> int:
        """Raw units of a token, or lamports when asked for wrapped SOL."""
        if mint == WSOL:
            account = self.world.chain.account(self.address)
            return account.lamports if account else 0
        program = self.world.market.listing(mint).token.program
        return holding(self.world.chain, owner=self.address, mint=mint, program=program)

    def token_account(self, mint: Pubkey) -> Pubkey:
        return token_account_of(self.address, mint, self.world.market.listing(mint).token.program)
