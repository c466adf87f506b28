"""Honest books break no invariant, and every kind of lie breaks the one that is about it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.chaos.conftest import Gather
from tests.journeys.trades import Traded
from trading.domain.lifecycle import SignalStatus
from trading.domain.values import Action
from workers.chaos.evidence import Evidence
from workers.chaos.invariants import Check, judge

Lie = Callable[[Evidence], Evidence]


def broken(evidence: Evidence) -> set[str]:
    return {check.name for check in judge(evidence) if not check.holds}


async def test_honest_books_break_nothing_and_everything_was_looked_at(gather: Gather) -> None:
    checks = {check.name: check for check in judge(await gather())}
    assert [check for check in checks.values() if not check.holds] == []
    assert all(check.count > 0 for check in checks.values()), checks
    counted = {name: check.count for name, check in checks.items()}
    assert counted["no signal was bought twice"] == 3
    assert counted["no sell of more than was held"] == 2
    assert counted["PnL of every closed position is the sum of its balance changes"] == 1
    assert counted["the wallet's balance is the sum of its changes"] == 7


def signal_where(evidence: Evidence, **columns: Any) -> Any:
    return next(
        row
        for row in evidence.signals.values()
        if all(getattr(row, name) == value for name, value in columns.items())
    )


def without_a_row(evidence: Evidence) -> Evidence:
    gone = next(iter(evidence.signals))
    return replace(evidence, sent=replace(evidence.sent, accepted=frozenset({str(gone), "lost"})))


def unfinished(evidence: Evidence) -> Evidence:
    signal_where(evidence, action=Action.BUY).status = SignalStatus.EXECUTING
    return evidence


def bought_twice(evidence: Evidence) -> Evidence:
    buys = [row for row in evidence.submissions if row.action == Action.BUY]
    buys[0].signal_id = buys[1].signal_id
    return evidence


def twice_in_the_queue(evidence: Evidence) -> Evidence:
    one, two = [row for row in evidence.signals.values() if row.action == Action.BUY][:2]
    two.provider_trade_uuid = one.provider_trade_uuid
    named = {one.provider_trade_uuid: frozenset({str(one.pk), str(two.pk)})}
    return replace(evidence, sent=replace(evidence.sent, named=named))


def told_another_name(evidence: Evidence) -> Evidence:
    name, uuids = next(iter(evidence.sent.named.items()))
    named = {**evidence.sent.named, name: uuids | {"another"}}
    return replace(evidence, sent=replace(evidence.sent, named=named))


def not_written_down(evidence: Evidence) -> Evidence:
    landed = [row for row in evidence.submissions if row.status == "FAILED"]
    return replace(evidence, submissions=[row for row in evidence.submissions if row not in landed])


def said_to_have_landed(evidence: Evidence) -> Evidence:
    evidence.submissions[0].signature = "1" * 64
    return evidence


def in_another_slot(evidence: Evidence) -> Evidence:
    evidence.submissions[0].slot += 1
    return evidence


def oversold(evidence: Evidence) -> Evidence:
    """As if the full sell had been of the position that was only half sold before."""
    sells = [row for row in evidence.submissions if row.action == Action.SELL]
    sells[0].position_id = sells[1].position_id
    sells[0].mint = sells[1].mint
    signatures = {sells[0].signature, sells[1].signature}
    entries = [
        replace(entry, tokens={sells[1].mint: -(10**18)})
        if entry.signature in signatures
        else entry
        for entry in evidence.ledger.entries
    ]
    return replace(evidence, ledger=replace(evidence.ledger, entries=entries))


def held_and_not_open(evidence: Evidence) -> Evidence:
    ledger = replace(evidence.ledger, held_raw={**evidence.ledger.held_raw, "unknown": 1})
    return replace(evidence, ledger=ledger)


def open_and_not_held(evidence: Evidence) -> Evidence:
    return replace(evidence, ledger=replace(evidence.ledger, held_raw={}))


def one_lamport_too_much(evidence: Evidence) -> Evidence:
    closed = next(row for row in evidence.positions if row.status == "CLOSED")
    closed.realised_pnl_lamports += 1
    return evidence


def money_from_nowhere(evidence: Evidence) -> Evidence:
    ledger = replace(evidence.ledger, balance_lamports=evidence.ledger.balance_lamports + 1)
    return replace(evidence, ledger=ledger)


def denied_exit(evidence: Evidence) -> Evidence:
    row = signal_where(evidence, action=Action.SELL)
    row.status, row.code = SignalStatus.REJECTED, "ENTRIES_HALTED"
    return evidence


def exit_called_needless(evidence: Evidence) -> Evidence:
    held = next(row for row in evidence.positions if row.status == "ACTIVE")
    row = signal_where(evidence, action=Action.SELL)
    row.status, row.code, row.mint = SignalStatus.SKIPPED, "NO_POSITION", held.mint
    return evidence


def in_flight(evidence: Evidence) -> Evidence:
    evidence.submissions[-1].status = "IN_FLIGHT"
    return evidence


def half_sold(evidence: Evidence) -> Evidence:
    evidence.positions[0].status = "EXITING"
    return evidence


def nobody_watches(evidence: Evidence) -> Evidence:
    return replace(evidence, now=evidence.now + timedelta(minutes=2))


LIES: dict[Lie, str] = {
    without_a_row: "every accepted signal has an end",
    unfinished: "every accepted signal has an end",
    bought_twice: "no signal was bought twice",
    twice_in_the_queue: "duplicates made one signal",
    told_another_name: "duplicates made one signal",
    not_written_down: "nothing of ours is on the chain that is not in the books",
    said_to_have_landed: "what the books call landed or failed is on the chain, in that slot, and nothing else",
    in_another_slot: "what the books call landed or failed is on the chain, in that slot, and nothing else",
    oversold: "no sell of more than was held",
    held_and_not_open: "open positions are what the chain holds, both ways",
    open_and_not_held: "open positions are what the chain holds, both ways",
    one_lamport_too_much: "PnL of every closed position is the sum of its balance changes",
    money_from_nowhere: "the wallet's balance is the sum of its changes",
    denied_exit: "every exit ended sold, or with nothing left to sell",
    exit_called_needless: "every exit ended sold, or with nothing left to sell",
    in_flight: "nothing is left that nobody is responsible for",
    half_sold: "nothing is left that nobody is responsible for",
    nobody_watches: "nothing is left that nobody is responsible for",
}


async def test_every_lie_is_found(gather: Gather) -> None:
    for lie, name in LIES.items():
        assert name in broken(lie(await gather())), lie.__name__


async def test_a_dead_letter_leaves_its_name_to_another_signal(gather: Gather) -> None:
    evidence = twice_in_the_queue(await gather())
    assert "duplicates made one signal" in broken(evidence)
    signal_where(evidence, action=Action.BUY).status = SignalStatus.DEAD_LETTER
    assert "duplicates made one signal" not in broken(evidence)


async def test_what_the_books_and_the_chain_disagree_about_is_found(
    traded: Traded, gather: Gather
) -> None:
    evidence = await gather()
    traded.us.send(traded.us.pay(traded.us.sandbox.funded_keypair().pubkey(), 5_000_000))
    assert broken(evidence) == set()
    assert broken(await gather()) >= {
        "nothing of ours is on the chain that is not in the books",
        "books equal the chain to the lamport",
    }


def test_a_check_holds_only_without_a_finding() -> None:
    assert Check(name="x", count=1, broken=()).holds
    assert not Check(name="x", count=1, broken=("y",)).holds


@pytest.mark.parametrize("code", ["NO_POSITION", "POSITION_CLOSED", "TIER_TAKEN"])
async def test_an_exit_with_nothing_left_to_sell_is_no_blocked_one(
    gather: Gather, code: str
) -> None:
    evidence = await gather()
    closed = next(row for row in evidence.positions if row.status == "CLOSED")
    row = signal_where(evidence, action=Action.SELL)
    row.status, row.code, row.mint = SignalStatus.SKIPPED, code, closed.mint
    row.finished_at = closed.closed_at + timedelta(seconds=1)
    assert broken(evidence) == set()
