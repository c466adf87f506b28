"""All leaders at work: whose turn it is, what became of it, what is kept; real swaps throughout."""

from collections.abc import Callable

import orjson
from solders.pubkey import Pubkey

from workers.sandbox.archetypes import Profile, cast
from workers.sandbox.chain import Chain
from workers.sandbox.genesis import Genesis
from workers.sandbox.leader import Leader, Position
from workers.sandbox.market import Market
from workers.sandbox.records import Rejected
from workers.sandbox.tokens import LAMPORTS_PER_SOL
from workers.sandbox.trader import TIP_ACCOUNTS, Outcome, Trader
from workers.sandbox.trades import LeaderTrade, Side
from workers.sandbox.wallet import Wallet

PURSE_LAMPORTS = 400 * LAMPORTS_PER_SOL
RESERVE_LAMPORTS = LAMPORTS_PER_SOL // 20
GREED_PROBABILITY = 0.02
NOTE = "leader:"


class CannotTrade(ValueError):
    """The leader has no key here, too little SOL, or nothing to sell."""


class Leaders:
    """The cast on a chain. `listeners` hear of every successful swap."""

    def __init__(self, chain: Chain, market: Market, *, seed: int) -> None:
        self.listeners: list[Callable[[LeaderTrade], None]] = []
        self._chain = chain
        self._market = market
        self._people: dict[str, tuple[Leader, Trader | None]] = {}
        self._unsaved: set[str] = set()
        for profile in cast():
            leader = Leader(profile, market, seed=seed)
            trader = self._trader(leader, seed=seed)
            address = profile.address or (str(trader.wallet.address) if trader else "")
            self._people[address] = (leader, trader)
        self._unsaved.update(self._people)

    @property
    def profiles(self) -> dict[str, Profile]:
        """Everybody by address."""
        return {address: leader.profile for address, (leader, _) in self._people.items()}

    @property
    def due(self) -> float:
        """Market second of the next thing anybody does."""
        return min(leader.due for leader, _ in self._people.values())

    def found(self) -> None:
        """Genesis: everybody's first SOL, the tip accounts' too: below rent none could be tipped."""
        genesis = Genesis(self._chain)
        for tip_account in TIP_ACCOUNTS:
            genesis.fund(tip_account, lamports=LAMPORTS_PER_SOL)
        for _, trader in self._people.values():
            if trader is not None:
                genesis.fund(trader.wallet.address, lamports=PURSE_LAMPORTS)

    def act(self) -> None:
        """Everybody whose time has come sells, then perhaps buys, at the market's present clock."""
        now = self._market.clock
        for address, (leader, trader) in self._people.items():
            if trader is None or leader.due > now:
                continue
            for position in [each for each in leader.positions if each.exit_at <= now]:
                self._exit(address, position)
            if leader.next_look <= now:
                self._look(address)

    def catch_up(self) -> None:
        """The clock has jumped: skip what nobody could have done meanwhile."""
        self._unsaved.update(self._people)
        for leader, _ in self._people.values():
            leader.catch_up(self._market.clock)

    def buy(self, address: str, *, mint: Pubkey, lamports: int, is_greedy: bool = False) -> Outcome:
        """Make a leader buy now and keep it until told otherwise.

        KeyError for an unknown leader or mint, CannotTrade when it has no key or no money."""
        leader, trader = self._able(address)
        listing = self._market.listing(mint)
        if trader.lamports < lamports + RESERVE_LAMPORTS:
            raise CannotTrade("the leader cannot pay that")
        outcome = trader.buy(
            listing,
            lamports=lamports,
            always_tips=leader.profile.archetype.pays_tips,
            is_greedy=is_greedy,
        )
        if outcome.err is None:
            self._tell(address, Side.BUY, str(mint), outcome, fraction=1.0)
        return outcome

    def sell(self, address: str, *, mint: Pubkey, fraction: float) -> Outcome:
        """Make a leader sell this part of what it holds now. CannotTrade when it holds nothing."""
        leader, trader = self._able(address)
        listing = self._market.listing(mint)
        held = trader.held(listing)
        amount = held if fraction >= 1 else int(held * fraction)
        if amount <= 0:
            raise CannotTrade("the leader holds none of it")
        outcome = trader.sell(
            listing, amount=amount, always_tips=leader.profile.archetype.pays_tips
        )
        if outcome.err is None:
            self._tell(address, Side.SELL, str(mint), outcome, fraction=amount / held)
        return outcome

    def forget(self, address: str, *, mint: Pubkey) -> None:
        """Drop the plan to sell: the holding is gone already."""
        self._unsaved.add(address)
        leader, _ = self._people[address]
        leader.positions = [each for each in leader.positions if each.mint != str(mint)]

    def save(self) -> None:
        """Put the draws and plans of whoever did something among the chain's notes."""
        for address in self._unsaved:
            state = self._people[address][0].state()
            self._chain.notes[NOTE + address] = orjson.dumps(state)
        self._unsaved.clear()

    def restore(self) -> None:
        """Continue from the chain's notes."""
        for address, (leader, _) in self._people.items():
            leader.restore(orjson.loads(self._chain.notes[NOTE + address]))
        self._unsaved.clear()

    def _trader(self, leader: Leader, *, seed: int) -> Trader | None:
        if leader.profile.address is not None:
            return None
        wallet = Wallet.named(leader.profile.label, seed=seed)
        return Trader(self._chain, self._market, wallet=wallet, random=leader.random)

    def _able(self, address: str) -> tuple[Leader, Trader]:
        """Whoever is about to trade, and so will have something new to store."""
        self._unsaved.add(address)
        leader, trader = self._people[address]
        if trader is None:
            raise CannotTrade("the key of this leader is not here")
        return leader, trader

    def _look(self, address: str) -> None:
        leader, trader = self._able(address)
        leader.schedule_look()
        pick = leader.pick()
        if pick is None or trader.lamports < pick.lamports + RESERVE_LAMPORTS:
            return
        try:
            outcome = self.buy(
                address,
                mint=pick.listing.token.mint,
                lamports=pick.lamports,
                is_greedy=leader.random.random() < GREED_PROBABILITY,
            )
        except Rejected:
            return
        if outcome.err is None:
            leader.positions.append(pick.position)

    def _exit(self, address: str, position: Position) -> None:
        leader, _ = self._able(address)
        leader.positions.remove(position)
        mint = Pubkey.from_string(position.mint)
        if not position.sells_half_first:
            self._try_to_sell(address, mint=mint, fraction=1.0)
        elif self._try_to_sell(address, mint=mint, fraction=0.5):
            position.sells_half_first = False
            position.exit_at = self._market.clock + position.hold_seconds / 2
            leader.positions.append(position)

    def _try_to_sell(self, address: str, *, mint: Pubkey, fraction: float) -> bool:
        """Whether it worked; a frozen or vanished holding stays where it is."""
        try:
            return self.sell(address, mint=mint, fraction=fraction).err is None
        except (CannotTrade, Rejected):
            return False

    def _tell(
        self, address: str, side: Side, mint: str, outcome: Outcome, *, fraction: float
    ) -> None:
        if not self.listeners:
            return
        trade = LeaderTrade(
            address=address,
            profile=self._people[address][0].profile,
            side=side,
            symbol=self._market.listing(Pubkey.from_string(mint)).token.symbol,
            mint=mint,
            amount_lamports=outcome.lamports,
            fraction=fraction,
            signature=outcome.signature,
        )
        for listener in self.listeners:
            listener(trade)
