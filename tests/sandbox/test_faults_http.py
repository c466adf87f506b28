"""Every fault of the HTTP planes is felt by a caller, only where its rule says, and ends."""

import json
import time
from http.client import HTTPException
from typing import Any

import pytest
from solana.exceptions import SolanaRpcException
from solana.rpc.async_api import AsyncClient
from solders.keypair import Keypair

from tests.cluster import Sandbox
from tests.sandbox.payer import Payer, in_base64, send_wire
from tests.sandbox.test_block_engine_bundles import inflight, jito, send

WSOL = "So11111111111111111111111111111111111111112"
PATHS = {
    "rpc": ("POST", "/", {"jsonrpc": "2.0", "id": 1, "method": "getSlot"}),
    "jito": (
        "POST",
        "/jito/api/v1/bundles",
        {"jsonrpc": "2.0", "id": 1, "method": "getTipAccounts"},
    ),
    "jupiter": ("GET", f"/jupiter/price/v3?ids={WSOL}", None),
    "dexscreener": ("GET", f"/dexscreener/latest/dex/tokens/{WSOL}", None),
}
EVERYWHERE = pytest.mark.parametrize("plane", PATHS)


def call(sandbox: Sandbox, plane: str, **options: Any) -> tuple[int, bytes, dict[str, str]]:
    method, path, body = PATHS[plane]
    return sandbox.exchange(method, path, body, **options)


@EVERYWHERE
def test_without_faults_every_plane_answers(sandbox: Sandbox, plane: str):
    status, body, _ = call(sandbox, plane)
    assert status == 200
    json.loads(body)


@EVERYWHERE
@pytest.mark.parametrize("code", [429, 503])
def test_an_http_error_comes_with_retry_after(sandbox: Sandbox, plane: str, code: int):
    sandbox.fault(plane=plane, kind="http_error", status=code, message="go away", count=1)
    status, body, headers = call(sandbox, plane)
    assert (status, body, headers["retry-after"]) == (code, b"go away", "1")
    assert call(sandbox, plane)[0] == 200


def test_an_http_error_may_carry_json(sandbox: Sandbox):
    data = {"code": 429, "message": "Too many requests"}
    sandbox.fault(plane="jupiter", kind="http_error", status=429, data=data)
    status, body, headers = call(sandbox, "jupiter")
    assert (status, json.loads(body)) == (429, data)
    assert headers["content-type"] == "application/json"


@EVERYWHERE
def test_latency_delays_the_true_answer(sandbox: Sandbox, plane: str):
    sandbox.fault(plane=plane, kind="latency", seconds=0.2)
    start = time.monotonic()
    assert call(sandbox, plane)[0] == 200
    assert time.monotonic() - start >= 0.2


@EVERYWHERE
def test_a_timeout_says_nothing_while_others_are_served(sandbox: Sandbox, plane: str):
    sandbox.fault(plane=plane, kind="timeout", count=1)
    with pytest.raises((TimeoutError, HTTPException)):
        call(sandbox, plane, timeout_seconds=0.5)
    assert call(sandbox, plane)[0] == 200


@EVERYWHERE
def test_garbage_is_html_with_status_200(sandbox: Sandbox, plane: str):
    sandbox.fault(plane=plane, kind="garbage")
    status, body, headers = call(sandbox, plane)
    assert (status, headers["content-type"]) == (200, "text/html")
    with pytest.raises(ValueError):
        json.loads(body)


@pytest.mark.parametrize("plane", ["rpc", "jito"])
def test_an_rpc_error_has_the_data_of_the_rule_or_none_at_all(sandbox: Sandbox, plane: str):
    rule = {"plane": plane, "kind": "rpc_error", "code": -32005, "message": "behind", "count": 1}
    sandbox.fault(**rule)
    assert "data" not in json.loads(call(sandbox, plane)[1])["error"]
    sandbox.fault(**rule, data={"numSlotsBehind": 42})
    error = json.loads(call(sandbox, plane)[1])["error"]
    assert error == {"code": -32005, "message": "behind", "data": {"numSlotsBehind": 42}}
    sandbox.fault(**rule, data=None)
    assert json.loads(call(sandbox, plane)[1])["error"]["data"] is None


def test_a_rule_for_one_endpoint_spares_the_other(sandbox: Sandbox):
    sandbox.fault(plane="rpc", kind="http_error", status=500, endpoint="primary")
    body = PATHS["rpc"][2]
    assert sandbox.exchange("POST", "/rpc/primary", body)[0] == 500
    assert sandbox.exchange("POST", "/rpc/secondary", body)[0] == 200
    assert sandbox.exchange("POST", "/", body)[0] == 200


def test_a_rule_for_one_method_spares_the_others(sandbox: Sandbox):
    sandbox.fault(plane="rpc", kind="rpc_error", method="getBalance")
    assert "error" in sandbox.rpc("getBalance", str(Keypair().pubkey()))
    assert "result" in sandbox.rpc("getSlot")


def test_one_call_of_a_batch_fails_alone(sandbox: Sandbox):
    sandbox.fault(plane="rpc", kind="rpc_error", method="getSlot")
    names = ["getSlot", "getHealth"]
    batch = [{"jsonrpc": "2.0", "id": name, "method": name} for name in names]
    replies = json.loads(sandbox.exchange("POST", "/", batch)[1])
    assert ["error" in each for each in replies] == [True, False]


def test_a_dropped_transaction_is_answered_but_never_lands(payer: Payer):
    payer.sandbox.fault(plane="chain", kind="drop_tx", count=1)
    transaction = payer.sign(payer.pay(Keypair().pubkey(), 10**6))
    config = {"preflightCommitment": "processed"}
    signature = send_wire(payer.sandbox, transaction, **config)["result"]
    statuses: tuple[str, list[str]] = ("getSignatureStatuses", [signature])
    assert payer.sandbox.rpc(*statuses)["result"]["value"] == [None]
    assert send_wire(payer.sandbox, transaction, **config)["result"] == signature
    assert payer.sandbox.rpc(*statuses)["result"]["value"][0]["err"] is None


@pytest.mark.parametrize("plane", ["jito", "chain"])
def test_a_dropped_bundle_is_accepted_stays_pending_and_fails(payer: Payer, plane: str):
    payer.sandbox.fault(plane=plane, kind="bundle_drop", count=1)
    transaction = payer.sign(payer.tip())
    bundle_id = send(payer.sandbox, transaction)[1]["result"]
    assert inflight(payer.sandbox, bundle_id)["status"] == "Pending"
    payer.sandbox.advance(slots=16)
    assert inflight(payer.sandbox, bundle_id)["status"] == "Failed"
    assert send(payer.sandbox, transaction)[1]["result"] == bundle_id
    assert inflight(payer.sandbox, bundle_id)["status"] == "Landed"


def test_a_transaction_sent_to_the_block_engine_can_be_dropped(payer: Payer):
    payer.sandbox.fault(plane="jito", kind="drop_tx", count=1)
    wire = in_base64(payer.sign(payer.pay(Keypair().pubkey(), 10**6)))
    path = "/jito/api/v1/transactions"
    reply = jito(payer.sandbox, "sendTransaction", wire, {"encoding": "base64"}, path=path)[1]
    statuses = payer.sandbox.rpc("getSignatureStatuses", [reply["result"]])
    assert statuses["result"]["value"] == [None]


def test_no_route_is_jupiters_400(sandbox: Sandbox):
    sandbox.fault(plane="jupiter", kind="no_route", method="quote")
    token = sandbox.tokens("memecoin")[0]["mint"]
    query = f"inputMint={WSOL}&outputMint={token}&amount=1000000&slippageBps=100"
    status, body, _ = sandbox.exchange("GET", f"/jupiter/swap/v1/quote?{query}")
    assert (status, json.loads(body)["errorCode"]) == (400, "COULD_NOT_FIND_ANY_ROUTE")
    assert call(sandbox, "jupiter")[0] == 200


def test_without_a_route_prices_and_pairs_are_absent(sandbox: Sandbox):
    sandbox.fault(plane="jupiter", kind="no_route", method="price")
    sandbox.fault(plane="dexscreener", kind="no_route")
    assert json.loads(call(sandbox, "jupiter")[1]) == {}
    assert json.loads(call(sandbox, "dexscreener")[1])["pairs"] is None


async def test_the_stock_client_names_an_http_error(client: AsyncClient, sandbox: Sandbox):
    sandbox.fault(plane="rpc", kind="http_error", status=429, method="getSlot")
    with pytest.raises(SolanaRpcException):
        await client.get_slot()


async def test_the_stock_client_returns_a_bare_number_on_unknown_codes(
    client: AsyncClient, sandbox: Sandbox
):
    """What the platform's own envelope guards against."""
    sandbox.fault(plane="rpc", kind="rpc_error", code=429, message="rate limited")
    assert await client.get_slot() == 429


async def test_the_stock_client_panics_on_codes_without_data(client: AsyncClient, sandbox: Sandbox):
    """A BaseException that `except Exception` does not see."""
    sandbox.fault(plane="rpc", kind="rpc_error", code=-32005, message="Node is behind")
    with pytest.raises(BaseException) as failure:
        await client.get_slot()
    assert type(failure.value).__name__ == "PanicException"
