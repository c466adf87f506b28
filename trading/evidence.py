"""What can be found out about one submission now: every node, the block engine and our wallet, asked live.

Nothing here changes a row; what a person makes of it is in `rulings`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from trading.domain.figures import Figures
from trading.domain.lifecycle import SubmissionStatus
from trading.domain.swaps import BalanceChange, TransactionUnreadable, read_balance_change
from trading.domain.values import Action
from trading.gateways.base import GatewayError
from trading.gateways.chain_facts import SignatureStatus
from trading.gateways.http import authority_of
from trading.gateways.jito import TIP_ACCOUNTS
from trading.gateways.rpc import Rpc
from trading.models import Decision, EquityPoint, Submission
from trading.outside import endpoints
from trading.reach import open_gateways
from trading.services.portfolio import cash_flow, held_raw
from wallets.models import TradingWallet

ASK_SECONDS = 5.0
USUAL_FEE_LAMPORTS = 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAnswer:
    """What one node says about a signature. `is_sure`: it answered whether it knows a status."""

    name: str
    is_sure: bool = False
    status: SignatureStatus | None = None
    block_height: int | None = None
    transaction: dict[str, Any] | None = None
    trouble: str = ""

    @property
    def knows_it(self) -> bool:
        return self.status is not None or self.transaction is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineAnswer:
    """What the block engine says about a bundle, by its query of what is in flight and that of what landed.

    Its claims, and no proof.
    """

    in_flight: str = ""
    landed: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletAnswer:
    """Our tokens and SOL on the chain against the books. `expected_lamports` None: the books cannot tell."""

    owner: str = ""
    held_raw: int | None = None
    booked_raw: int = 0
    others_in_flight: int = 0
    balance_lamports: int | None = None
    expected_lamports: int | None = None
    token_account: str = ""
    decimals: int = 0
    trouble: str = ""

    @property
    def difference_raw(self) -> int | None:
        return None if self.held_raw is None else self.held_raw - self.booked_raw

    @property
    def difference_lamports(self) -> int | None:
        if self.balance_lamports is None or self.expected_lamports is None:
            return None
        return self.balance_lamports - self.expected_lamports


async def ask_node(url: str, *, signature: str) -> NodeAnswer:
    """This node's finalized height, status and transaction, as far as they come in time."""
    where = replace(endpoints(), rpc_urls=(url,), probe_seconds=0.0, timeout_seconds=ASK_SECONDS)
    async with open_gateways(where) as gateways:
        rpc = gateways.rpc
        tip, statuses, transaction = await asyncio.gather(
            rpc.tip("finalized"),
            rpc.signature_statuses([signature]),
            rpc.transaction(signature),
            return_exceptions=True,
        )
    troubles = {str(each) for each in (tip, statuses, transaction) if _is_trouble(each)}
    return NodeAnswer(
        name=authority_of(url),
        is_sure=isinstance(statuses, list),
        status=statuses[0] if isinstance(statuses, list) else None,
        block_height=None if isinstance(tip, BaseException) else tip.block_height,
        transaction=None if isinstance(transaction, BaseException) else transaction,
        trouble="; ".join(sorted(troubles)),
    )


async def ask_nodes(*, signature: str) -> list[NodeAnswer]:
    """All configured nodes at once."""
    return list(
        await asyncio.gather(*(ask_node(url, signature=signature) for url in endpoints().rpc_urls))
    )


async def ask_engine(bundle_id: str) -> EngineAnswer:
    """Both of the engine's queries about one bundle."""
    where = replace(endpoints(), rpc_urls=(), timeout_seconds=ASK_SECONDS)
    try:
        async with open_gateways(where) as gateways:
            [inflight] = await gateways.block_engine.inflight_statuses([bundle_id])
            [landed] = await gateways.block_engine.bundle_statuses([bundle_id])
    except GatewayError as error:
        return EngineAnswer(trouble=str(error))
    state = inflight.state.value if inflight else "nothing"
    if inflight and inflight.landed_slot:
        state = f"{state} in slot {inflight.landed_slot}"
    if landed is None:
        return EngineAnswer(in_flight=state, landed="nothing")
    return EngineAnswer(
        in_flight=state, landed=f"{landed.confirmation_status} in slot {landed.slot}"
    )


async def ask_wallet(row: Submission, books: WalletAnswer) -> WalletAnswer:
    """The books completed by what the chain says that our wallet holds."""
    where = replace(endpoints(), probe_seconds=0.0, timeout_seconds=ASK_SECONDS)
    try:
        async with open_gateways(where) as gateways:
            return await _complete(gateways.rpc, row, books)
    except GatewayError as error:
        return replace(books, trouble=str(error))


async def _complete(rpc: Rpc, row: Submission, books: WalletAnswer) -> WalletAnswer:
    balance, holdings = await asyncio.gather(
        rpc.balance(books.owner), rpc.token_holdings(books.owner)
    )
    ours = [each for each in holdings if each.mint == row.mint]
    account = max(ours, key=lambda each: each.amount_raw, default=None)
    return replace(
        books,
        held_raw=sum(each.amount_raw for each in ours),
        balance_lamports=balance,
        token_account=account.account if account else books.token_account,
        decimals=account.decimals if account else books.decimals,
    )


def wallet_books(row: Submission) -> WalletAnswer:
    """The books' side alone. The SOL they expect counts nothing of what is still in flight.

    What came from outside is taken from before it was signed: later it may hold what this one moved.
    """
    wallet = TradingWallet.objects.first()
    before = EquityPoint.objects.filter(outside_lamports__isnull=False, at__lt=row.recorded_at)
    point = before.order_by("-at").first()
    outside = point.outside_lamports if point else None
    in_flight = Submission.objects.filter(status=SubmissionStatus.IN_FLIGHT)
    decision = Decision.objects.filter(signal=row.signal_id, is_order=True).first()
    return WalletAnswer(
        owner=wallet.address if wallet else "",
        booked_raw=held_raw(row.mint),
        others_in_flight=in_flight.exclude(pk=row.pk).count(),
        expected_lamports=None if outside is None else outside + cash_flow().booked_lamports,
        token_account=row.position.token_account if row.position else "",
        decimals=_decimals(row, decision),
    )


def _decimals(row: Submission, decision: Decision | None) -> int:
    if row.position is not None:
        return row.position.decimals
    stored = decision.facts.get("decimals") if decision else None
    return stored if isinstance(stored, int) else 0


def proposed_figures(
    row: Submission, wallet: WalletAnswer, answers: Sequence[NodeAnswer]
) -> Figures:
    """What the transaction must have changed if it alone made the difference between chain and books.

    While others are in flight the SOL of all is one difference, so what was quoted stands for it.
    """
    is_alone = wallet.difference_lamports is not None and not wallet.others_in_flight
    gained = wallet.difference_lamports or 0
    usual = Submission.objects.filter(network_fee_lamports__gt=0).order_by("-resolved_at").first()
    fee = usual.network_fee_lamports if usual else USUAL_FEE_LAMPORTS
    is_buy = row.action == Action.BUY
    moved = abs(wallet.difference_raw or 0)
    costs = fee + row.tip_lamports
    received = gained + costs if is_alone else int(row.quoted_out_raw)
    rent = -gained - int(row.in_amount_raw) - costs if is_buy and is_alone else 0
    return Figures(
        sol_lamports=int(row.in_amount_raw) if is_buy else max(0, received),
        token_raw=(moved or int(row.quoted_out_raw)) if is_buy else int(row.in_amount_raw),
        network_fee_lamports=fee,
        tip_lamports=row.tip_lamports,
        rent_lamports=max(0, rent),
        token_account=wallet.token_account,
        decimals=wallet.decimals,
        slot=next((answer.status.slot for answer in answers if answer.status), 0),
    )


def known_by(answers: Sequence[NodeAnswer]) -> str:
    """The first node that knows the signature; empty when none does."""
    return next((answer.name for answer in answers if answer.knows_it), "")


def lowest_height(answers: Sequence[NodeAnswer]) -> int | None:
    """The finalized height that nobody who answered contradicts; only of nodes that also told the status."""
    heights = [
        answer.block_height
        for answer in answers
        if answer.block_height is not None and answer.is_sure
    ]
    return min(heights, default=None)


def change_told(
    answers: Sequence[NodeAnswer], row: Submission, *, owner: str
) -> BalanceChange | None:
    """What the transaction changed for us, from the first node that gives it whole."""
    for answer in answers:
        if answer.transaction is None:
            continue
        try:
            return read_balance_change(
                answer.transaction, wallet=owner, mint=row.mint, tip_accounts=TIP_ACCOUNTS
            )
        except TransactionUnreadable:
            continue
    return None


def _is_trouble(answer: object) -> bool:
    """A named error is part of the evidence; any other is a mistake of ours and must show."""
    if isinstance(answer, BaseException) and not isinstance(answer, GatewayError):
        raise answer
    return isinstance(answer, GatewayError)
