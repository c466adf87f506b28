"""What a transaction was for one wallet: a swap of one asset for another, or the kind of thing it was instead."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from trading.domain import programs as known
from trading.domain.flows import Flows
from trading.domain.instructions import Move, Step
from trading.domain.transactions import Transaction
from trading.domain.values import WSOL_MINT

# A leg is what a cycle left behind when the wallet both gave and got 200 times as much of it.
CYCLE_REMAINDER = 200
# Beside two token legs, SOL below this is rent and dust that no instruction explains, never a third leg.
SOL_DUST_LAMPORTS = 10_000_000


class Kind(StrEnum):
    """The class of a transaction; the first three are swaps."""

    SWAP = "SWAP"
    CREATE_AND_BUY = "CREATE_AND_BUY"
    RFQ_FILL = "RFQ_FILL"
    FAILED_SWAP = "FAILED_SWAP"
    FAILED_OTHER = "FAILED_OTHER"
    ARB_CYCLE = "ARB_CYCLE"
    SAME_TX_BUY_SELL = "SAME_TX_BUY_SELL"
    BUY_AND_BURN = "BUY_AND_BURN"
    KEEPER_FILL_LIMIT = "KEEPER_FILL_LIMIT"
    KEEPER_FILL_DCA = "KEEPER_FILL_DCA"
    LIMIT_ORDER_OPEN = "LIMIT_ORDER_OPEN"
    LIMIT_ORDER_CANCEL = "LIMIT_ORDER_CANCEL"
    SCHEDULED_ORDER = "SCHEDULED_ORDER"
    ORDERBOOK_OP = "ORDERBOOK_OP"
    OTHERS_TRADE = "OTHERS_TRADE"
    ONE_SIDED_SWAP = "ONE_SIDED_SWAP"
    LP_CREATE = "LP_CREATE"
    LP_ADD = "LP_ADD"
    LP_REMOVE = "LP_REMOVE"
    LP_FEE_CLAIM = "LP_FEE_CLAIM"
    LENDING = "LENDING"
    STAKE = "STAKE"
    BRIDGE = "BRIDGE"
    RECEIPT = "RECEIPT"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """What the rules look at. Amounts are raw, by mint; SOL and wrapped SOL are one mint.

    `into` and `out_of` are gross movements of the wallet's token accounts, `minted` and `burned` the parts of
    them that came from or went to nowhere.
    """

    transaction: Transaction
    flows: Flows
    wallet: str
    programs: frozenset[str]
    has_venue: bool
    routers: frozenset[str]
    legs: dict[str, int]
    into: Mapping[str, int]
    out_of: Mapping[str, int]
    minted: Mapping[str, int]
    burned: Mapping[str, int]

    @property
    def gains(self) -> list[str]:
        return [mint for mint, change in self.legs.items() if change > 0]

    @property
    def losses(self) -> list[str]:
        return [mint for mint, change in self.legs.items() if change < 0]

    @property
    def cycled(self) -> list[str]:
        """Mints that the wallet both gave and got, and has as many of as before but for a remainder."""
        return [
            mint
            for mint, amount in self.into.items()
            if abs(self.legs.get(mint, 0)) * CYCLE_REMAINDER < min(amount, self.out_of.get(mint, 0))
        ]

    def is_single_unit(self, mint: str) -> bool:
        return abs(self.legs[mint]) == 1 and self.flows.decimals.get(mint) == 0


def classify(transaction: Transaction, flows: Flows, *, wallet: str) -> Verdict:
    """The verdict for `wallet`; `transaction` with its steps, `flows` those of the same wallet."""
    evidence = _evidence(transaction, flows, wallet)
    if transaction.error is not None:
        is_swap = evidence.has_venue or bool(evidence.routers)
        return Verdict(kind=Kind.FAILED_SWAP if is_swap else Kind.FAILED_OTHER)
    return _trade(evidence) or Verdict(kind=_other(evidence))


def _evidence(transaction: Transaction, flows: Flows, wallet: str) -> _Evidence:
    programs = frozenset(each.program for each in transaction.steps)
    legs = dict(flows.tokens)
    if flows.sol_lamports:
        legs[WSOL_MINT] = flows.sol_lamports
    moved = _Moved.by(transaction, flows) if transaction.error is None else _Moved()
    return _Evidence(
        transaction=transaction,
        flows=flows,
        wallet=wallet,
        programs=programs,
        has_venue=not programs.isdisjoint(known.VENUES) or transaction.hint == "SWAP",
        routers=frozenset(known.ROUTERS[each] for each in programs if each in known.ROUTERS),
        legs=legs,
        into=moved.into,
        out_of=moved.out_of,
        minted=moved.minted,
        burned=moved.burned,
    )


class _Moved:
    """Gross movements of a wallet's token accounts by mint."""

    def __init__(self) -> None:
        self.into: dict[str, int] = defaultdict(int)
        self.out_of: dict[str, int] = defaultdict(int)
        self.minted: dict[str, int] = defaultdict(int)
        self.burned: dict[str, int] = defaultdict(int)

    @classmethod
    def by(cls, transaction: Transaction, flows: Flows) -> "_Moved":
        moved, mints = cls(), account_mints(transaction)
        for step in transaction.steps:
            if step.destination in flows.accounts and step.move in (Move.TRANSFER, Move.MINT):
                mint = mints.get(step.destination, step.mint)
                moved.into[mint] += step.amount
                if step.move is Move.MINT:
                    moved.minted[mint] += step.amount
            if step.source in flows.accounts and step.move in (Move.TRANSFER, Move.BURN):
                mint = mints.get(step.source, step.mint)
                moved.out_of[mint] += step.amount
                if step.move is Move.BURN:
                    moved.burned[mint] += step.amount
        return moved


def account_mints(transaction: Transaction) -> dict[str, str]:
    """Token account → mint, of every account that a balance or an instruction shows."""
    opened = {each.destination: each.mint for each in transaction.steps if each.move is Move.OPEN}
    return opened | {each.account: each.mint for each in transaction.tokens}


def _trade(evidence: _Evidence) -> Verdict | None:
    """A swap when something was given and something else got, and neither is a receipt, a share or a picture."""
    legs = _traded_legs(evidence)
    gains = [mint for mint, change in legs.items() if change > 0]
    losses = [mint for mint, change in legs.items() if change < 0]
    if not gains or not losses:
        return None
    given, got = _largest(losses, evidence), _largest(gains, evidence)
    if _is_collectible(evidence, (given, got)) or _is_receipt(evidence, given, got):
        return None
    if _is_liquidity(evidence) or _is_order(evidence):
        return None
    return Verdict(kind=_swap_kind(evidence, got), given=given, got=got)


def _traded_legs(evidence: _Evidence) -> dict[str, int]:
    cycled = evidence.cycled
    legs = {mint: change for mint, change in evidence.legs.items() if mint not in cycled}
    tokens = [change for mint, change in legs.items() if mint != WSOL_MINT]
    is_between_tokens = any(each > 0 for each in tokens) and any(each < 0 for each in tokens)
    if is_between_tokens and abs(legs.get(WSOL_MINT, 0)) < SOL_DUST_LAMPORTS:
        legs.pop(WSOL_MINT, None)
    return legs


def _largest(mints: list[str], evidence: _Evidence) -> str:
    """The leg that counts where there are several: a token before SOL, and of more of it."""

    def size(mint: str) -> tuple[bool, int, str]:
        decimals = evidence.flows.decimals.get(mint, 9)
        return mint != WSOL_MINT, abs(evidence.legs[mint]) * 10 ** (255 - decimals), mint

    return max(mints, key=size)


def _swap_kind(evidence: _Evidence, got: str) -> Kind:
    steps = evidence.transaction.steps
    if any(each.move is Move.CREATE and each.destination == got for each in steps):
        return Kind.CREATE_AND_BUY
    return Kind.RFQ_FILL if known.RFQ_PROGRAM in evidence.programs else Kind.SWAP


def _is_collectible(evidence: _Evidence, mints: tuple[str, ...]) -> bool:
    return any(evidence.is_single_unit(mint) for mint in mints)


def _is_receipt(evidence: _Evidence, given: str, got: str) -> bool:
    """Minted to or burned from the wallet: a share of a pool, a vault, a loan or a stake.

    Where a router did it, a share was one hop of a swap like any other.
    """
    is_minted = 2 * evidence.minted.get(got, 0) > evidence.legs[got]
    is_burned = 2 * evidence.burned.get(given, 0) > -evidence.legs[given]
    return (is_minted or is_burned) and not evidence.routers


def _is_liquidity(evidence: _Evidence) -> bool:
    """An instruction moved two mints the same way, and none exchanged one for another."""
    sides = _sides(evidence)
    is_exchanged = any(outward and inward for outward, inward in sides)
    return not is_exchanged and any(max(len(out), len(into)) > 1 for out, into in sides)


def _sides(evidence: _Evidence) -> list[tuple[set[str], set[str]]]:
    """(mints out, mints in) of the wallet's token accounts, by outer instruction."""
    mints, accounts = account_mints(evidence.transaction), evidence.flows.accounts
    sides: dict[int, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for step in evidence.transaction.steps:
        if step.move is not Move.TRANSFER:
            continue
        if step.source in accounts:
            sides[step.top][0].add(mints.get(step.source, step.mint))
        if step.destination in accounts:
            sides[step.top][1].add(mints.get(step.destination, step.mint))
    return list(sides.values())


def _is_order(evidence: _Evidence) -> bool:
    """A keeper's own remainder of somebody else's order is no trade of the keeper."""
    orders = known.LIMIT_ORDER_ROUTERS | known.SCHEDULED_ORDER_ROUTERS
    return not evidence.routers.isdisjoint(orders)


def _other(evidence: _Evidence) -> Kind:
    """What it was instead: the first rule that knows."""
    rules = (_by_program, _by_order, _by_cycle, _by_assets, _by_transfer, _by_venue)
    return next((kind for rule in rules if (kind := rule(evidence))), Kind.OTHER)


def _by_program(evidence: _Evidence) -> Kind | None:
    programs = evidence.programs
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
    return Kind.STAKE if known.STAKE_PROGRAM in programs else None


def _by_order(evidence: _Evidence) -> Kind | None:
    is_filled = evidence.has_venue
    if not evidence.routers.isdisjoint(known.LIMIT_ORDER_ROUTERS):
        if is_filled:
            return Kind.KEEPER_FILL_LIMIT
        return Kind.LIMIT_ORDER_OPEN if evidence.losses else Kind.LIMIT_ORDER_CANCEL
    if not evidence.routers.isdisjoint(known.SCHEDULED_ORDER_ROUTERS):
        return Kind.KEEPER_FILL_DCA if is_filled else Kind.SCHEDULED_ORDER
    return None


def _by_cycle(evidence: _Evidence) -> Kind | None:
    """Ends in what it began with: one venue is a wash, several are arbitrage."""
    ends = [mint for mint in evidence.into if evidence.out_of.get(mint)]
    if not evidence.has_venue or not ends or len(evidence.gains + evidence.losses) > 2:
        return None
    if any(evidence.burned.get(mint) for mint in ends):
        return Kind.BUY_AND_BURN
    venues = [each for each in evidence.programs if each in known.VENUES]
    return Kind.ARB_CYCLE if len(venues) > 1 else Kind.SAME_TX_BUY_SELL


def _by_assets(evidence: _Evidence) -> Kind | None:
    minted = any(each.move is Move.MINT for each in evidence.transaction.steps)
    if any(evidence.is_single_unit(mint) for mint in evidence.legs if mint != WSOL_MINT):
        return _collectible_kind(evidence)
    if not evidence.programs.isdisjoint(known.NFT_PROGRAMS):
        return Kind.NFT_OTHER
    if evidence.minted and len(evidence.losses) > 1:
        return Kind.LP_CREATE if _creates_mint(evidence) else Kind.LP_ADD
    if evidence.burned and evidence.gains:
        return Kind.LP_REMOVE if evidence.has_venue else Kind.RECEIPT
    if minted and _creates_mint(evidence):
        return Kind.TOKEN_CREATE
    return Kind.RECEIPT if evidence.minted and evidence.losses else None


def _creates_mint(evidence: _Evidence) -> bool:
    steps = evidence.transaction.steps
    created = {each.destination for each in steps if each.move in (Move.CREATE, Move.CLAIM)}
    return any(each.move is Move.MINT and each.mint in created for each in steps)


def _collectible_kind(evidence: _Evidence) -> Kind:
    if any(evidence.is_single_unit(mint) for mint in evidence.burned if mint in evidence.legs):
        return Kind.LP_REMOVE if evidence.has_venue else Kind.RECEIPT
    if evidence.minted:
        return Kind.LP_ADD if evidence.has_venue else Kind.NFT_MINT
    return Kind.NFT_TRADE if evidence.gains and evidence.losses else Kind.NFT_TRANSFER


_PLAIN = frozenset({known.COMPUTE_BUDGET_PROGRAM, known.SYSTEM_PROGRAM}) | known.MEMO_PROGRAMS


def _by_transfer(evidence: _Evidence) -> Kind | None:
    """Nothing but the system and token programs was called."""
    calls = {each.program for each in evidence.transaction.steps if each.move is Move.CALL}
    if calls - _PLAIN:
        return None
    flows = evidence.flows
    if flows.tokens:
        return Kind.TOKEN_TRANSFER
    if flows.other_out_lamports or flows.received_lamports or evidence.legs:
        return Kind.SOL_TRANSFER
    if flows.tip_lamports:
        return Kind.TIP_ONLY
    if any(each.move is Move.OPEN for each in evidence.transaction.steps):
        return Kind.ATA_CREATE
    return Kind.SOL_TRANSFER if _sends(evidence.transaction.steps) else None


def _sends(steps: tuple[Step, ...]) -> bool:
    return any(each.move is Move.SEND for each in steps)


def _by_venue(evidence: _Evidence) -> Kind | None:
    if not evidence.has_venue and not evidence.routers:
        return Kind.REWARD_CLAIM if evidence.gains and not evidence.losses else None
    if not evidence.legs:
        is_book = not evidence.programs.isdisjoint(known.ORDER_BOOKS)
        return Kind.ORDERBOOK_OP if is_book else Kind.OTHERS_TRADE
    if len(evidence.legs) > 1:
        return Kind.LP_ADD if evidence.losses else Kind.LP_REMOVE
    return Kind.ONE_SIDED_SWAP
