"""From a quote to Jupiter's unsigned transaction or instruction list; prices are not looked up here."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from solders.instruction import Instruction
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from workers.sandbox import orders
from workers.sandbox.chain import Chain
from workers.sandbox.listings import Listing
from workers.sandbox.market import Market
from workers.sandbox.records import Simulation
from workers.sandbox.spelling import spell
from workers.sandbox.swap_requests import (
    MICRO_PER_LAMPORT,
    Fee,
    read_amount,
    read_fee,
    read_key,
    unreadable,
)
from workers.sandbox.tokens import WSOL
from workers.sandbox.trader import TIP_ACCOUNTS
from workers.sandbox.wallet import swap_with_sol

Json = dict[str, Any]

MOST_UNITS = 1_400_000
UNIT_MARGIN = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """The parts of one swap transaction, in order of execution."""

    owner: Pubkey
    setup: list[Instruction]
    swap: Instruction
    cleanup: Instruction | None
    tip: list[Instruction]

    def body(self) -> list[Instruction]:
        """Everything but the compute budget."""
        cleanup = [self.cleanup] if self.cleanup is not None else []
        return [*self.setup, self.swap, *cleanup, *self.tip]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Compute budget instructions, what they say, and the dry run they were measured by."""

    instructions: list[Instruction]
    unit_limit: int
    micro_lamports: int
    simulation: Simulation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One pool of the quoted route."""

    listing: Listing
    buys_base: bool
    amount_in: int
    min_out: int


class SwapBuilder:
    """Turns `{quoteResponse, userPublicKey, …}` bodies into transactions. BadRequest otherwise.

    A second hop spends exactly what the first was quoted to yield, so the first one must yield
    it: the slippage allowance belongs to the last hop. An ExactOut swap pays the quoted input
    and fails when that no longer yields the output.
    """

    def __init__(self, chain: Chain, market: Market) -> None:
        self._chain = chain
        self._market = market

    def transaction(self, body: Json) -> Json:
        """The reply of `POST /swap/v1/swap`: an unsigned v0 transaction."""
        assembly, fee, budget = self._prepare(body)
        blockhash = self._chain.blockhash("confirmed")
        message = MessageV0.try_compile(
            assembly.owner, [*budget.instructions, *assembly.body()], [], blockhash.hash
        )
        return {
            "swapTransaction": base64.b64encode(bytes(_unsigned(message))).decode(),
            "lastValidBlockHeight": blockhash.last_valid_block_height,
            **_summary(fee, budget),
        }

    def instructions(self, body: Json) -> Json:
        """The reply of `POST /swap/v1/swap-instructions`. The first of two hops closes the
        setup instructions, for the reply has one place for a swap."""
        assembly, fee, budget = self._prepare(body)
        blockhash = self._chain.blockhash("confirmed")
        return {
            "tokenLedgerInstruction": None,
            "computeBudgetInstructions": [_as_json(each) for each in budget.instructions],
            "setupInstructions": [_as_json(each) for each in assembly.setup],
            "swapInstruction": _as_json(assembly.swap),
            "cleanupInstruction": _as_json(assembly.cleanup) if assembly.cleanup else None,
            "otherInstructions": [_as_json(each) for each in assembly.tip],
            "addressLookupTableAddresses": [],
            **_summary(fee, budget),
            "blockhashWithMetadata": {
                "blockhash": list(bytes(blockhash.hash)),
                "lastValidBlockHeight": blockhash.last_valid_block_height,
            },
        }

    def _prepare(self, body: Json) -> tuple[Assembly, Fee, Budget]:
        owner = read_key(body.get("userPublicKey"), "userPublicKey")
        fee = read_fee(body.get("prioritizationFeeLamports"))
        assembly = self._assemble(body, owner, fee)
        is_dynamic = body.get("dynamicComputeUnitLimit") is True
        return assembly, fee, self._budget(assembly, fee, is_dynamic=is_dynamic)

    def _assemble(self, body: Json, owner: Pubkey, fee: Fee) -> Assembly:
        steps = self._steps(body.get("quoteResponse"))
        wraps = body.get("wrapAndUnwrapSol", True) is not False
        *earlier, last = [self._swap(step, owner) for step in steps]
        touches_sol = len(steps) > 1 or wraps
        close = orders.close_token_account(owner=owner, mint=WSOL)
        tip = orders.pay(
            source=owner,
            destination=TIP_ACCOUNTS[self._chain.slot % len(TIP_ACCOUNTS)],
            lamports=fee.tip_lamports,
        )
        return Assembly(
            owner=owner,
            setup=[*self._accounts(steps, owner, wraps=touches_sol, pays=wraps), *earlier],
            swap=last,
            cleanup=close if wraps else None,
            tip=[tip] if fee.tip_lamports else [],
        )

    def _accounts(
        self, steps: Sequence[Step], owner: Pubkey, *, wraps: bool, pays: bool
    ) -> list[Instruction]:
        """The token accounts the swap needs, and the SOL it spends wrapped."""
        made = [orders.create_token_account(owner=owner, mint=WSOL)] if wraps else []
        if pays and steps[0].buys_base:
            made += orders.wrap(owner=owner, lamports=steps[0].amount_in)
        last = steps[-1]
        if last.buys_base:
            token = last.listing.token
            made.append(
                orders.create_token_account(owner=owner, mint=token.mint, program=token.program)
            )
        return made

    def _swap(self, step: Step, owner: Pubkey) -> Instruction:
        return swap_with_sol(
            pool=step.listing.pool,
            owner=owner,
            buys_base=step.buys_base,
            amount_in=step.amount_in,
            min_out=step.min_out,
        )

    def _steps(self, quote: Any) -> list[Step]:
        if not isinstance(quote, dict) or not isinstance(quote.get("routePlan"), list):
            raise unreadable("quoteResponse")
        plan = quote["routePlan"]
        if not 1 <= len(plan) <= 2:
            raise unreadable("routePlan")
        is_exact_out = quote.get("swapMode") == "ExactOut"
        final = "outAmount" if is_exact_out else "otherAmountThreshold"
        steps = [self._step(each) for each in plan]
        last = steps[-1]
        steps[-1] = Step(
            listing=last.listing,
            buys_base=last.buys_base,
            amount_in=last.amount_in,
            min_out=read_amount(quote.get(final), final),
        )
        return steps

    def _step(self, planned: Any) -> Step:
        info = planned.get("swapInfo") if isinstance(planned, dict) else None
        if not isinstance(info, dict):
            raise unreadable("swapInfo")
        source = read_key(info.get("inputMint"), "inputMint")
        target = read_key(info.get("outputMint"), "outputMint")
        listing = self._market.listings.get(target if source == WSOL else source)
        if listing is None or WSOL not in (source, target):
            raise unreadable("ammKey")
        return Step(
            listing=listing,
            buys_base=source == WSOL,
            amount_in=read_amount(info.get("inAmount"), "inAmount"),
            min_out=read_amount(info.get("outAmount"), "outAmount"),
        )

    def _budget(self, assembly: Assembly, fee: Fee, *, is_dynamic: bool) -> Budget:
        simulation = self._simulate(assembly) if is_dynamic else None
        unit_limit = MOST_UNITS
        if simulation is not None and simulation.err is None:
            unit_limit = min(MOST_UNITS, int(simulation.units_consumed * UNIT_MARGIN))
        micro_lamports = fee.priority_lamports * MICRO_PER_LAMPORT // unit_limit
        return Budget(
            instructions=orders.compute_budget(
                unit_limit=unit_limit, micro_lamports=micro_lamports
            ),
            unit_limit=unit_limit,
            micro_lamports=micro_lamports,
            simulation=simulation,
        )

    def _simulate(self, assembly: Assembly) -> Simulation:
        budget = orders.compute_budget(unit_limit=MOST_UNITS, micro_lamports=1)
        message = MessageV0.try_compile(
            assembly.owner, [*budget, *assembly.body()], [], self._chain.blockhash().hash
        )
        return self._chain.simulate(_unsigned(message))


def _summary(fee: Fee, budget: Budget) -> Json:
    simulation = budget.simulation
    error = None
    if simulation is not None and simulation.err is not None:
        error = {"errorCode": "TRANSACTION_ERROR", "error": f"{simulation.err}"}
    kind: Json = {
        "computeBudget": {"microLamports": budget.micro_lamports, "estimatedMicroLamports": None}
    }
    if fee.tip_lamports:
        kind = {"jito": {"lamports": fee.tip_lamports}}
    return {
        "prioritizationFeeLamports": fee.tip_lamports or fee.priority_lamports,
        "computeUnitLimit": budget.unit_limit,
        "prioritizationType": kind,
        "simulationSlot": simulation.slot if simulation is not None else None,
        "dynamicSlippageReport": None,
        "simulationError": error,
        "addressesByLookupTableAddress": None,
    }


def _unsigned(message: MessageV0) -> VersionedTransaction:
    return VersionedTransaction.populate(message, [Signature.default()])


def _as_json(instruction: Instruction) -> Json:
    return {
        "programId": spell(instruction.program_id),
        "accounts": [
            {
                "pubkey": spell(meta.pubkey),
                "isSigner": meta.is_signer,
                "isWritable": meta.is_writable,
            }
            for meta in instruction.accounts
        ],
        "data": base64.b64encode(bytes(instruction.data)).decode(),
    }
