"""Whatever is sent, the answer is JSON-RPC or a plain refusal: never a 500, never a trace."""

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cluster import Sandbox
from workers.sandbox.rpc import METHODS

WSOL = "So11111111111111111111111111111111111111112"
SIGNATURE = "5" * 88
MANY = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=100)
    | st.sampled_from([WSOL, SIGNATURE, "", "1" * 32, "base64", "AAAA"])
)
config_names = st.sampled_from(
    [
        "commitment",
        "encoding",
        "dataSlice",
        "filters",
        "minContextSlot",
        "limit",
        "before",
        "until",
        "mint",
        "programId",
        "accounts",
        "addresses",
        "searchTransactionHistory",
        "maxSupportedTransactionVersion",
        "transactionDetails",
        "replaceRecentBlockhash",
        "sigVerify",
        "skipPreflight",
        "preflightCommitment",
    ]
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8) | config_names, inner, max_size=4)
    ),
    max_leaves=12,
)
configs = st.dictionaries(config_names, values, max_size=4)
params = st.lists(values | configs, max_size=4)


def ask(sandbox: Sandbox, path: str, body: bytes) -> tuple[int, Any]:
    status, raw, _ = sandbox.exchange("POST", path, body)
    assert b"Traceback" not in raw
    return status, json.loads(raw)


def is_reply(reply: Any) -> bool:
    return (
        isinstance(reply, dict)
        and reply["jsonrpc"] == "2.0"
        and ("result" in reply) != ("error" in reply)
        and ("error" not in reply or type(reply["error"]["code"]) is int)
    )


def no_internal_errors(reply: Any) -> bool:
    return reply.get("error", {}).get("code") != -32603


@MANY
@given(method=st.sampled_from(sorted(METHODS)), given_params=params)
def test_any_parameters_get_an_answer(sandbox: Sandbox, method: str, given_params: list[Any]):
    call = {"jsonrpc": "2.0", "id": 7, "method": method, "params": given_params}
    status, reply = ask(sandbox, "/", json.dumps(call).encode())
    assert status == 200
    assert is_reply(reply)
    # An airdrop the faucet cannot pay is the one internal error a node gives as well.
    assert no_internal_errors(reply) or method == "requestAirdrop"


@MANY
@given(body=st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode()))
def test_any_body_gets_an_answer(sandbox: Sandbox, body: bytes):
    status, reply = ask(sandbox, "/", body)
    assert status == 200
    assert all(is_reply(each) for each in (reply if isinstance(reply, list) else [reply]))


@MANY
@given(
    method=st.sampled_from(
        ["sendBundle", "getBundleStatuses", "getInflightBundleStatuses", "sendTransaction"]
    ),
    given_params=params,
)
def test_the_block_engine_answers_anything(sandbox: Sandbox, method: str, given_params: list[Any]):
    call = {"jsonrpc": "2.0", "id": 7, "method": method, "params": given_params}
    for path in ("/jito/api/v1/bundles", "/jito/api/v1/transactions"):
        status, reply = ask(sandbox, path, json.dumps(call).encode())
        assert status in (200, 400)
        assert is_reply(reply)
        assert no_internal_errors(reply)


@MANY
@given(wire=st.binary(max_size=1_300))
def test_any_bytes_for_a_transaction_are_judged(sandbox: Sandbox, wire: bytes):
    text = b64encode(wire).decode()
    for method in ("sendTransaction", "simulateTransaction"):
        reply = sandbox.rpc(method, text, {"encoding": "base64", "skipPreflight": True})
        assert is_reply(reply)
        assert no_internal_errors(reply)


@MANY
@given(
    route=st.sampled_from(["fund", "advance", "fork", "market", "faults", "clock", "x/y/z"]),
    body=values.filter(lambda value: not isinstance(value, dict) or "slots" not in value),
)
def test_control_refuses_nonsense_without_a_500(sandbox: Sandbox, route: str, body: Any):
    status, reply = ask(sandbox, f"/sandbox/{route}", json.dumps(body).encode())
    assert status in (200, 404, 409, 422)
    sandbox.clear()
    assert isinstance(reply, dict)


BODIES = {
    "empty": (b"", -32700),
    "no json": (b"{", -32700),
    "deep": (b"[" * 100_000, -32700),
    "empty batch": (b"[]", -32600),
    "a number": (b"5", -32600),
    "no version": (b'{"id":1,"method":"getSlot"}', -32600),
    "no method": (b'{"jsonrpc":"2.0","id":1}', -32600),
    "named params": (b'{"jsonrpc":"2.0","id":1,"method":"getSlot","params":{"a":1}}', -32602),
    "1e400": (b'{"jsonrpc":"2.0","id":1,"method":"getBalance","params":[1e400]}', -32700),
    "unknown method": (b'{"jsonrpc":"2.0","id":1,"method":"getNothing"}', -32601),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_malformed_request_has_its_own_code(sandbox: Sandbox, name: str):
    body, code = BODIES[name]
    _, reply = ask(sandbox, "/", body)
    assert reply["error"]["code"] == code


def test_a_batch_is_answered_in_order(sandbox: Sandbox):
    calls = [{"jsonrpc": "2.0", "id": each, "method": "getHealth"} for each in (3, "two", 1)]
    _, replies = ask(sandbox, "/", json.dumps(calls).encode())
    assert [each["id"] for each in replies] == [3, "two", 1]


def test_a_body_larger_than_a_megabyte_is_refused(sandbox: Sandbox):
    assert sandbox.exchange("POST", "/", b" " * 1_100_000)[0] == 413


def test_other_http_methods_and_paths_are_refused(sandbox: Sandbox):
    assert sandbox.exchange("GET", "/")[0] == 405
    assert sandbox.exchange("GET", "/nowhere")[0] == 404
    assert sandbox.exchange("POST", "/rpc/", {})[0] == 404
