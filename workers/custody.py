"""Compares what our token accounts hold with the books every few seconds: nobody but us should be moving it."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from trading.domain.holders import parse_token_account
from trading.gateways.base import GatewayError
from trading.gateways.chain_facts import AccountData
from trading.gateways.rpc import Rpc
from trading.services.custody import InCustody, in_custody, see_custody
from trading.writer import GroupWriter

log = logging.getLogger("custody")
CUSTODY_SECONDS = 3.0


class Custody:
    """One call for all accounts. Our SOL is watched with the equity curve, by the breaker's own rule."""

    def __init__(
        self, *, rpc: Rpc, writer: GroupWriter, wallet: str, clock: Callable[[], datetime]
    ) -> None:
        self._rpc, self._writer, self._clock = rpc, writer, clock
        self._wallet = wallet
        self._told: dict[UUID, int] = {}

    async def step(self) -> int:
        """Look once; how many positions are short.

        The books are read before and after the chain: only what stayed the same, with nothing of ours on
        its way, is compared.
        """
        before = await self._read()
        if not before:
            return 0
        try:
            accounts = await self._rpc.accounts([each.token_account for each in before])
        except GatewayError as error:
            log.warning("token accounts: %s", error)
            return 0
        unchanged = set(await self._read())
        amounts = [
            (each, self._amount(account))
            for each, account in zip(before, accounts, strict=True)
            if each in unchanged
        ]
        # Side by side, so that many of them are one transaction.
        return sum(await asyncio.gather(*(self._tell(each, amount) for each, amount in amounts)))

    async def _read(self) -> list[InCustody]:
        now = self._clock()
        return await self._writer.read(lambda: in_custody(now=now))

    async def _tell(self, each: InCustody, amount: int) -> bool:
        now = self._clock()
        is_short = await self._writer.run(
            lambda: see_custody(each, chain_raw=amount, now=now), is_patient=True
        )
        if is_short and self._told.get(each.position) != amount:
            log.warning("position %s: books %s, chain %s", each.position, each.held_raw, amount)
            self._told[each.position] = amount
        return is_short

    def _amount(self, account: AccountData | None) -> int:
        """Raw tokens of our token account; one that is gone or was given away holds nothing of ours."""
        if account is None:
            return 0
        held = parse_token_account(account.data, program=account.owner)
        return held.amount_raw if held is not None and held.owner == self._wallet else 0
