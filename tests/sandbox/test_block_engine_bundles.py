"""Bundles land whole in one slot or not at all; ids, statuses and refusals are the engine's."""

import hashlib
import json
from typing import Any

import pytest
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.transaction import VersionedTransaction

from tests.cluster import Sandbox
from tests.sandbox.payer import TIP_ACCOUNT, Payer, in_base64
from workers.sandbox.base58 import encode

BUNDLES = "/jito/api/v1/bundles"


def jito(sandbox: Sandbox, method: str, *params: Any, path: str = BUNDLES) -> tuple[int, Any]:
    call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    status, raw, _ = sandbox.exchange("POST", path, call)
    return status, json.loads(raw)


def send(sandbox: Sandbox, *transactions: VersionedTransaction) -> tuple[int, Any]:
    wires = [in_base64(each) for each in transactions]
    return jito(sandbox, "sendBundle", wires, {"encoding": "base64"})


def inflight(sandbox: Sandbox, bundle_id: str) -> Any:
    return jito(sandbox, "getInflightBundleStatuses", [bundle_id])[1]["result"]["value"][0]


def landed(sandbox: Sandbox, bundle_id: str) -> Any:
    return jito(sandbox, "getBundleStatuses", [bundle_id])[1]["result"]["value"][0]


def balance(sandbox: Sandbox, address: object) -> int:
    config = {"commitment": "processed"}
    return int(sandbox.rpc("getBalance", str(address), config)["result"]["value"])


def pay_and_tip(payer: Payer, receiver: Any, lamports: int = 10**6) -> list[VersionedTransaction]:
    blockhash = payer.blockhash("finalized")
    return [
        payer.sign(payer.pay(receiver, lamports), blockhash=blockhash),
        payer.sign(payer.tip(), blockhash=blockhash),
    ]


def test_a_bundle_lands_in_one_slot(payer: Payer):
    receiver = Keypair().pubkey()
    transactions = pay_and_tip(payer, receiver)
    status, reply = send(payer.sandbox, *transactions)
    signatures = [str(each.signatures[0]) for each in transactions]
    assert status == 200
    assert reply["result"] == hashlib.sha256(",".join(signatures).encode()).hexdigest()
    row = landed(payer.sandbox, reply["result"])
    assert row["transactions"] == signatures
    assert row["err"] == {"Ok": None}
    statuses = payer.sandbox.rpc("getSignatureStatuses", signatures)["result"]["value"]
    assert {each["slot"] for each in statuses} == {row["slot"]}
    assert inflight(payer.sandbox, reply["result"])["landed_slot"] == row["slot"]
    assert balance(payer.sandbox, receiver) == 10**6


def test_a_bundle_with_one_failure_leaves_no_trace(payer: Payer):
    receiver = Keypair().pubkey()
    blockhash = payer.blockhash()
    before = balance(payer.sandbox, payer.address)
    good = payer.sign(payer.pay(receiver, 10**6), payer.tip(), blockhash=blockhash)
    bad = payer.sign(payer.pay(receiver, 10**15), blockhash=blockhash)
    bundle_id = send(payer.sandbox, good, bad)[1]["result"]
    assert inflight(payer.sandbox, bundle_id)["status"] == "Failed"
    assert landed(payer.sandbox, bundle_id) is None
    assert balance(payer.sandbox, receiver) == 0
    assert balance(payer.sandbox, payer.address) == before
    statuses = payer.sandbox.rpc("getSignatureStatuses", [str(good.signatures[0])])
    assert statuses["result"]["value"] == [None]


def test_base58_is_assumed_without_an_encoding(payer: Payer):
    transaction = payer.sign(payer.tip())
    status, reply = jito(payer.sandbox, "sendBundle", [encode(bytes(transaction))])
    assert status == 200
    assert inflight(payer.sandbox, reply["result"])["status"] == "Landed"
    status, reply = jito(payer.sandbox, "sendBundle", [in_base64(payer.sign(payer.tip(2_000)))])
    assert (status, reply["error"]["code"]) == (400, -32602)


def message_of(reply: Any) -> str:
    return str(reply["error"]["message"])


def test_a_bundle_without_tip_account_is_refused(payer: Payer):
    status, reply = send(payer.sandbox, payer.sign(payer.pay(Keypair().pubkey(), 10**6)))
    assert status == 400
    assert "write lock at least one tip account" in message_of(reply)


def test_a_tip_below_1000_lamports_is_refused(payer: Payer):
    status, reply = send(payer.sandbox, payer.sign(payer.tip(999)))
    assert (status, "1000 lamports" in message_of(reply)) == (400, True)


def test_a_tip_account_from_a_lookup_table_does_not_count(payer: Payer):
    table = AddressLookupTableAccount(key=Keypair().pubkey(), addresses=[TIP_ACCOUNT])
    message = MessageV0.try_compile(payer.address, [payer.tip()], [table], payer.blockhash())
    transaction = VersionedTransaction(message, [payer.keypair])
    status, reply = send(payer.sandbox, transaction)
    assert status == 400
    assert "tip account" in message_of(reply)


@pytest.mark.parametrize("count", [0, 6])
def test_a_bundle_has_one_to_five_transactions(payer: Payer, count: int):
    transactions = [payer.sign(payer.tip(5_000 + each)) for each in range(count)]
    status, reply = send(payer.sandbox, *transactions)
    assert (status, reply["error"]["code"]) == (400, -32602)


def test_what_landed_already_is_refused(payer: Payer):
    transaction = payer.sign(payer.tip())
    assert send(payer.sandbox, transaction)[0] == 200
    status, reply = send(payer.sandbox, transaction)
    assert status == 400
    assert "already processed" in message_of(reply)


def test_an_expired_bundle_is_refused(payer: Payer):
    transaction = payer.sign(payer.tip())
    payer.sandbox.advance(slots=160)
    status, reply = send(payer.sandbox, transaction)
    assert status == 400
    assert "expired blockhash" in message_of(reply)


def test_an_unknown_bundle_is_invalid_and_null(sandbox: Sandbox):
    unknown = "ab" * 32
    assert inflight(sandbox, unknown) == {
        "bundle_id": unknown,
        "status": "Invalid",
        "landed_slot": None,
    }
    assert landed(sandbox, unknown) is None


def test_after_five_minutes_a_bundle_is_no_longer_in_flight(payer: Payer):
    bundle_id = send(payer.sandbox, payer.sign(payer.tip()))[1]["result"]
    payer.sandbox.advance(seconds=301)
    assert inflight(payer.sandbox, bundle_id)["status"] == "Invalid"
    assert landed(payer.sandbox, bundle_id)["confirmation_status"] == "finalized"


def test_at_most_five_statuses_are_told_at_once(sandbox: Sandbox):
    status, reply = jito(sandbox, "getBundleStatuses", ["a"] * 6)
    assert (status, reply["error"]["code"]) == (400, -32602)


def test_a_pending_bundle_lands_when_a_slot_opens(slot_payer: Payer):
    sandbox = slot_payer.sandbox
    bundle_id = send(sandbox, slot_payer.sign(slot_payer.tip()))[1]["result"]
    assert inflight(sandbox, bundle_id)["status"] == "Pending"
    assert landed(sandbox, bundle_id) is None
    sandbox.advance(slots=1)
    assert inflight(sandbox, bundle_id)["status"] == "Landed"
    assert landed(sandbox, bundle_id)["confirmation_status"] == "processed"


def test_a_fork_takes_a_landed_bundle_back(slot_payer: Payer):
    sandbox = slot_payer.sandbox
    bundle_id = send(sandbox, slot_payer.sign(slot_payer.tip()))[1]["result"]
    sandbox.advance(slots=1)
    sandbox.control("POST", "fork", {"slots": 1})
    assert inflight(sandbox, bundle_id)["status"] == "Failed"
    assert landed(sandbox, bundle_id) is None


def test_a_low_tip_wins_the_auction_less_often(slot_payer: Payer):
    sandbox = slot_payer.sandbox
    sandbox.control("POST", "block-engine", {"has_auction": True})
    cheap = [slot_payer.sign(slot_payer.tip(1_000 + each)) for each in range(30)]
    dear = [slot_payer.sign(slot_payer.tip(10**7 + each)) for each in range(30)]
    ids = [send(sandbox, each)[1]["result"] for each in [*cheap, *dear]]
    sandbox.advance(slots=1)
    states = [inflight(sandbox, each)["status"] for each in ids]
    assert states[:30].count("Landed") < states[30:].count("Landed")
    assert states[30:].count("Landed") >= 25


def test_a_transaction_of_its_own_is_sent_without_preflight(payer: Payer):
    transaction = payer.sign(payer.pay(Keypair().pubkey(), 10**6))
    config = {"encoding": "base64"}
    path = "/jito/api/v1/transactions"
    status, reply = jito(
        payer.sandbox, "sendTransaction", in_base64(transaction), config, path=path
    )
    assert (status, reply["result"]) == (200, str(transaction.signatures[0]))
    statuses = payer.sandbox.rpc("getSignatureStatuses", [reply["result"]])["result"]["value"]
    assert statuses[0]["err"] is None


def test_bundle_only_protects_from_paying_for_a_failure(payer: Payer):
    path = "/jito/api/v1/transactions?bundleOnly=true"
    bad = payer.sign(payer.pay(Keypair().pubkey(), 10**15), payer.tip())
    before = balance(payer.sandbox, payer.address)
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "sendTransaction",
        "params": [in_base64(bad), {"encoding": "base64"}],
    }
    status, raw, headers = payer.sandbox.exchange("POST", path, call)
    assert (status, json.loads(raw)["result"]) == (200, str(bad.signatures[0]))
    assert inflight(payer.sandbox, headers["x-bundle-id"])["status"] == "Failed"
    assert balance(payer.sandbox, payer.address) == before
