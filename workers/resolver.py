"""Asks the chain what became of every submission in flight: the only judge of an outcome, at start as ever."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from trading.domain.lifecycle import SubmissionStatus
from trading.domain.swaps import TransactionUnreadable, read_balance_change
from trading.domain.values import Action
from trading.gateways.base import GatewayError
from trading.gateways.chain_facts import ChainTip, SignatureStatus
from trading.gateways.jito import TIP_ACCOUNTS
from trading.gateways.quota import Urgency, urgent
from trading.models import Submission
from trading.services.booking import book_dead, book_landed
from trading.services.claims import is_any_abandoned, take_over_abandoned
from trading.services.outcomes import mark_unknown
from trading.services.portfolio import held_raw, in_flight
from trading.writer import StorageUnavailable
from workers.desk import Desk
from workers.landed import Landed
from workers.offering import Offers
from workers.runtime import Beside, once

log = logging.getLogger("resolver")
STEP_SECONDS = 0.4
ROWS_AT_ONCE = 8
OFFER_SECONDS = 0.4
"""How long a step waits for who is offered bytes again: what has landed must not wait for an engine that hangs."""
UNREADABLE_AFTER = timedelta(seconds=30)
UNKNOWN_AFTER = timedelta(minutes=2)
"""A blockhash lives 40 s: what is older without an answer needs a person to look, and nothing else."""
TELL_AGAIN_AFTER = timedelta(seconds=30)
LOOK_AGAIN_AFTER = timedelta(seconds=5)
"""What the chain and our own tokens contradict each other about waits for people, maybe for days: asked about
at every step, it would spend the allowance of everybody else.
"""


class Resolver:
    """Resolves what is in flight and takes over what a dead process left behind."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._offers = Offers(desk)
        self._landed = Landed(desk.gateways.rpc)
        self._told_at: dict[int, datetime] = {}
        self._contradicted_at: dict[int, datetime] = {}
        self._room = asyncio.Semaphore(ROWS_AT_ONCE)
        self._waiting: list[Submission] = []
        self._offering = Beside(patience_seconds=OFFER_SECONDS)
        self._tip: Callable[[], Awaitable[ChainTip]]

    async def step(self) -> int:
        """Resolve once whatever can be; how many submissions were resolved.

        The chain's answer decides: a status at confirmed is landed, no status after the last valid block
        height at finalized is dead. Everything else stays in flight, and its bytes are offered again.
        """
        now = self._desk.clock()
        if await self._desk.writer.read(lambda: is_any_abandoned(now=now)):
            await self._desk.writer.run(lambda: take_over_abandoned(now=now))
        submissions = await self._desk.writer.read(in_flight)
        self._forget_all_but({row.pk for row in submissions})
        if not submissions:
            return 0
        is_exit_waiting = any(row.action == Action.SELL for row in submissions)
        # An exit that is not resolved keeps its position from being sold again.
        with urgent(Urgency.EXIT if is_exit_waiting else Urgency.POSITION):
            return await self._resolve_all(submissions)

    async def _resolve_all(self, submissions: list[Submission]) -> int:
        statuses = await self._statuses(submissions)
        rpc = self._desk.gateways.rpc
        # Asked once for all rows, and after their statuses: what has landed by now is in the answer.
        self._tip = once(lambda: rpc.tip("finalized"))
        # Side by side: one endpoint that hangs must not keep the others' fills out of the books.
        self._waiting = []
        resolved = await asyncio.gather(
            *(
                self._resolve_safely(row, status)
                for row, status in zip(submissions, statuses, strict=True)
            )
        )
        await self._offer_again(self._waiting)
        return sum(resolved)

    async def _offer_again(self, rows: Sequence[Submission]) -> None:
        """Offer what waits, or go on with what is still being offered; behind the next steps if it takes long."""
        await self._offering.run(lambda: self._offers.again(rows))

    async def _statuses(self, submissions: list[Submission]) -> list[SignatureStatus | None]:
        try:
            return await self._desk.gateways.rpc.signature_statuses(
                [row.signature for row in submissions], search_history=True
            )
        except GatewayError as error:
            # Who cannot say what has landed may still take what has not, and so may the engine.
            await self._offer_again(submissions)
            for row in submissions:
                await self._tell_if_old(row, f"no node answers: {error}", UNKNOWN_AFTER)
            raise

    async def _resolve_safely(self, row: Submission, status: SignatureStatus | None) -> bool:
        try:
            return await self._resolve(row, status)
        except (GatewayError, StorageUnavailable) as error:
            log.warning("%s: %s", row.signature[:8], error)
            trouble = f"what it takes to tell did not come: {error}"
            if status is None:
                # Who cannot say whether it is dead may still take it.
                self._waiting.append(row)
        except Exception as error:
            # One row that breaks our code must not keep the others from being resolved.
            log.exception("%s cannot be resolved", row.signature[:8])
            trouble = f"what the chain says cannot be booked: {type(error).__name__}"
        await self._tell_if_old(row, trouble, UNKNOWN_AFTER)
        return False

    async def _resolve(self, row: Submission, status: SignatureStatus | None) -> bool:
        if status is not None:
            if status.confirmation_status == "processed":
                text = "a node has run it, and it is not confirmed"
                await self._tell_if_old(row, text, UNKNOWN_AFTER)
                return False
            return await self._book(row)
        contradicted_at = self._contradicted_at.get(row.pk)
        if contradicted_at and self._desk.clock() - contradicted_at < LOOK_AGAIN_AFTER:
            return False
        async with self._room:
            expired = await self._has_expired(row)
            if expired and not await self._has_left_traces(row):
                return await self._bury(row)
        if not expired:
            text = "no node knows it, and the block height at which it would be dead is not reached"
            await self._tell_if_old(row, text, UNKNOWN_AFTER)
            self._waiting.append(row)
        return False

    async def _has_expired(self, row: Submission) -> bool:
        tip = await self._tip()
        if tip.block_height <= row.last_valid_block_height:
            return False
        return await self._desk.gateways.rpc.has_expired(
            row.signature, last_valid_block_height=row.last_valid_block_height
        )

    async def _book(self, row: Submission) -> bool:
        transaction = await self._landed.transaction(row.signature)
        if transaction is None:
            text = "the chain knows it and shows no transaction"
            await self._tell_if_old(row, text, UNREADABLE_AFTER)
            return False
        try:
            change = read_balance_change(
                transaction, wallet=self._desk.address, mint=row.mint, tip_accounts=TIP_ACCOUNTS
            )
        except TransactionUnreadable as error:
            await self._tell_if_old(row, str(error), UNREADABLE_AFTER)
            return False
        price = self._desk.conditions.sol_price_usd
        is_new = await self._desk.writer.run(
            lambda: book_landed(row.pk, change=change, sol_price_usd=price, now=self._desk.clock()),
            is_patient=True,
        )
        if is_new:
            verdict = f"failed: {change.error}" if change.error else "landed"
            log.info("%s %s %s in slot %s", row.action, row.signature[:8], verdict, change.slot)
        return is_new

    async def _bury(self, row: Submission) -> bool:
        text = f"block height passed {row.last_valid_block_height} without it"
        log.info("%s %s expired", row.action, row.signature[:8])
        return await self._desk.writer.run(
            lambda: book_dead(
                row.pk,
                status=SubmissionStatus.EXPIRED,
                code="EXPIRED",
                text=text,
                now=self._desk.clock(),
            )
        )

    async def _has_left_traces(self, row: Submission) -> bool:
        """Whether our own tokens say that it landed although no node remembers it.

        A node that was started from a snapshot answers "unknown" for what happened before. Then it stays in
        flight and a person has to look.
        """
        holdings = await self._desk.gateways.rpc.token_holdings(self._desk.address)
        on_chain: int = sum(each.amount_raw for each in holdings if each.mint == row.mint)
        booked = await self._desk.writer.read(lambda: held_raw(row.mint))
        is_contradicted: bool
        # Half of it: dust that somebody sends us must not look like a trade of ours.
        if row.action == Action.BUY:
            is_contradicted = on_chain >= booked + max(1, row.quoted_out_raw // 2)
        else:
            is_contradicted = on_chain <= booked - max(1, row.in_amount_raw // 2)
        if is_contradicted:
            self._contradicted_at[row.pk] = self._desk.clock()
            await self._tell(row, f"expired, yet we hold {on_chain} and the books say {booked}")
        return is_contradicted

    async def _tell_if_old(self, row: Submission, text: str, age: timedelta) -> None:
        if self._desk.clock() - row.recorded_at > age:
            await self._tell(row, text)

    async def _tell(self, row: Submission, text: str) -> None:
        """Show people that the outcome is unknown; it stays in flight, and is asked for as before."""
        now = self._desk.clock()
        told_at = self._told_at.get(row.pk)
        if told_at is not None and now - told_at < TELL_AGAIN_AFTER:
            return
        self._told_at[row.pk] = now
        log.warning("%s %s is unknown: %s", row.action, row.signature[:8], text)
        await self._desk.writer.run(lambda: mark_unknown(row.pk, text=text, now=now))

    def _forget_all_but(self, known: set[int]) -> None:
        for memory in (self._told_at, self._contradicted_at):
            for gone in memory.keys() - known:
                del memory[gone]
