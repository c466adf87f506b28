"""The facts of a token: its mint, its holders, its market. Selling it and the leader's fill are asked elsewhere."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from trading.domain.holders import (
    AMM_PROGRAMS,
    POOL_AUTHORITIES,
    TokenAccount,
    concentration_bps,
    parse_token_account,
    possible_pools,
)
from trading.domain.mints import MintFacts, parse_mint
from trading.domain.policy import Policy
from trading.domain.safety import TokenFacts, is_sound, refusal_by_name
from trading.domain.values import WSOL_MINT
from trading.facts.shelf import (
    FACT_LIFETIME,
    MARKET_LIFETIME,
    REFUSAL_LIFETIME,
    Shelf,
    Unanswerable,
    deadline,
)
from trading.gateways.base import GatewayError, InvalidReply
from trading.gateways.chain_facts import AccountData
from trading.gateways.connect import Gateways
from trading.gateways.market_data import PairFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class _MintReply:
    is_found: bool
    facts: MintFacts | None

    def is_sound(self, policy: Policy) -> bool:
        """Whether the account itself gives no reason to refuse."""
        return self.facts is not None and is_sound(self.facts, policy)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Price:
    """In SOL per whole token, and the liquidity that stands behind it where that is told."""

    sol: Decimal
    liquidity_usd: Decimal | None


class TokenDesk:
    """Token facts with their lifetimes: sound ones an hour, refused ones ten minutes, the market a minute.

    One question per mint and source is under way at a time; whoever asks meanwhile gets its answer.
    """

    def __init__(self, gateways: Gateways, *, clock: Callable[[], datetime]) -> None:
        self._gateways = gateways
        self._mints: Shelf[_MintReply] = Shelf(clock=clock)
        self._holders: Shelf[int] = Shelf(clock=clock)
        self._pairs: Shelf[PairFacts | None] = Shelf(clock=clock)
        self._prices: Shelf[_Price | None] = Shelf(clock=clock)

    async def facts(self, mint: str, *, policy: Policy, until: float | None = None) -> TokenFacts:
        """The facts of a mint; sources that do not answer by `until` are named in `unavailable`.

        `until` is a moment of the loop's clock, 1.5 s from now unless given. A mint that is refused by its
        address alone is not asked about, and one that is refused by its own account does not wait for
        what others say of it.
        """
        kept = self.kept(mint, policy=policy)
        if kept is not None:
            return kept
        until = deadline() if until is None else until
        # A task, not a bare gather: one that is cancelled and never awaited would complain about it.
        others = asyncio.create_task(self._others(mint, policy, until))
        account = await self._mint(mint, policy, until)
        if isinstance(account, _MintReply) and not account.is_sound(policy):
            others.cancel()
            return _refused(mint, account)
        return _assemble(mint, account, *await others)

    def kept(self, mint: str, *, policy: Policy) -> TokenFacts | None:
        """The facts of a mint as far as nothing has to be asked for them; None when something has."""
        if refusal_by_name(mint, policy):
            return TokenFacts(mint=mint)
        account = self._mints.kept(mint)
        if account is None:
            return None
        if not account.is_sound(policy):
            return _refused(mint, account)
        pair, price = self._pairs.kept(mint), self._prices.kept(mint)
        holders = self._holders.kept(mint)
        if pair is None or price is None or holders is None:
            return None
        return _assemble(mint, account, pair, price, holders)

    async def _others(
        self, mint: str, policy: Policy, until: float
    ) -> tuple[PairFacts | GatewayError | None, _Price | GatewayError | None, int | GatewayError]:
        """What others say of a mint: its market, its price, its holders."""
        return await asyncio.gather(
            self._pair(mint, until),
            self._prices.get(mint, lambda: self._ask_price(mint), lifetime=_minute, until=until),
            self._holders.get(
                mint,
                lambda: self._ask_holders(mint, policy, until),
                lifetime=lambda bps: _lifetime(is_sound=bps <= policy.maximum_holder_bps),
                until=until,
            ),
        )

    async def _mint(self, mint: str, policy: Policy, until: float) -> _MintReply | GatewayError:
        return await self._mints.get(
            mint,
            lambda: self._ask_mint(mint),
            # A mint that is not there yet may be there in a moment.
            lifetime=lambda reply: (
                _lifetime(is_sound=reply.is_sound(policy)) if reply.is_found else timedelta()
            ),
            until=until,
        )

    async def _pair(self, mint: str, until: float) -> PairFacts | GatewayError | None:
        ask = self._gateways.market_data.pair
        return await self._pairs.get(mint, lambda: ask(mint), lifetime=_minute, until=until)

    async def _ask_mint(self, mint: str) -> _MintReply:
        account = await self._gateways.rpc.account(mint)
        if account is None:
            return _MintReply(is_found=False, facts=None)
        return _MintReply(is_found=True, facts=parse_mint(account.data, owner=account.owner))

    async def _ask_price(self, mint: str) -> _Price | None:
        prices = await self._gateways.jupiter.prices_usd([mint, WSOL_MINT])
        token, sol = prices.get(mint), prices.get(WSOL_MINT)
        if token is None or sol is None or sol.usd <= 0:
            return None
        return _Price(sol=token.usd / sol.usd, liquidity_usd=token.liquidity_usd)

    async def _ask_holders(self, mint: str, policy: Policy, until: float) -> int:
        """The largest token accounts, whose they are, and which of those are pools: bps of supply."""
        rpc = self._gateways.rpc
        largest, reply, pair = await asyncio.gather(
            rpc.token_largest_accounts(mint),
            self._mint(mint, policy, until),
            self._pair(mint, until),
        )
        for answer in (reply, pair):
            if isinstance(answer, GatewayError):
                raise Unanswerable(f"holders: {answer}") from answer
        accounts = _holdings(mint, await rpc.accounts([address for address, _ in largest]))
        pools = POOL_AUTHORITIES | ({pair.pair_address} if isinstance(pair, PairFacts) else set())
        asked = [owner for owner in possible_pools(accounts) if owner not in pools]
        for owner, stored in zip(asked, await rpc.accounts(asked), strict=True):
            if stored is not None and stored.owner in AMM_PROGRAMS:
                pools |= {owner}
        supply = reply.facts.supply_raw if isinstance(reply, _MintReply) and reply.facts else 0
        share = concentration_bps(accounts, pools=pools, supply_raw=supply)
        if share is None:
            raise InvalidReply("largest accounts: of a mint without supply")
        return share


def _holdings(mint: str, found: Sequence[AccountData | None]) -> list[TokenAccount]:
    """The token accounts among the answers; one that was closed since is left out."""
    accounts = []
    for stored in found:
        if stored is None:
            continue
        account = parse_token_account(stored.data, program=stored.owner)
        if account is None or account.mint != mint:
            raise InvalidReply("largest accounts: one that does not hold this mint")
        accounts.append(account)
    return accounts


def _refused(mint: str, account: _MintReply) -> TokenFacts:
    """Facts of a mint whose own account is enough to refuse it."""
    return TokenFacts(mint=mint, is_found=account.is_found, facts=account.facts)


def _minute(_: object) -> timedelta:
    return MARKET_LIFETIME


def _lifetime(*, is_sound: bool) -> timedelta:
    """What is refused is looked at again sooner: authorities may be given up, holders may sell."""
    return FACT_LIFETIME if is_sound else REFUSAL_LIFETIME


def _assemble(
    mint: str,
    account: _MintReply | GatewayError,
    pair: PairFacts | GatewayError | None,
    price: _Price | GatewayError | None,
    holders: int | GatewayError,
) -> TokenFacts:
    answers = {"chain": account, "liquidity": pair, "price": price, "holders": holders}
    silent = [name for name, answer in answers.items() if isinstance(answer, GatewayError)]
    known_price = None if isinstance(price, GatewayError) else price
    known_pair = None if isinstance(pair, GatewayError) else pair
    known = None if isinstance(account, GatewayError) else account
    facts = None if known is None else known.facts
    return TokenFacts(
        mint=mint,
        is_found=known is None or known.is_found,
        facts=facts,
        liquidity_usd=None if known_pair is None else known_pair.liquidity_usd,
        created_at=None if known_pair is None else known_pair.created_at,
        routable_liquidity_usd=None if known_price is None else known_price.liquidity_usd,
        price_sol=None if known_price is None else known_price.sol,
        holder_bps=None if isinstance(holders, GatewayError) else holders,
        unavailable=", ".join(silent),
    )
