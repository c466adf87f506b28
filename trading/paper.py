"""The paper market: takes what was to be sent, and answers for it as a chain would, from committed rows."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from asgiref.sync import sync_to_async
from solders.pubkey import Pubkey
from spl.token.instructions import get_associated_token_address

from trading import paper_shapes as shapes
from trading.domain.values import TOKEN_2022_PROGRAM, WSOL_MINT, Action
from trading.gateways.base import GatewayError, InvalidReply, Refused, Unavailable
from trading.gateways.http import begins_to_leave
from trading.gateways.json_rpc import Caller
from trading.gateways.jupiter import Jupiter, NoRoute
from trading.gateways.transactions import signature_of
from trading.gateways.wires import closes, network_fee_lamports
from trading.models import PaperTransaction, Submission
from trading.services import paper
from trading.services.paper import Taken
from trading.writer import StorageUnavailable

T = TypeVar("T")

OBSERVED_WITHIN = timedelta(seconds=5)
"""After that a quote tells a price that the transaction would not have met."""
SLIPPAGE_BPS = 50
"""Of the quote at landing; it limits nothing, only Jupiter wants to know."""
ACCOUNT_BYTES = {TOKEN_2022_PROGRAM: 170}
CLASSIC_ACCOUNT_BYTES = 165
DECIMALS_AT = 44


class Books(Protocol):
    """Where verbs are run: a daemon's writer, or a thread of a door."""

    async def run(self, verb: Callable[[], T]) -> T:
        """The verb's result once it is committed."""

    async def read(self, verb: Callable[[], T]) -> T:
        """The result of a verb that only reads."""


class Threads:
    """Books for doors and commands, which have no writer: every verb in a thread that may use the database."""

    async def run(self, verb: Callable[[], T]) -> T:
        return await sync_to_async(verb)()

    async def read(self, verb: Callable[[], T]) -> T:
        return await sync_to_async(verb)()


class Market:
    """A `PaperMarket`: everything it knows is in the ledger, so a restart or a second process changes nothing."""

    def __init__(
        self,
        *,
        wallet: str,
        jupiter: Jupiter,
        landing: timedelta,
        clock: Callable[[], datetime],
        books: Books,
    ) -> None:
        self._wallet, self._jupiter, self._landing = wallet, jupiter, landing
        self._clock, self._books = clock, books

    @property
    def wallet(self) -> str:
        return self._wallet

    async def accept(self, wire: bytes, *, node: Caller) -> None:
        """Take a recorded submission, once. Refused when it is in no book, or its blockhash is too old."""
        signature = signature_of(wire)
        submission = await self._read(lambda: paper.recorded(signature))
        if submission is None:
            raise _refused("nothing was recorded under this signature")
        if await self._read(lambda: paper.is_taken(signature)):
            return
        tell_first_byte = begins_to_leave.get()
        if tell_first_byte is not None:
            tell_first_byte()
        if await _height(node) > submission.last_valid_block_height:
            raise _refused("Blockhash not found")
        taken = await self._look_at(submission, wire, node)
        now = self._clock()
        await self._do(lambda: paper.take(taken, lands_at=now + self._landing, now=now))

    async def _look_at(self, submission: Submission, wire: bytes, node: Caller) -> Taken:
        """What the order costs beside its price, and which account of ours it is about."""
        known = await self._read(lambda: paper.known_account(submission.mint))
        if known is not None:
            program, decimals = known.token_program, known.decimals
            rent = known.rent_lamports
        else:
            program, decimals = await _mint(node, submission.mint)
            size = ACCOUNT_BYTES.get(program, CLASSIC_ACCOUNT_BYTES)
            rent = int(await node.call("getMinimumBalanceForRentExemption", [size]))
        account = self._token_account(submission.mint, program)
        return Taken(
            signature=submission.signature,
            token_account=account,
            token_program=program,
            decimals=decimals,
            fee_lamports=network_fee_lamports(wire),
            rent_lamports=rent,
            closes_account=closes(wire, account=account),
        )

    async def statuses(
        self, signatures: Sequence[str], *, node: Caller
    ) -> list[dict[str, Any] | None]:
        """What is due lands first, so nobody hears of an outcome that is not committed."""
        now = self._clock()
        due = await self._read(lambda: paper.pending(signatures, now=now))
        if due:
            slot = int(await node.call("getSlot", [{"commitment": "confirmed"}]))
            await asyncio.gather(*(self._land(row, slot=slot) for row in due))
        rows = await self._read(lambda: paper.transactions(signatures))
        return [shapes.status(rows.get(signature)) for signature in signatures]

    async def _land(self, row: PaperTransaction, *, slot: int) -> None:
        is_late = self._clock() - row.lands_at > OBSERVED_WITHIN
        out = None if is_late else await self._observe(row)
        now = self._clock()
        if out is None and not is_late:
            return
        await self._do(
            lambda: paper.land(
                row.signature,
                out_at_landing_raw=out,
                slot=slot,
                landed_at=row.lands_at if is_late else now,
                now=now,
            )
        )

    async def _observe(self, row: PaperTransaction) -> int | None:
        """What the order's amount gives now; 0 when nobody takes it, None when nobody answers."""
        submission = row.submission
        if submission is None:
            return None
        pair = (WSOL_MINT, row.mint) if submission.action == Action.BUY else (row.mint, WSOL_MINT)
        try:
            quote = await self._jupiter.quote(
                input_mint=pair[0],
                output_mint=pair[1],
                amount_raw=int(submission.in_amount_raw),
                slippage_bps=SLIPPAGE_BPS,
            )
        except NoRoute:
            return 0
        except GatewayError:
            return None
        return quote.out_amount_raw

    async def transaction(self, signature: str) -> dict[str, Any] | None:
        """The record of one that landed or failed."""
        rows = await self._read(lambda: paper.transactions([signature]))
        return shapes.record(rows[signature], wallet=self._wallet) if signature in rows else None

    async def signatures_for(
        self, address: str, options: dict[str, Any]
    ) -> list[dict[str, Any]] | None:
        """The ledger of the wallet or of a token account of ours; None for everybody else's."""
        window = {name: options[name] for name in ("before", "until") if name in options}
        limit = int(options.get("limit", 1_000))
        if address == self._wallet:
            found = await self._read(partial(paper.history, limit=limit, **window))
        elif await self._read(lambda: paper.accounts(among=[address])):
            found = await self._read(
                partial(paper.history, token_account=address, limit=limit, **window)
            )
        else:
            return None
        return [shapes.signature_row(row) for row in found]

    async def balance(self) -> int:
        """Lamports of the paper wallet."""
        return int(await self._read(paper.balance_lamports))

    async def accounts(self, addresses: Sequence[str]) -> dict[str, dict[str, Any] | None]:
        """Those that are token accounts of ours, in the shape of `getAccountInfo`."""
        rows = await self._read(lambda: paper.accounts(among=addresses))
        return {address: shapes.account(row, wallet=self._wallet) for address, row in rows.items()}

    async def holdings(self, token_program: str) -> list[dict[str, Any]]:
        """Open token accounts of this program."""
        rows = await self._read(paper.accounts)
        return [
            shapes.holding(row)
            for row in rows.values()
            if row and row.token_program == token_program and row.account_after_lamports
        ]

    def _token_account(self, mint: str, program: str) -> str:
        owner, token = Pubkey.from_string(self._wallet), Pubkey.from_string(mint)
        return str(get_associated_token_address(owner, token, Pubkey.from_string(program)))

    async def _read(self, verb: Callable[[], T]) -> T:
        return await _answered(self._books.read(verb))

    async def _do(self, verb: Callable[[], T]) -> T:
        return await _answered(self._books.run(verb))


async def _answered(work: Awaitable[T]) -> T:
    try:
        return await work
    except StorageUnavailable as error:
        raise Unavailable(f"the paper ledger: {error}") from error


async def _height(node: Caller) -> int:
    return int(await node.call("getBlockHeight", [{"commitment": "confirmed"}]))


async def _mint(node: Caller, mint: str) -> tuple[str, int]:
    """(token program, decimals) of a mint, as the chain has it."""
    options = {"encoding": "base64", "commitment": "confirmed"}
    data, program = shapes.read_account(await node.call("getAccountInfo", [mint, options]))
    if len(data) <= DECIMALS_AT:
        raise InvalidReply(f"{mint}: not a mint")
    return program, data[DECIMALS_AT]


def _refused(message: str) -> Refused:
    return Refused(f"paper market: {message}", code=-32002, message=message)
