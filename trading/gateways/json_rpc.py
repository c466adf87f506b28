"""The JSON-RPC 2.0 envelope: one call, one result or one named error; no method is known here."""

import itertools
from collections.abc import Sequence
from typing import Any, Never, Protocol

from trading.gateways.base import GatewayError, InvalidReply, RateLimited, Refused, Unavailable
from trading.gateways.http import Host, again_if_cut_off

# JSON-RPC 2.0's own codes and those of Solana's RPC (formats.md section 1) that are an answer.
_REFUSING_CODES = frozenset(
    {-32700, -32600, -32601, -32602}
    | {-32002, -32003, -32006, -32007, -32009, -32010, -32013, -32015, -32018}
)
# The third is what Jito's engine says when it is congested (recorded).
_RATE_CODES = frozenset({429, -32429, -32097})


class Caller(Protocol):
    """Whoever answers JSON-RPC calls: a host, or what stands before one."""

    @property
    def name(self) -> str: ...

    async def call(self, method: str, params: list[Any]) -> Any:
        """The result, or a GatewayError."""


class Node(Caller, Protocol):
    """A caller that also takes several calls at once."""

    async def call_many(self, method: str, params: Sequence[list[Any]]) -> list[Any]:
        """In the order asked; where one failed, its GatewayError."""


class JsonRpc:
    """Calls of one host. Codes that are no proof (a node behind, unknown ones) are Unavailable."""

    def __init__(self, host: Host, *, path: str = "") -> None:
        self._host = host
        self._path = path
        self._ids = itertools.count(1)

    @property
    def name(self) -> str:
        return self._host.name

    async def call(self, method: str, params: list[Any]) -> Any:
        """The `result` member, null included, as parsed JSON.

        Raises Unavailable, RateLimited, Refused, InvalidReply.
        """
        request_id = next(self._ids)
        body = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}

        async def ask() -> Any:
            return self._result(await self._reply(body), request_id, method)

        return await again_if_cut_off(ask)

    async def _reply(self, body: object) -> object:
        try:
            return await self._host.post_once(self._path, body)
        except Refused as refusal:
            if not (isinstance(refusal.data, dict) and isinstance(refusal.data.get("error"), dict)):
                raise
            return refusal.data

    async def call_many(self, method: str, params: Sequence[list[Any]]) -> list[Any]:
        """The results of several calls in one request, in the order asked; where one failed, its GatewayError.

        Raises as `call` when there is no answer to the request as a whole; Refused also when the host
        takes no batches.
        """
        ids = [next(self._ids) for _ in params]
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": each}
            for number, each in zip(ids, params, strict=True)
        ]
        replies = await self._host.post(self._path, body)
        if isinstance(replies, dict):
            # One envelope instead of a list: the whole batch was turned down, or it is no node at all.
            self._result(replies, 0, method)
            raise InvalidReply(f"{self.name} {method}: one answer to a batch")
        return self._results(replies, ids, method)

    def _results(self, replies: object, ids: list[int], method: str) -> list[Any]:
        if not isinstance(replies, list) or len(replies) != len(ids):
            raise InvalidReply(f"{self.name} {method}: not the batch's answers")
        told = [each for each in replies if isinstance(each, dict)]
        by_id = {each["id"]: each for each in told if isinstance(each.get("id"), int)}
        return [self._result_or_error(by_id.get(number), number, method) for number in ids]

    def _result_or_error(self, reply: object, number: int, method: str) -> Any:
        try:
            return self._result(reply, number, method)
        except GatewayError as error:
            return error

    def _result(self, reply: object, request_id: int, method: str) -> Any:
        where = f"{self.name} {method}"
        if not isinstance(reply, dict):
            raise InvalidReply(f"{where}: the envelope is no object")
        error = reply.get("error")
        # A request that could not be read is answered with a null id.
        accepted = {request_id, None} if error is not None else {request_id}
        reply_id = reply.get("id")
        if not isinstance(reply_id, int | None) or reply_id not in accepted:
            raise InvalidReply(f"{where}: the answer to another request")
        if error is not None:
            self._raise(error, where)
        if "result" not in reply:
            raise InvalidReply(f"{where}: neither result nor error")
        return reply["result"]

    def _raise(self, error: object, where: str) -> Never:
        code = error.get("code") if isinstance(error, dict) else None
        if not isinstance(error, dict) or not isinstance(code, int) or isinstance(code, bool):
            raise InvalidReply(f"{where}: an error without a code")
        message = self._host.clean(error.get("message", ""))
        text = f"{where}: {code} {message}"
        if code in _RATE_CODES:
            raise RateLimited(text)
        if code in _REFUSING_CODES:
            raise Refused(text, code=code, message=message, data=error.get("data"))
        raise Unavailable(text, status=code if 100 <= code < 600 else None)
