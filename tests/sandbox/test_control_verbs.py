"""The control routes move time, money and switches, and refuse what cannot be done."""

import pytest
from solders.keypair import Keypair

from tests.cluster import Refused, Sandbox
from tests.sandbox.payer import Payer


def test_health_tells_slot_mode_and_history(sandbox: Sandbox):
    health = sandbox.control("GET", "health")
    assert health["status"] == "ok"
    assert health["mode"] == "instant"
    assert health["history"] == {"done": True, "progress": 1.0}
    assert health["unix_time"] > 1_700_000_000


def test_funding_is_a_transfer_the_ledger_shows(sandbox: Sandbox):
    address = Keypair().pubkey()
    signature = sandbox.fund(address, 123_456_789)
    rows = sandbox.rpc("getSignaturesForAddress", str(address), {"commitment": "confirmed"})
    assert [each["signature"] for each in rows["result"]] == [signature]


def test_slots_make_blocks_and_seconds_only_move_the_clock(sandbox: Sandbox):
    def height_and_time() -> tuple[int, int]:
        height = sandbox.rpc("getBlockHeight", {"commitment": "processed"})["result"]
        return height, sandbox.control("GET", "health")["unix_time"]

    height, seconds = height_and_time()
    sandbox.advance(seconds=3_600)
    later_height, later = height_and_time()
    assert later >= seconds + 3_600
    assert later_height < height + 10
    sandbox.advance(slots=20)
    assert height_and_time()[0] >= later_height + 20


def test_the_state_hash_changes_with_the_state(sandbox: Sandbox):
    before = sandbox.control("GET", "state")
    sandbox.fund(Keypair().pubkey())
    after = sandbox.control("GET", "state")
    assert after["state_hash"] != before["state_hash"]
    assert after["transactions"] == before["transactions"] + 1


def test_a_fork_takes_back_a_processed_transaction_and_its_blockhash(slot_payer: Payer):
    sandbox, receiver = slot_payer.sandbox, Keypair().pubkey()
    signature = slot_payer.send(slot_payer.pay(receiver, 10**6))
    sandbox.advance(slots=1)
    statuses: tuple[str, list[str]] = ("getSignatureStatuses", [signature])
    assert sandbox.rpc(*statuses)["result"]["value"][0]["confirmationStatus"] == "processed"
    sandbox.control("POST", "fork", {"slots": 1})
    assert sandbox.rpc(*statuses)["result"]["value"] == [None]
    assert sandbox.rpc("getBalance", str(receiver))["result"]["value"] == 0


def test_confirmed_slots_never_roll_back(sandbox: Sandbox):
    sandbox.fund(Keypair().pubkey())
    with pytest.raises(Refused) as refused:
        sandbox.control("POST", "fork", {"slots": 50})
    assert refused.value.status == 409


def test_the_market_can_be_frozen_and_moved(sandbox: Sandbox):
    token = sandbox.tokens("memecoin")[0]
    assert sandbox.control("POST", "market", {"running": False})["running"] is False
    before = sandbox.control("GET", "state")["transactions"]
    moved = sandbox.control("POST", f"market/{token['mint']}/price", {"factor": 1.5})
    assert moved["price_sol"] > 0
    assert sandbox.control("GET", "state")["transactions"] > before
    assert sandbox.control("POST", "market", {"running": True})["running"] is True


REFUSED = {
    "unknown route": ("POST", "nothing", {}, 404),
    "unknown mint": ("POST", "market/nonsense/price", {"factor": 2}, 404),
    "no factor": ("POST", "market/nonsense/price", {}, 422),
    "no leader": ("POST", "leaders/nobody/trade", {"side": "BUY", "mint": "x", "sol": 1}, 404),
    "no side": ("POST", "leaders/nobody/trade", {"side": "HOLD", "mint": "x"}, 422),
    "no address": ("POST", "fund", {"lamports": 5}, 422),
    "bad address": ("POST", "fund", {"address": "0OIl", "lamports": 5}, 422),
    "no lamports": ("POST", "fund", {"address": "1" * 32, "lamports": 0}, 422),
    "nothing to advance": ("POST", "advance", {}, 422),
    "backwards": ("POST", "advance", {"seconds": -5}, 422),
    "no provider": ("POST", "provider", {"enabled": True}, 409),
    "half a switch": ("POST", "clock", {"running": "no"}, 422),
    "negative rate": ("POST", "block-engine", {"requests_per_second": -1}, 422),
    "a list": ("POST", "market", [1], 422),
}


@pytest.mark.parametrize("name", REFUSED)
def test_control_refuses(sandbox: Sandbox, name: str):
    method, path, body, status = REFUSED[name]
    with pytest.raises(Refused) as refused:
        sandbox.control(method, path, body)
    assert refused.value.status == status
    assert refused.value.body["error"]
