"""Tip accounts, the tip floor and the rate limit of the block engine, as recorded on mainnet."""

import json
from pathlib import Path
from typing import Any

from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message
from solders.system_program import TransferParams, transfer
from solders.transaction import Transaction

from tests.cluster import Sandbox
from tests.sandbox.test_block_engine_bundles import BUNDLES, jito
from workers.sandbox.tip_floor import TipFloor

FLOOR = "/jito/api/v1/bundles/tip_floor"


def reply_of(recorded: Path, name: str) -> Any:
    return json.loads((recorded / "jito" / name).read_text())


def test_the_tip_accounts_are_mainnets(sandbox: Sandbox, recorded: Path):
    theirs = reply_of(recorded, "getTipAccounts_result.json")
    assert jito(sandbox, "getTipAccounts") == (200, theirs)


def test_the_tip_floor_has_the_recorded_shape_in_sol(sandbox: Sandbox, recorded: Path):
    [theirs] = reply_of(recorded, "tip_floor_2026-05-16.json")
    [ours] = json.loads(sandbox.exchange("GET", FLOOR)[1])
    assert set(ours) == set(theirs)
    rows = [ours[f"landed_tips_{each}th_percentile"] for each in (25, 50, 75, 95, 99)]
    assert rows == sorted(rows)
    assert 1e-7 < rows[1] < 1e-4
    assert ours["time"].endswith("+00:00")


def test_the_tip_floor_is_a_function_of_seed_and_minute():
    first, again, other = TipFloor(seed=1), TipFloor(seed=1), TipFloor(seed=2)
    assert first.as_json(1.8e9) == again.as_json(1.8e9 + 0.4)
    assert first.percentiles(1.8e9) != other.percentiles(1.8e9)
    assert first.percentiles(1.8e9) != first.percentiles(1.8e9 + 60)


def test_a_higher_tip_never_has_a_lower_chance():
    floor = TipFloor(seed=3)
    chances = [
        floor.landing_chance(int(10**exponent), unix_time=1.8e9) for exponent in range(3, 10)
    ]
    assert chances == sorted(chances)
    assert chances[0] < 0.5 < chances[-1]


def test_statuses_have_the_recorded_shape(sandbox: Sandbox, recorded: Path):
    theirs = reply_of(recorded, "getInflightBundleStatuses_result.json")["result"]
    ours = jito(sandbox, "getInflightBundleStatuses", ["ab" * 32])[1]["result"]
    assert set(ours) == set(theirs)
    assert set(ours["context"]) == set(theirs["context"])
    assert set(ours["value"][0]) == set(theirs["value"][0])


def test_recorded_requests_are_understood(sandbox: Sandbox, recorded: Path):
    """Their blockhashes are long dead, so each is refused in words, none with a shrug."""
    for file in sorted((recorded / "jito").glob("request_send*.json")):
        call = json.loads(file.read_text())
        path = BUNDLES if call["method"] == "sendBundle" else "/jito/api/v1/transactions"
        status, raw, _ = sandbox.exchange("POST", path, call)
        reply = json.loads(raw)
        assert reply["id"] == call["id"]
        if call["method"] == "sendBundle":
            assert (status, reply["error"]["code"]) == (400, -32602), file.name
        else:
            assert (status, len(reply["result"]) > 80) == (200, True), file.name


def test_a_second_request_within_a_second_is_limited_when_limits_are_on(
    sandbox: Sandbox, recorded: Path
):
    sandbox.control("POST", "block-engine", {"requests_per_second": 1})
    try:
        answers = [jito(sandbox, "getTipAccounts") for _ in range(2)]
    finally:
        sandbox.control("POST", "block-engine", {"requests_per_second": None})
    assert [status for status, _ in answers] == [200, 429]
    assert answers[1][1] == reply_of(recorded, "error_429_rate_limited.json")


def test_unknown_paths_and_methods_are_refused(sandbox: Sandbox):
    assert jito(sandbox, "getHealth")[1]["error"]["code"] == -32601
    assert sandbox.exchange("GET", BUNDLES)[0] == 404
    assert sandbox.exchange("POST", "/jito/api/v2/bundles", {})[0] == 404
    assert sandbox.exchange("POST", BUNDLES, b"{")[0] == 400


def test_a_forged_transaction_never_enters_an_auction(sandbox: Sandbox):
    keypair = Keypair()
    tip = transfer(
        TransferParams(
            from_pubkey=keypair.pubkey(),
            to_pubkey=keypair.pubkey(),
            lamports=5_000,
        )
    )
    unsigned = Transaction.new_unsigned(
        Message.new_with_blockhash([tip], keypair.pubkey(), Hash.default())
    )
    status, reply = jito(sandbox, "sendBundle", [list(bytes(unsigned))])
    assert (status, reply["error"]["code"]) == (400, -32602)
