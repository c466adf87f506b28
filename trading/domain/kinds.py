"""What a transaction was for one wallet: a swap of one asset for another, or the kind of thing it was instead."""

from dataclasses import dataclass
from enum import StrEnum

from trading.domain import programs as known
from trading.domain.decoding import Move
from trading.domain.flows import Flows
from trading.domain.movements import Movements, read_movements
from trading.domain.trades import find_trade
from trading.domain.transactions import Transaction
from trading.domain.values import WSOL_MINT

_PLAIN = frozenset({known.COMPUTE_BUDGET_PROGRAM}) | known.MEMO_PROGRAMS


class Kind(StrEnum):
    """The class of a transaction; the first three are swaps, the rest say what it was instead."""

    SWAP = "SWAP"
    CREATE_AND_BUY = "CREATE_AND_BUY"
    RFQ_FILL = "RFQ_FILL"
    FAILED_SWAP = "FAILED_SWAP"
    FAILED_OTHER = "FAILED_OTHER"
    ARB_CYCLE = "ARB_CYCLE"
    SAME_TX_BUY_SELL = "SAME_TX_BUY_SELL"
    BUY_AND_BURN = "BUY_AND_BURN"
    SWAP_OUTPUT_TO_OTHER = "SWAP_OUTPUT_TO_OTHER"
    OTHERS_TRADE = "OTHERS_TRADE"
    KEEPER_FILL_LIMIT = "KEEPER_FILL_LIMIT"
    KEEPER_FILL_DCA = "KEEPER_FILL_DCA"
    LIMIT_ORDER_OPEN = "LIMIT_ORDER_OPEN"
    LIMIT_ORDER_CANCEL = "LIMIT_ORDER_CANCEL"
    SCHEDULED_ORDER = "SCHEDULED_ORDER"
    ORDERBOOK_OP = "ORDERBOOK_OP"
    LP_CREATE = "LP_CREATE"
    LP_ADD = "LP_ADD"
    LP_REMOVE = "LP_REMOVE"
    LENDING = "LENDING"
    STAKE = "STAKE"
    SHARE_MINT = "SHARE_MINT"
    SHARE_REDEEM = "SHARE_REDEEM"
    BRIDGE = "BRIDGE"
    BOT_WITHDRAW = "BOT_WITHDRAW"
    NFT_TRADE = "NFT_TRADE"
    NFT_MINT = "NFT_MINT"
    NFT_TRANSFER = "NFT_TRANSFER"
    NFT_OTHER = "NFT_OTHER"
    CNFT_MINT = "CNFT_MINT"
    TOKEN_CREATE = "TOKEN_CREATE"
    ATA_CREATE = "ATA_CREATE"
    REWARD_CLAIM = "REWARD_CLAIM"
    SOL_TRANSFER = "SOL_TRANSFER"
    TOKEN_TRANSFER = "TOKEN_TRANSFER"
    TIP_ONLY = "TIP_ONLY"
    ORACLE_UPDATE = "ORACLE_UPDATE"
    VOTE = "VOTE"
    OTHER = "OTHER"


SWAP_KINDS = frozenset({Kind.SWAP, Kind.CREATE_AND_BUY, Kind.RFQ_FILL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The kind, and for a swap the mints given and got."""

    kind: Kind
    given: str = ""
    got: str = ""

    @property
    def is_swap(self) -> bool:
        return self.kind in SWAP_KINDS


def classify(transaction: Transaction, flows: Flows, *, wallet: str) -> Verdict:
    """The verdict for `wallet`; `transaction` with its steps, `flows` those of the same wallet."""
    evidence = read_movements(transaction, flows, wallet=wallet)
    if transaction.error is not None:
        is_swap = evidence.has_venue or bool(evidence.routers)
        return Verdict(kind=Kind.FAILED_SWAP if is_swap else Kind.FAILED_OTHER)
    trade = find_trade(transaction, evidence)
    if trade is None:
        return Verdict(kind=_other(_Case(transaction, flows, evidence)))
    kind = _swap_kind(transaction, evidence, trade.got)
    return Verdict(kind=kind, given=trade.given, got=trade.got)


@dataclass(frozen=True, slots=True)
class _Case:
    transaction: Transaction
    flows: Flows
    moved: Movements


def _swap_kind(transaction: Transaction, evidence: Movements, got: str) -> Kind:
    if got in _new_accounts(transaction):
        return Kind.CREATE_AND_BUY
    return Kind.RFQ_FILL if known.RFQ_PROGRAM in evidence.programs else Kind.SWAP


def _new_accounts(transaction: Transaction) -> set[str]:
    steps = transaction.steps
    return {each.destination for each in steps if each.move in (Move.CREATE, Move.CLAIM)}


def _other(case: _Case) -> Kind:
    """What it was instead: the first rule that knows."""
    rules = (_by_program, _by_order, _by_cycle, _by_assets, _by_transfer, _by_venue)
    return next((kind for rule in rules if (kind := rule(case))), Kind.OTHER)


def _by_program(case: _Case) -> Kind | None:
    programs = case.moved.programs
    if known.VOTE_PROGRAM in programs:
        return Kind.VOTE
    if known.COMPRESSION_PROGRAM in programs:
        return Kind.CNFT_MINT
    if not programs.isdisjoint(known.LENDING):
        return Kind.LENDING
    if not programs.isdisjoint(known.BRIDGES):
        return Kind.BRIDGE
    if not programs.isdisjoint(known.ORACLES):
        return Kind.ORACLE_UPDATE
    is_stake = known.STAKE_PROGRAM in programs or not programs.isdisjoint(known.FARMS)
    return Kind.STAKE if is_stake else None


def _by_order(case: _Case) -> Kind | None:
    moved = case.moved
    if not moved.routers.isdisjoint(known.LIMIT_ORDER_ROUTERS):
        if moved.has_venue:
            return Kind.KEEPER_FILL_LIMIT
        return Kind.LIMIT_ORDER_OPEN if moved.losses else Kind.LIMIT_ORDER_CANCEL
    if not moved.routers.isdisjoint(known.SCHEDULED_ORDER_ROUTERS):
        return Kind.KEEPER_FILL_DCA if moved.has_venue else Kind.SCHEDULED_ORDER
    return None


def _by_cycle(case: _Case) -> Kind | None:
    """Ends in what it began with: one known venue is a wash, anything else arbitrage."""
    moved = case.moved
    is_traded = moved.has_venue or any(side.out and side.into for side in moved.sides)
    ends = [mint for mint in moved.into if moved.out_of.get(mint)]
    if not is_traded or not ends or moved.minted:
        return None
    if any(mint not in ends and mint != WSOL_MINT for mint in moved.losses):
        return None
    if any(moved.burned.get(mint) for mint in ends):
        return Kind.BUY_AND_BURN
    venues = moved.programs & known.VENUES.keys()
    return Kind.SAME_TX_BUY_SELL if len(venues) == 1 else Kind.ARB_CYCLE


def _by_assets(case: _Case) -> Kind | None:
    moved = case.moved
    if any(moved.is_single_unit(mint) for mint in moved.legs):
        return _collectible_kind(moved)
    if not moved.programs.isdisjoint(known.NFT_PROGRAMS):
        return Kind.NFT_OTHER
    tokens = case.transaction.tokens
    if not moved.legs and any(abs(each.change) == 1 and not each.decimals for each in tokens):
        return Kind.NFT_TRANSFER
    if moved.burned and moved.gains:
        return Kind.LP_REMOVE if moved.has_venue else Kind.SHARE_REDEEM
    if moved.minted and moved.losses and moved.has_venue:
        return Kind.LP_CREATE if _creates_mint(case.transaction) else Kind.LP_ADD
    if _creates_mint(case.transaction):
        return Kind.TOKEN_CREATE
    return Kind.SHARE_MINT if moved.minted and moved.losses else None


def _creates_mint(transaction: Transaction) -> bool:
    created = _new_accounts(transaction)
    return any(each.move is Move.MINT and each.mint in created for each in transaction.steps)


def _collectible_kind(moved: Movements) -> Kind:
    """A single unit is a picture, or at a venue the paper of a position in a pool."""
    if any(moved.is_single_unit(mint) for mint in moved.burned):
        return Kind.LP_REMOVE if moved.has_venue else Kind.NFT_OTHER
    if moved.minted:
        return Kind.LP_ADD if moved.has_venue else Kind.NFT_MINT
    return Kind.NFT_TRADE if moved.gains and moved.losses else Kind.NFT_TRANSFER


def _by_transfer(case: _Case) -> Kind | None:
    """Nothing but the system and token programs was called."""
    steps, flows = case.transaction.steps, case.flows
    if {each.program for each in steps if each.move is Move.CALL} - _PLAIN:
        return None
    if flows.tokens:
        return Kind.TOKEN_TRANSFER
    if flows.other_out_lamports or flows.received_lamports or case.moved.legs:
        return Kind.SOL_TRANSFER
    if flows.tip_lamports:
        return Kind.TIP_ONLY
    if any(each.move is Move.OPEN for each in steps):
        return Kind.ATA_CREATE
    return Kind.SOL_TRANSFER if any(each.move is Move.SEND for each in steps) else None


def _by_venue(case: _Case) -> Kind | None:
    moved = case.moved
    is_book = not moved.programs.isdisjoint(known.ORDER_BOOKS)
    if is_book and not moved.routers:
        return Kind.ORDERBOOK_OP
    if not moved.has_venue:
        if not moved.gains or moved.losses:
            return None
        return Kind.BOT_WITHDRAW if moved.routers else Kind.REWARD_CLAIM
    if not (moved.into or moved.out_of or moved.payees):
        is_traded = any(each.change for each in case.transaction.tokens)
        return Kind.OTHERS_TRADE if is_traded else Kind.ORACLE_UPDATE
    if moved.routers:
        return Kind.SWAP_OUTPUT_TO_OTHER
    return Kind.LP_ADD if moved.losses else Kind.LP_REMOVE
