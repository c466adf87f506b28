"""What the RPC is asked and how its answers are read, on recorded replies where there are some."""

import base64
import json as standard_json
from pathlib import Path
from typing import Any

import pytest
from solders.keypair import Keypair

from tests.gateways.outside import Answer, Outside, Script, Seen, envelope, result
from tests.gateways.samples import BONK, SAMPLES, SIGNATURE, WSOL, at_slot, signed_transfer
from trading.gateways.base import InvalidReply, Unavailable
from trading.gateways.connect import Gateways

TOKEN_PROGRAM = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"
TOKEN_2022 = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"


def replay(file: Path) -> Script:
    whole = standard_json.loads(file.read_text())
    return envelope(**{name: whole[name] for name in ("result", "error") if name in whole})


def asked(outside: Outside) -> list[tuple[str, list[Any]]]:
    return [(seen.json["method"], seen.json["params"]) for seen in outside.seen]


async def test_a_transaction_is_asked_for_with_versions_up_to_one(
    gateways: Gateways, outside: Outside
) -> None:
    outside.will(result(None))
    assert await gateways.rpc.transaction(SIGNATURE) is None
    options = {
        "encoding": "json",
        "commitment": "confirmed",
        "maxSupportedTransactionVersion": 1,
    }
    assert asked(outside) == [("getTransaction", [SIGNATURE, options])]


async def test_every_recorded_transaction_comes_through_unchanged(
    gateways: Gateways, outside: Outside, recorded: Path
) -> None:
    files = sorted((recorded / "raw").glob("*.json"))
    assert len(files) > 100
    for file in files:
        whole = standard_json.loads(file.read_text())
        outside.will(result(whole))
        assert await gateways.rpc.transaction(file.stem) == whole


async def test_recorded_mint_accounts_are_read_to_the_byte(
    gateways: Gateways, outside: Outside, recorded: Path
) -> None:
    files = sorted((recorded / "accounts" / "mints").glob("*.json"))
    for file in [file for file in files if "jsonParsed" not in file.name]:
        reply = standard_json.loads(file.read_text())["result"]
        reply["context"].setdefault("slot", 1)
        outside.will(result(reply))
        account = await gateways.rpc.account(file.stem)
        assert account is not None
        assert account.owner in (TOKEN_PROGRAM, TOKEN_2022)
        assert base64.b64encode(account.data).decode() == reply["value"]["data"][0]
        assert len(account.data) >= 82


async def test_a_recorded_account_parsed_by_the_node_is_not_what_was_asked(
    gateways: Gateways, outside: Outside, recorded: Path
) -> None:
    outside.will(replay(recorded / "accounts" / "mints" / f"{BONK}_jsonParsed.json"))
    with pytest.raises(InvalidReply):
        await gateways.rpc.account(BONK)


async def test_recorded_holders_are_read(
    gateways: Gateways, outside: Outside, recorded: Path
) -> None:
    outside.will(replay(recorded / "accounts" / "rpc" / "getTokenLargestAccounts_docs.json"))
    assert await gateways.rpc.token_largest_accounts(BONK) == [
        ("FYjHNoFtSQ5uijKrZFyYAxvEr87hsKXkXcxkcmkBAf4r", 771),
        ("BnsywxTcaYeNUtzrPxQUvzAWxfzZe3ZLUJ4wMMuLESnu", 229),
    ]


async def test_a_recorded_overload_is_unavailable(
    gateways: Gateways, outside: Outside, recorded: Path
) -> None:
    outside.will(replay(recorded / "accounts" / "rpc" / "getTokenLargestAccounts_error.json"))
    with pytest.raises(Unavailable):
        await gateways.rpc.token_largest_accounts(BONK)


async def test_holdings_are_those_of_both_token_programs(
    gateways: Gateways, outside: Outside
) -> None:
    def answer(seen: Seen) -> Answer:
        program = seen.json["params"][1]["programId"]
        reply = standard_json.loads(standard_json.dumps(SAMPLES["getTokenAccountsByOwner"]))
        reply["value"][0]["account"]["owner"] = program
        return result(reply)(seen)

    outside.will(answer)
    holdings = await gateways.rpc.token_holdings(WSOL)
    assert [holding.token_program for holding in holdings] == [TOKEN_PROGRAM, TOKEN_2022]
    assert {(h.mint, h.amount_raw, h.decimals) for h in holdings} == {(BONK, 12, 5)}


async def test_a_recorded_parsed_listing_of_holdings_is_read(
    gateways: Gateways, outside: Outside, recorded: Path
) -> None:
    file = recorded / "accounts" / "token_accounts_by_owner" / "mm5G1iYs_258197396_9df88333.json"
    rows = standard_json.loads(file.read_text())["result"]["value"]
    outside.will(replay(file))
    holdings = await gateways.rpc.token_holdings(WSOL)
    amounts = [
        int(row["account"]["data"]["parsed"]["info"]["tokenAmount"]["amount"]) for row in rows
    ]
    assert [holding.amount_raw for holding in holdings] == amounts * 2


async def test_statuses_keep_their_order_and_their_errors(
    gateways: Gateways, outside: Outside
) -> None:
    outside.will(result(SAMPLES["getSignatureStatuses"]))
    first, second = await gateways.rpc.signature_statuses([SIGNATURE, "b"])
    assert second is None
    assert first is not None
    assert (first.slot, first.confirmation_status) == (99, "finalized")
    assert first.err == {"InstructionError": [0, {"Custom": 6001}]}
    assert asked(outside)[0][1][1] == {"searchTransactionHistory": True}


@pytest.mark.parametrize(("confirmations", "level"), [(None, "finalized"), (5, "processed")])
async def test_a_status_without_a_level_is_rooted_or_processed(
    gateways: Gateways, outside: Outside, confirmations: int | None, level: str
) -> None:
    row = {"slot": 1, "confirmations": confirmations, "err": None}
    outside.will(result(at_slot([row])))
    [status] = await gateways.rpc.signature_statuses(["a"])
    assert status is not None
    assert status.confirmation_status == level


async def test_many_signatures_are_asked_256_at_a_time(
    gateways: Gateways, outside: Outside
) -> None:
    def answer(seen: Seen) -> Answer:
        return result(at_slot([None] * len(seen.json["params"][0])))(seen)

    outside.will(answer)
    found = await gateways.rpc.signature_statuses([str(number) for number in range(600)])
    assert found == [None] * 600
    assert [len(params[0]) for _, params in asked(outside)] == [256, 256, 88]


async def test_many_accounts_are_asked_100_at_a_time(gateways: Gateways, outside: Outside) -> None:
    def answer(seen: Seen) -> Answer:
        return result(at_slot([None] * len(seen.json["params"][0])))(seen)

    outside.will(answer)
    assert await gateways.rpc.accounts([str(number) for number in range(201)]) == [None] * 201
    assert [len(params[0]) for _, params in asked(outside)] == [100, 100, 1]


async def test_fewer_answers_than_questions_are_an_invalid_reply(
    gateways: Gateways, outside: Outside
) -> None:
    outside.will(result(at_slot([None])))
    with pytest.raises(InvalidReply):
        await gateways.rpc.signature_statuses(["a", "b"])
    with pytest.raises(InvalidReply):
        await gateways.rpc.accounts(["a", "b"])


async def test_history_is_asked_for_page_by_page(gateways: Gateways, outside: Outside) -> None:
    outside.will(result(SAMPLES["getSignaturesForAddress"]))
    rows = await gateways.rpc.signatures_for_address(WSOL, limit=10, before="b", until="u")
    assert rows == SAMPLES["getSignaturesForAddress"]
    options = {"limit": 10, "before": "b", "until": "u", "commitment": "confirmed"}
    assert asked(outside) == [("getSignaturesForAddress", [WSOL, options])]


async def test_a_simulation_needs_neither_signature_nor_blockhash(
    gateways: Gateways, outside: Outside
) -> None:
    wire = signed_transfer(Keypair())
    outside.will(result(SAMPLES["simulateTransaction"]))
    simulation = await gateways.rpc.simulate_transaction(wire, accounts=[WSOL])
    assert (simulation.err, simulation.units_consumed, simulation.logs) == (
        None,
        150,
        ("Program log",),
    )
    [account] = simulation.accounts
    assert account is not None
    assert account.data == b"\x01\x02\x03"
    [(_, (sent, options))] = asked(outside)
    assert base64.b64decode(sent) == wire
    assert (options["sigVerify"], options["replaceRecentBlockhash"]) == (False, True)
    assert options["accounts"] == {"encoding": "base64", "addresses": [WSOL]}


async def test_a_failed_simulation_has_an_error_and_no_accounts(
    gateways: Gateways, outside: Outside
) -> None:
    failed = {"err": "AccountNotFound", "logs": None, "unitsConsumed": None, "accounts": None}
    outside.will(result(at_slot(failed)))
    simulation = await gateways.rpc.simulate_transaction(b"", accounts=[WSOL])
    assert (simulation.err, simulation.accounts) == ("AccountNotFound", (None,))


async def test_an_unhealthy_node_is_unavailable(gateways: Gateways, outside: Outside) -> None:
    outside.will(result("behind"))
    with pytest.raises(Unavailable):
        await gateways.rpc.health()
