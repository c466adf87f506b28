"""The JSON-RPC 2.0 envelope: requests, batches and errors; knows no method.

Codes and texts are those of an Agave node (rpc-client-api/custom_error.rs and jsonrpc-core).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

log = logging.getLogger(__name__)

Json = Any
NOTHING: Any = object()
"""Marks an error without `data` (a null `data` is something else to some clients)."""

MAX_BATCH = 100


class RpcError(Exception):
    """Answered as a JSON-RPC error object; never leaves the sandbox as anything else."""

    def __init__(self, code: int, message: str, data: Json = NOTHING) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


def invalid_params(message: str) -> RpcError:
    """-32602, what a node answers to parameters of the wrong type, size or value."""
    return RpcError(-32602, message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request of a body: `id` is echoed, `params` is always a list."""

    id: Json
    method: str
    params: list[Json] = field(default_factory=list)


def parse_body(body: bytes) -> Json:
    """The body's JSON value; RpcError -32700 when it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise RpcError(-32700, "Parse error") from None


def parse_call(raw: Json) -> Call:
    """One request object; RpcError -32600 for anything a node would not call a request."""
    if not isinstance(raw, dict) or raw.get("jsonrpc") != "2.0":
        raise RpcError(-32600, "Invalid request")
    method, call_id = raw.get("method"), raw.get("id")
    if not isinstance(method, str) or not isinstance(call_id, str | int | float | None):
        raise RpcError(-32600, "Invalid request")
    params = raw.get("params")
    if params is None:
        params = []
    if not isinstance(params, list):
        raise invalid_params("Invalid parameters: expected an array")
    return Call(id=call_id, method=method, params=params)


def result_reply(call_id: Json, result: Json) -> dict[str, Json]:
    return {"jsonrpc": "2.0", "result": result, "id": call_id}


def error_reply(call_id: Json, error: RpcError) -> dict[str, Json]:
    body: dict[str, Json] = {"code": error.code, "message": error.message}
    if error.data is not NOTHING:
        body["data"] = error.data
    return {"jsonrpc": "2.0", "error": body, "id": call_id}


def methods_named(raw: Json) -> list[str]:
    """The method names of a body, single or batch, without judging it: what fault rules match."""
    calls = raw if isinstance(raw, list) else [raw]
    return [str(call.get("method")) for call in calls if isinstance(call, dict)]


def answer(raw: Json, dispatch: Callable[[Call], Json]) -> Json:
    """The reply to a parsed body: one object, or a list for a batch (empty or huge: -32600)."""
    if not isinstance(raw, list):
        return answer_one(raw, dispatch)
    if not 0 < len(raw) <= MAX_BATCH:
        return error_reply(None, RpcError(-32600, "Invalid request"))
    return [answer_one(each, dispatch) for each in raw]


def answer_one(raw: Json, dispatch: Callable[[Call], Json]) -> Json:
    """Dispatches one request and wraps what comes back; a failure of our own is -32603."""
    call_id = raw.get("id") if isinstance(raw, dict) else None
    try:
        call = parse_call(raw)
        return result_reply(call.id, dispatch(call))
    except RpcError as error:
        return error_reply(call_id if isinstance(call_id, str | int | float) else None, error)
    except Exception:
        log.exception("no answer to %.200r", raw)
        return error_reply(call_id, RpcError(-32603, "Internal error"))


def encode(value: Json) -> bytes:
    """Compact JSON bytes; integers up to u64 stay exact."""
    return orjson.dumps(value)
