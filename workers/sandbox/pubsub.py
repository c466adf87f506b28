"""Pubsub: connections, who is told what when, and the faults of the wire; matching is elsewhere."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from solders.pubkey import Pubkey

from workers.sandbox.asgi import Receive, Scope, Send
from workers.sandbox.faults import FaultKind, FaultRule, Plane
from workers.sandbox.jsonrpc import (
    Call,
    RpcError,
    answer,
    encode,
    error_reply,
    parse_body,
)
from workers.sandbox.node import Node
from workers.sandbox.records import (
    ChainEvent,
    Commitment,
    Forked,
    SlotClosed,
    TransactionLanded,
)
from workers.sandbox.rpc import fault_error
from workers.sandbox.subscriptions import (
    AccountSubscription,
    Landed,
    ProgramSubscription,
    SignatureSubscription,
    Subscription,
    at_slot,
    notification,
    slot_value,
    subscribe,
)

Json = Any
_MAX_SUBSCRIPTIONS = 10_000
_MAX_BACKLOG = 100_000
_CLOSE = object()


class Pubsub:
    """Every connection's subscriptions, fed by the chain's events."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.ids = count(1)
        self._connections: list[Connection] = []
        self._waiting: dict[Commitment, deque[Landed]] = {
            "confirmed": deque(),
            "finalized": deque(),
        }
        self._root = -1
        self._may_tell = asyncio.Event()
        self._may_tell.set()
        self._stop_listening = node.chain.listen(self._hear)

    def close(self) -> None:
        self._stop_listening()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing goes out meanwhile: nobody may be told of what is not stored yet."""
        self._may_tell.clear()
        try:
            yield
        finally:
            self._may_tell.set()

    async def may_tell(self) -> None:
        """Return at once, or when what is held may go out."""
        while not self._may_tell.is_set():
            await self._may_tell.wait()

    async def serve(self, scope: Scope, receive: Receive, send: Send, *, endpoint: str) -> None:
        """One websocket from handshake to close."""
        connection = Connection(self, endpoint=endpoint)
        self._connections.append(connection)
        try:
            await connection.run(scope, receive, send)
        finally:
            self._connections.remove(connection)

    def _subscriptions(self) -> Iterable[tuple["Connection", Subscription]]:
        for connection in list(self._connections):
            for subscription in list(connection.subscriptions.values()):
                yield connection, subscription

    def _hear(self, event: ChainEvent) -> None:
        match event:
            case TransactionLanded():
                landed = Landed(record=event.record, accounts=self._watched(event.writable))
                for waiting in self._waiting.values():
                    waiting.append(landed)
                self._announce(landed, "processed")
            case SlotClosed():
                self._announce_slot(event)
                self._announce_settled()
            case Forked():
                self._forget(event.first_lost_slot)

    def _watched(self, writable: tuple[Pubkey, ...]) -> dict[Pubkey, Any]:
        """The accounts somebody watches, read now: later transactions change them."""
        addresses: set[Pubkey] = set()
        for _, each in self._subscriptions():
            if isinstance(each, ProgramSubscription):
                addresses.update(writable)
            elif isinstance(each, AccountSubscription) and each.address in writable:
                addresses.add(each.address)
        return {key: self.node.chain.account(key) for key in writable if key in addresses}

    def _announce(self, landed: Landed, commitment: Commitment) -> None:
        for connection, each in self._subscriptions():
            if each.commitment != commitment:
                continue
            for value in each.values(self.node, landed):
                connection.tell(each, at_slot(landed.record.slot, value))
                if isinstance(each, SignatureSubscription):
                    connection.subscriptions.pop(each.id, None)

    def _announce_slot(self, event: SlotClosed) -> None:
        opened = slot_value(parent=event.block.slot, root=event.root, slot=event.open_slot)
        is_new_root, self._root = event.root != self._root, event.root
        for connection, each in self._subscriptions():
            if each.kind == "slot":
                connection.tell(each, opened)
            elif each.kind == "root" and is_new_root:
                connection.tell(each, event.root)

    def _announce_settled(self) -> None:
        for commitment, waiting in self._waiting.items():
            reached = self.node.chain.slot_at(commitment)
            while waiting and waiting[0].record.slot <= reached:
                self._announce(waiting.popleft(), commitment)

    def _forget(self, first_lost_slot: int) -> None:
        for waiting in self._waiting.values():
            while waiting and waiting[-1].record.slot >= first_lost_slot:
                waiting.pop()

    def already_landed(self, subscription: SignatureSubscription) -> Json | None:
        """The announcement of a signature that reached the commitment before it was asked for."""
        status = self.node.chain.status(subscription.signature)
        if status is None or status.slot > self.node.chain.slot_at(subscription.commitment):
            return None
        return at_slot(status.slot, {"err": status.err})


class Connection:
    """One client. What it is told goes out in order through a queue, so a slow one holds nobody."""

    def __init__(self, pubsub: Pubsub, *, endpoint: str) -> None:
        self.subscriptions: dict[int, Subscription] = {}
        self._pubsub = pubsub
        self._endpoint = endpoint
        self._outgoing: asyncio.Queue[tuple[float, Any]] = asyncio.Queue()
        self._held_back: list[Json] = []
        self._is_mute = False

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not await self._shake_hands(scope, receive, send):
            return
        writer = asyncio.create_task(self._write(send))
        reader = asyncio.create_task(self._read(receive))
        try:
            await asyncio.wait([writer, reader], return_when=asyncio.FIRST_COMPLETED)
        finally:
            writer.cancel()
            reader.cancel()
            await asyncio.gather(writer, reader, return_exceptions=True)

    async def _shake_hands(self, scope: Scope, receive: Receive, send: Send) -> bool:
        await receive()
        rule = self._strike(FaultKind.TIMEOUT, FaultKind.HTTP_ERROR, methods=["connect"])
        if rule is None:
            await send({"type": "websocket.accept"})
            return True
        if rule.kind is FaultKind.TIMEOUT:
            await asyncio.sleep(rule.seconds)
        await send(
            {
                "type": "websocket.http.response.start",
                "status": rule.status if rule.kind is FaultKind.HTTP_ERROR else 504,
                "headers": [],
            }
        )
        await send({"type": "websocket.http.response.body", "body": rule.message.encode()})
        return False

    async def _read(self, receive: Receive) -> None:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            body = message.get("bytes") or (message.get("text") or "").encode()
            self._queue(self._reply(body))
            self._announce_landed_signatures()

    def _reply(self, body: bytes) -> Json:
        try:
            return answer(parse_body(body), self._dispatch)
        except RpcError as error:
            return error_reply(None, error)

    def _dispatch(self, call: Call) -> Json:
        rule = self._strike(FaultKind.RPC_ERROR, methods=[call.method])
        if rule is not None:
            raise fault_error(rule)
        if call.method.endswith("Unsubscribe"):
            return self._unsubscribe(call)
        if not call.method.endswith("Subscribe"):
            raise RpcError(-32601, "Method not found")
        if len(self.subscriptions) >= _MAX_SUBSCRIPTIONS:
            raise RpcError(-32603, "Internal Error: Subscription refused. Node limit reached")
        subscription = subscribe(
            self._pubsub.node,
            call.method.removesuffix("Subscribe"),
            call.params,
            subscription_id=next(self._pubsub.ids),
        )
        self.subscriptions[subscription.id] = subscription
        return subscription.id

    def _unsubscribe(self, call: Call) -> bool:
        wanted = call.params[0] if call.params else None
        kind = call.method.removesuffix("Unsubscribe")
        found = self.subscriptions.get(wanted) if isinstance(wanted, int) else None
        if found is None or found.kind != kind:
            raise RpcError(-32602, "Invalid subscription id.")
        del self.subscriptions[found.id]
        return True

    def _announce_landed_signatures(self) -> None:
        """After the reply with its id went out: a subscription to what has landed already."""
        for each in list(self.subscriptions.values()):
            if isinstance(each, SignatureSubscription):
                result = self._pubsub.already_landed(each)
                if result is not None:
                    self.tell(each, result)
                    del self.subscriptions[each.id]

    def tell(self, subscription: Subscription, result: Json) -> None:
        """Queue a notification, unless a fault drops, doubles, delays or breaks it."""
        names = [f"{subscription.kind}Notification", f"{subscription.kind}Subscribe"]
        if self._strike(FaultKind.DROP_NOTIFICATION, methods=names):
            return
        if self._strike(FaultKind.DISCONNECT, methods=names):
            self._outgoing.put_nowait((0.0, _CLOSE))
            return
        if self._strike(FaultKind.GARBAGE, methods=names):
            self._outgoing.put_nowait((0.0, b"<html>not a notification</html>"))
            return
        silence = self._strike(FaultKind.HALF_OPEN, methods=names)
        if silence is not None:
            self._fall_silent(silence.seconds)
        message = notification(subscription, result)
        overtaken = self._strike(FaultKind.REORDER, methods=names)
        if overtaken is not None:
            self._held_back.append(message)
            asyncio.get_running_loop().call_later(overtaken.seconds, self._let_go)
            return
        late = self._strike(FaultKind.LATENCY, methods=names)
        for _ in range(2 if self._strike(FaultKind.DUPLICATE, methods=names) else 1):
            self._queue(message, late.seconds if late else 0.0)
        self._let_go()

    def _let_go(self) -> None:
        """What was held back until another one had gone by, or for long enough."""
        held, self._held_back = self._held_back, []
        for message in held:
            self._queue(message)

    def _fall_silent(self, seconds: float) -> None:
        """The connection stays open and answers pings, but says nothing any more."""

        def speak() -> None:
            self._is_mute = False

        self._is_mute = True
        asyncio.get_running_loop().call_later(seconds, speak)

    def _queue(self, message: Json, delay_seconds: float = 0.0) -> None:
        if not self._is_mute and self._outgoing.qsize() < _MAX_BACKLOG:
            self._outgoing.put_nowait((delay_seconds, encode(message)))

    async def _write(self, send: Send) -> None:
        while True:
            delay_seconds, message = await self._outgoing.get()
            if delay_seconds:
                await asyncio.sleep(delay_seconds)
            await self._pubsub.may_tell()
            if message is _CLOSE:
                await send({"type": "websocket.close", "code": 1011})
                return
            await send({"type": "websocket.send", "text": message.decode()})

    def _strike(self, *kinds: FaultKind, methods: Iterable[str]) -> FaultRule | None:
        return self._pubsub.node.faults.strike(
            Plane.WS, kinds=kinds, endpoint=self._endpoint, methods=methods
        )
