"""Compares the parser with hand-checked readings of recorded mainnet transactions, field by field.

The folder holds truth.csv with raw/, and helius_truth.csv with what its `path` column names; its README defines the
columns. Nothing recorded is kept by the project itself.
"""

import csv
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trading.domain.replies import unwrap
from trading.domain.swaps import ParsedTransaction, TransactionUnreadable, parse_swap
from trading.domain.values import WSOL_MINT
from trading.gateways.jito import TIP_ACCOUNTS

# Where the truth has a narrower word for what the parser calls by a wider one.
WIDER_KINDS = {
    "PDA_BOT_TRADE": "OTHERS_TRADE",
    "SMART_WALLET_SWAP": "OTHERS_TRADE",
    "LP_FEE_CLAIM": "OTHERS_TRADE",
    "KAMINO_CRANK": "LENDING",
    "VA_WITHDRAW": "SCHEDULED_ORDER",
    "NFT_LISTING": "NFT_OTHER",
    "NFT_AUCTION_BID": "NFT_OTHER",
    "NFT_AUCTION_CLAIM": "NFT_OTHER",
    "MIGRATE_AND_SELL": "SWAP",
}
_TIPS = frozenset(TIP_ACCOUNTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One wallet in one transaction. `differences` tells by field (ours, theirs); empty when all agree.

    `labels` are differences in words alone (class, venues, router), which say nothing about money.
    """

    signature: str
    role: str
    kind: str
    venues: tuple[str, ...]
    is_ambiguous: bool
    differences: dict[str, tuple[str, str]]
    labels: dict[str, tuple[str, str]]

    @property
    def agrees(self) -> bool:
        return not self.differences


def compare_truth(folder: Path) -> list[Comparison]:
    """Every row of truth.csv: the transaction as a node gave it, read for the row's owner."""
    return [_compare_row(folder, row) for row in _rows(folder / "truth.csv")]


def compare_enhanced(folder: Path) -> list[Comparison]:
    """Every row of helius_truth.csv, read for who paid the fee."""
    return [_compare_enhanced_row(folder, row) for row in _rows(folder / "helius_truth.csv")]


def measure_speed(folder: Path, *, seconds: float) -> float:
    """Transactions parsed a second of processor time: all of raw/, already JSON in memory, for `seconds`."""
    transactions = [json.loads(file.read_bytes()) for file in sorted(folder.glob("raw/*.json"))]
    count, started = 0, time.process_time()
    while time.process_time() - started < seconds:
        for transaction in transactions:
            parse_swap(transaction, tip_accounts=_TIPS)
        count += len(transactions)
    return count / (time.process_time() - started)


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        yield from csv.DictReader(lines)


def _parsed(file: Path, wallet: str | None) -> ParsedTransaction | str:
    """The transaction read for `wallet`, or why it cannot be."""
    try:
        [transaction] = unwrap(json.loads(file.read_bytes()))
        return parse_swap(transaction, wallet=wallet, tip_accounts=_TIPS)
    except (OSError, TransactionUnreadable) as error:
        return str(error)


def _compare_row(folder: Path, row: Mapping[str, str]) -> Comparison:
    parsed = _parsed(folder / "raw" / f"{row['signature']}.json", row["owner"])
    return Comparison(
        signature=row["signature"],
        role=row["role"],
        kind=row["cls"],
        venues=_split(row["dex"]),
        is_ambiguous=row["ambiguous"] == "1",
        differences=_unreadable(parsed) or _differences(_ours(parsed), row),
        labels={} if isinstance(parsed, str) else _labels(parsed, row),
    )


def _unreadable(parsed: ParsedTransaction | str) -> dict[str, tuple[str, str]]:
    return {"read": (parsed, "a transaction")} if isinstance(parsed, str) else {}


def _differences(
    ours: Mapping[str, object], theirs: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """Of the columns that the truth has."""
    return {
        name: (_text(value), theirs[name])
        for name, value in ours.items()
        if _text(value) != theirs.get(name, _text(value))
    }


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _ours(parsed: ParsedTransaction | str) -> dict[str, object]:
    if isinstance(parsed, str):
        return {}
    return {
        "is_swap": parsed.is_swap,
        "direction": parsed.direction,
        "base_mint": parsed.base_mint,
        "base_delta_raw": parsed.base_delta_raw,
        "token_mint": parsed.token_mint,
        "token_delta_raw": parsed.token_delta_raw,
        "token_decimals": parsed.token_decimals,
        "network_fee": parsed.network_fee_lamports,
        "jito_tip": parsed.jito_tip_lamports,
        "platform_fee_or_other_out": parsed.other_out_lamports,
        "rent_paid": parsed.rent_paid_lamports,
        "rent_refunded": parsed.rent_refunded_lamports,
        "err": None if parsed.error is None else json.dumps(parsed.error),
    }


def _labels(parsed: ParsedTransaction, row: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    pairs = {
        "class": (parsed.kind.value, row["cls"]),
        "venues": ("+".join(sorted(parsed.venues)), "+".join(sorted(_split(row["dex"])))),
        "router": (
            "+".join(sorted(_split(parsed.router))),
            "+".join(sorted(_split(row["router"]))),
        ),
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _split(joined: str) -> tuple[str, ...]:
    return tuple(each for each in joined.split("+") if each)


def _compare_enhanced_row(folder: Path, row: Mapping[str, str]) -> Comparison:
    parsed = _parsed(folder / row["path"], None)
    return Comparison(
        signature=row["signature"],
        role=row["type"],
        kind=row["type"],
        venues=(row["source"],),
        is_ambiguous=False,
        differences=_unreadable(parsed) or _enhanced_differences(parsed, row),
        labels={},
    )


def _enhanced_differences(
    parsed: ParsedTransaction | str, row: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """Their SOL still holds tip and plain payments; of what is no swap, also the rent of others' accounts."""
    if isinstance(parsed, str):
        return {}
    legs = {leg.mint: leg.delta_raw for leg in parsed.legs}
    sol = legs.pop(WSOL_MINT, 0) - parsed.jito_tip_lamports - parsed.other_out_lamports
    theirs = int(row["sol_delta_net_of_fee_and_rent"])
    rent = parsed.rent_paid_lamports - parsed.rent_refunded_lamports
    if not parsed.is_swap:
        sol, theirs = sol - rent, theirs - int(row["ata_rent_lamports"])
    ours = {
        "is_swap": parsed.is_swap,
        "direction": parsed.direction,
        "network_fee": parsed.network_fee_lamports,
        "sol": sol,
        "tokens": sorted(legs.items()),
    }
    told = _tokens(row["token_deltas"])
    return _differences(ours, {**row, "sol": str(theirs), "tokens": str(told)})


def _tokens(told: str) -> list[tuple[str, int]]:
    """`mint:raw:decimals; …`"""
    parts = [each.strip().split(":") for each in told.split(";") if each.strip()]
    return sorted((mint, int(raw)) for mint, raw, _ in parts)


def as_lines(title: str, comparisons: list[Comparison]) -> list[str]:
    """Agreement by class and venue, then every disagreement, then the words that differ."""
    certain = [each for each in comparisons if not each.is_ambiguous]
    lines = [f"{title}: {_share(certain)}, and {len(comparisons) - len(certain)} ambiguous"]
    lines += _table("class", [(each, (each.kind,)) for each in certain])
    lines += _table("venue", [(each, each.venues or ("(none)",)) for each in certain])
    for each in comparisons:
        if not each.agrees:
            mark = "ambiguous" if each.is_ambiguous else "DISAGREES"
            lines.append(
                f"{mark} {each.signature} {each.role} {each.kind}: {_told(each.differences)}"
            )
    return lines + _words(comparisons)


def _share(comparisons: list[Comparison]) -> str:
    agreeing = sum(each.agrees for each in comparisons)
    percent = 100 * agreeing / len(comparisons) if comparisons else 0
    return f"{agreeing} of {len(comparisons)} agree ({percent:.2f} %)"


def _table(heading: str, grouped: list[tuple[Comparison, tuple[str, ...]]]) -> Iterator[str]:
    members: dict[str, list[Comparison]] = defaultdict(list)
    for comparison, groups in grouped:
        for group in groups:
            members[group].append(comparison)
    yield f"  by {heading}:"
    for group, found in sorted(members.items()):
        yield f"    {group:32} {sum(each.agrees for each in found):4} of {len(found)}"


def _told(pairs: Mapping[str, tuple[str, str]]) -> str:
    return "; ".join(f"{name} {ours!r}, truth {theirs!r}" for name, (ours, theirs) in pairs.items())


def _words(comparisons: list[Comparison]) -> list[str]:
    lines = []
    for each in comparisons:
        for name, (ours, theirs) in each.labels.items():
            is_wider = name == "class" and WIDER_KINDS.get(theirs) == ours
            remark = " (a wider word)" if is_wider else ""
            lines.append(
                f"  word {each.signature[:12]}… {name}: {ours or '-'} for {theirs or '-'}{remark}"
            )
    return lines
