"""The market: pools, the prices they are traded to, rugs, traps; not the leaders, not the venues."""

import math
from typing import Any

import orjson
from solders.pubkey import Pubkey

from workers.sandbox import orders
from workers.sandbox.amm import Pool, withdraw_instruction
from workers.sandbox.chain import Chain
from workers.sandbox.genesis import MAKER_LAMPORTS, TREASURY_LAMPORTS, Genesis
from workers.sandbox.issuance import Issuance, stored_pool
from workers.sandbox.listings import Listing, Reserves
from workers.sandbox.maker import Maker
from workers.sandbox.paths import Path
from workers.sandbox.records import ChainEvent, TransactionLanded
from workers.sandbox.spelling import spell
from workers.sandbox.tape import Tape
from workers.sandbox.tokens import (
    LAMPORTS_PER_SOL,
    SLOW,
    TOKEN_PROGRAM,
    USDC,
    WSOL,
    Token,
    TokenKind,
    universe,
)
from workers.sandbox.wallet import Wallet, holding

DEEPEST_WITHDRAWAL = 0.9999
RUG_FRACTION = 0.995
DAY_SECONDS = 86_400
TURN_SECONDS = 60.0
NOTE, LISTING_NOTE, TAPE_NOTE = "market", "listing:", "tape:"


class Market:
    """Pools on a chain and the clock their prices follow.

    `clock` counts market seconds since genesis. Every change is a real transaction: the market
    maker trades pools to their paths, the treasury launches, rugs and freezes.
    """

    def __init__(
        self, chain: Chain, *, seed: int, history_seconds: float, extra_tokens: int = 0
    ) -> None:
        self.chain = chain
        self.seed = seed
        self.history_seconds = history_seconds
        self.clock = 0.0
        self._turn = 0
        self.listings: dict[Pubkey, Listing] = {}
        self.tape = Tape()
        self._tokens = universe(seed=seed, extra_tokens=extra_tokens)
        self._usd = Path(name="USD/SOL", seed=seed, motion=SLOW)
        self._maker = Maker(chain, wallet=Wallet.named("maker", seed=seed))
        self._treasury = Wallet.named("treasury", seed=seed)
        self._issuance = Issuance(
            chain, seed=seed, treasury=self._treasury, maker=self._maker.wallet.address
        )
        self._to_freeze: list[tuple[Pubkey, Pubkey]] = []
        self._listed: list[str] = []
        self._touched: dict[str, Listing] = {}
        self._stamps: dict[str, object] = {}
        self._usd_written: tuple[object, orjson.Fragment] = None, orjson.Fragment(b"null")
        self._traps = {
            str(token.mint): token
            for token in self._tokens
            if token.kind is TokenKind.FREEZE_HONEYPOT
        }
        chain.listen(self._hear)

    def found(self) -> None:
        """Genesis: place and issue everything that is not launched later."""
        genesis = Genesis(self.chain)
        genesis.fund(self._maker.wallet.address, lamports=TREASURY_LAMPORTS)
        genesis.fund(self._treasury.address, lamports=TREASURY_LAMPORTS)
        genesis.fund_wrapped(self._maker.wallet.address, lamports=MAKER_LAMPORTS)
        for token in self._tokens:
            if token.kind in (TokenKind.STABLE, TokenKind.MAJOR):
                genesis.place(token, issuance=self._issuance, authority=self._treasury.address)
                self._list(token, stored_pool(self.chain, token), launched_at=0.0)
        for token in self._tokens:
            if token.mint not in self.listings and self._launch_time(token) <= 0:
                self._list(token, self._issuance.issue(token), launched_at=0.0)

    def step(self, clock: float) -> None:
        """Move the whole market to this market second: launches, rugs, frozen buyers, prices."""
        self.clock = max(self.clock, clock)
        self._launch_due()
        self.spring_traps()
        for listing in self.listings.values():
            self._tend(listing)

    def drift(self, seconds: float) -> None:
        """Live time: let market seconds pass. Pools take turns, each about once a market minute,
        so that no single moment does the work of all."""
        self.clock += seconds
        self._launch_due()
        self.spring_traps()
        pools = list(self.listings.values())
        for _ in range(min(len(pools), math.ceil(len(pools) * seconds / TURN_SECONDS))):
            self._turn = (self._turn + 1) % len(pools)
            self._tend(pools[self._turn])

    def listing(self, mint: Pubkey) -> Listing:
        """KeyError when nothing of that mint trades."""
        return self.listings[mint]

    def reserves(self, listing: Listing) -> Reserves:
        """Live balances of the two vaults."""
        return listing.reserves(self.chain)

    def sol_usd(self) -> float:
        """Dollars per SOL as the USDC pool has it."""
        reserves = self.reserves(self.listings[USDC])
        return reserves.base / 10**6 / (reserves.lamports / LAMPORTS_PER_SOL)

    def price_sol(self, listing: Listing) -> float:
        """SOL per whole token as the pool has it."""
        return listing.price_sol(self.reserves(listing))

    def change_ahead(self, listing: Listing, *, until: float) -> float:
        """Log return of the path from now until a market second: what peeking leaders see."""
        self._touch(listing)
        return listing.log_at(until) - listing.log_at(self.clock)

    def set_price(self, mint: Pubkey, *, factor: float) -> Listing:
        """Move the price by a factor for good. KeyError; ValueError for a senseless factor."""
        if not (math.isfinite(factor) and 0.001 <= factor <= 1000):
            raise ValueError("factor must lie between 0.001 and 1000")
        listing = self.listing(mint)
        if not listing.token.is_tradeable:
            raise ValueError(f"{listing.token.symbol} cannot be traded")
        self._touch(listing)
        # From where the pool is, not from where the path is: the caller sees the pool.
        drift = math.log(self.reserves(listing).price / listing.launch_price)
        listing.path.shift += drift - listing.log_at(self.clock) + math.log(factor)
        self._maker.rebalance(listing, clock=self.clock)
        return listing

    def withdraw(self, mint: Pubkey, *, fraction: float, is_balanced: bool = False) -> Listing:
        """The pool's admin takes this fraction of the SOL out; the price falls with it for good.

        Balanced, he takes as much of the tokens: the price stays and only the depth is gone.
        """
        if not 0 < fraction <= 1:
            raise ValueError("fraction must lie above 0 and at most at 1")
        listing = self.listing(mint)
        fraction = min(fraction, DEEPEST_WITHDRAWAL)
        reserves = self.reserves(listing)
        lamports = int(reserves.lamports * fraction)
        owner, pool = self._treasury.address, listing.pool
        self._treasury.must(
            self.chain,
            [
                orders.create_token_account(owner=owner, mint=WSOL),
                orders.create_token_account(
                    owner=owner, mint=pool.base_mint, program=pool.base_program
                ),
                withdraw_instruction(
                    pool=pool,
                    admin_base=orders.token_account_of(owner, pool.base_mint, pool.base_program),
                    admin_quote=orders.token_account_of(owner, WSOL),
                    base_amount=int(reserves.base * fraction) if is_balanced else 0,
                    quote_amount=lamports,
                ),
                orders.close_token_account(owner=owner, mint=WSOL),
            ],
        )
        if not is_balanced:
            self._touch(listing)
            listing.path.shift += math.log1p(-fraction)
        return listing

    def claw_back(self, mint: Pubkey, *, holder: Pubkey, fraction: float) -> int:
        """The mint's permanent delegate takes this part of what a wallet holds; raw tokens taken."""
        token = self.listing(mint).token
        if token.kind is not TokenKind.PERMANENT_DELEGATE:
            raise ValueError(f"{token.symbol} has no permanent delegate")
        if not 0 < fraction <= 1:
            raise ValueError("fraction must lie above 0 and at most at 1")
        held = holding(self.chain, owner=holder, mint=mint, program=token.program)
        owner, amount = self._treasury.address, int(held * fraction)
        transfer = orders.transfer_tokens(
            source=orders.token_account_of(holder, mint, token.program),
            destination=orders.token_account_of(owner, mint, token.program),
            mint=mint,
            authority=owner,
            amount=amount,
            decimals=token.decimals,
            program=token.program,
        )
        opened = orders.create_token_account(owner=owner, mint=mint, program=token.program)
        self._treasury.must(self.chain, [opened, transfer])
        return amount

    def spring_traps(self) -> None:
        """Freeze whoever bought a freeze honeypot since the last call."""
        waiting, self._to_freeze = self._to_freeze, []
        for account, mint in waiting:
            freeze = orders.freeze_token_account(
                account=account, mint=mint, authority=self._treasury.address, program=TOKEN_PROGRAM
            )
            self._treasury.run(self.chain, [freeze])

    def save(self) -> None:
        """Put what is new of clock, paths and tape among the chain's notes: it is done every slot."""
        notes = self.chain.notes
        for address, each in self._touched.items():
            if self._stamps.get(address) != each.stamp:
                self._stamps[address] = each.stamp
                notes[LISTING_NOTE + address] = orjson.dumps(each.state())
        self._touched.clear()
        for pool, rows in self.tape.take_changes().items():
            notes[TAPE_NOTE + pool] = orjson.dumps(rows)
        state = {
            "clock": self.clock,
            "history_seconds": self.history_seconds,
            "turn": self._turn,
            "usd": self._usd_note(),
            "to_freeze": [[str(account), str(mint)] for account, mint in self._to_freeze],
            "listings": self._listed,
        }
        notes[NOTE] = orjson.dumps(state)

    def _usd_note(self) -> orjson.Fragment:
        """The dollar's path; a generator's six hundred numbers are written only when it moved."""
        if self._usd_written[0] != self._usd.stamp:
            self._usd_written = self._usd.stamp, orjson.Fragment(orjson.dumps(self._usd.state()))
        return self._usd_written[1]

    def restore(self) -> None:
        """Continue from the chain's notes."""
        notes = self.chain.notes
        state: dict[str, Any] = orjson.loads(notes[NOTE])
        self.clock = state["clock"]
        # Launches and rugs are fractions of the history this chain was begun with.
        self.history_seconds = state["history_seconds"]
        self._turn = state["turn"]
        self._usd.restore(state["usd"])
        self._to_freeze = [
            (Pubkey.from_string(account), Pubkey.from_string(mint))
            for account, mint in state["to_freeze"]
        ]
        tokens = {str(token.mint): token for token in self._tokens}
        for address in state["listings"]:
            self._relist(tokens[address], orjson.loads(notes[LISTING_NOTE + address]))
        for name in [each for each in notes if each.startswith(TAPE_NOTE)]:
            self.tape.restore(name.removeprefix(TAPE_NOTE), orjson.loads(notes[name]))

    def _relist(self, token: Token, saved: dict[str, Any]) -> None:
        pool = stored_pool(self.chain, token)
        self._list(token, pool, launched_at=saved["launched_at"])
        self.listings[token.mint].restore(saved)

    def _list(self, token: Token, pool: Pool, *, launched_at: float) -> None:
        is_usd = token.kind is TokenKind.STABLE
        path = Path(name=token.symbol, seed=self.seed, motion=token.motion)
        born = self.chain.unix_time - (0 if launched_at else token.age_days * DAY_SECONDS)
        self.listings[token.mint] = Listing(
            token=token,
            pool=pool,
            path=self._usd if is_usd else path,
            launched_at=launched_at,
            created_at=born,
        )
        self._listed.append(str(token.mint))
        self._touch(self.listings[token.mint])
        self.tape.follow(pool.address)

    def _touch(self, listing: Listing) -> None:
        """Its path may be about to move: whoever stores the market looks at no other one."""
        self._touched[spell(listing.token.mint)] = listing

    def _launch_due(self) -> None:
        for token in self._tokens:
            if token.mint not in self.listings and self._launch_time(token) <= self.clock:
                self._list(token, self._issuance.issue(token), launched_at=self.clock)

    def _tend(self, listing: Listing) -> None:
        self._touch(listing)
        self._rug_when_due(listing)
        self._maker.rebalance(listing, clock=self.clock)
        listing.path.forget_before(self.clock - listing.launched_at)

    def _launch_time(self, token: Token) -> float:
        return (token.launch or 0.0) * self.history_seconds

    def _rug_when_due(self, listing: Listing) -> None:
        rug = listing.token.rug
        if rug is None or listing.has_rugged or not self.history_seconds:
            return
        if self.clock >= rug * self.history_seconds:
            listing.has_rugged = True
            self.withdraw(listing.token.mint, fraction=RUG_FRACTION)

    def _hear(self, event: ChainEvent) -> None:
        if not isinstance(event, TransactionLanded):
            return
        self.tape.note(event.record)
        if self._traps and event.record.err is None:
            self._notice_trapped(event)

    def _notice_trapped(self, event: TransactionLanded) -> None:
        record = event.record
        ours = {spell(self._maker.wallet.address), spell(self._treasury.address)}
        if record.account_keys[0] in ours:
            return
        for each in record.post_token_balances:
            token = self._traps.get(each.mint)
            if token is not None and each.owner == record.account_keys[0]:
                account = Pubkey.from_string(record.account_keys[each.account_index])
                self._to_freeze.append((account, token.mint))
