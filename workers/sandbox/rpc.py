"""The JSON-RPC method table of a node and its dispatch; the methods live in `*_methods.py`."""

from typing import Any

from workers.sandbox import (
    account_methods,
    cluster_methods,
    sending_methods,
    transaction_methods,
)
from workers.sandbox.faults import FaultKind, FaultRule, Plane
from workers.sandbox.jsonrpc import NOTHING, Call, RpcError
from workers.sandbox.node import Method, Node

METHODS: dict[str, Method] = (
    cluster_methods.METHODS
    | account_methods.METHODS
    | transaction_methods.METHODS
    | sending_methods.METHODS
)


def dispatch(node: Node, call: Call, *, endpoint: str) -> Any:
    """The result of one call; RpcError when a rule strikes or the method refuses."""
    rule = node.faults.strike(
        Plane.RPC, kinds=[FaultKind.RPC_ERROR], endpoint=endpoint, methods=[call.method]
    )
    if rule is not None:
        raise fault_error(rule)
    method = METHODS.get(call.method)
    if method is None:
        raise RpcError(-32601, "Method not found")
    return method(node, call.params)


def fault_error(rule: FaultRule) -> RpcError:
    """The error an `rpc_error` rule asks for; a rule without `data` gives an error without it."""
    return RpcError(rule.code, rule.message, rule.data if rule.has_data else NOTHING)
