"""Jito's block engine: bundles in, auction per slot, statuses out; the chain runs them atomically."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from solders.transaction import VersionedTransaction

from workers.sandbox.asgi import Request, Response, json_response
from workers.sandbox.bundles import (
    MAX_TRANSACTIONS,
    TIP_ACCOUNTS,
    Bundle,
    BundleState,
    bundle_id,
    check_tip,
)
from workers.sandbox.faults import FaultKind, Plane
from workers.sandbox.jsonrpc import (
    Call,
    RpcError,
    answer,
    error_reply,
    invalid_params,
    parse_body,
)
from workers.sandbox.node import Node
from workers.sandbox.params import Params, as_list, as_text
from workers.sandbox.rpc import fault_error
from workers.sandbox.sending_methods import read_transaction, take
from workers.sandbox.tip_floor import TipFloor

Json = Any
AUCTION_SLOTS = 15
"""A bundle that won no auction for so many slots is given up."""
_LOOK_BACK_SECONDS = 300
_REMEMBERED = 10_000
_RATE_LIMITED = {
    "jsonrpc": "2.0",
    "error": {
        "code": -32097,
        "message": "Network congested. Endpoint is globally rate limited.",
        "data": None,
    },
    "id": None,
}


class BlockEngine:
    """One block engine. `has_auction` off: every sound bundle lands in the slot it came in.

    `requests_per_second` None: no limit per address (tests are quick); Jito's own is 1.
    """

    def __init__(self, node: Node, *, seed: int, has_auction: bool) -> None:
        self.node = node
        self.has_auction = has_auction
        self.requests_per_second: float | None = None
        self.tips = TipFloor(seed=seed)
        self._random = Random(f"auction-{seed}")
        self._bundles: dict[str, Bundle] = {}
        self._order: deque[str] = deque()
        self._last_request: dict[str, float] = {}

    def limit(self, requests_per_second: float | None) -> None:
        """Set the limit; it counts from now on."""
        self.requests_per_second = requests_per_second
        self._last_request.clear()

    def handle(self, request: Request, path: str) -> Response:
        """Answer `path` (below `/jito`); JSON-RPC errors come with HTTP 400, as the engine's do."""
        route = path.removeprefix("/api/v1/")
        if route == "bundles/tip_floor" and request.method == "GET":
            return json_response(self.tips.as_json(self.node.chain.unix_time))
        if request.method != "POST" or (route != "transactions" and route not in _BUNDLE_ROUTES):
            return json_response({"message": "not found"}, status=404)
        if self._is_limited(request.client_host):
            return json_response(_RATE_LIMITED, status=429, headers={"retry-after": "1"})
        if route == "transactions":
            return self._answer_transaction(request)
        return self._answer(request, self._dispatch)

    def _is_limited(self, client_host: str) -> bool:
        if self.requests_per_second is None:
            return False
        now = time.monotonic()
        earliest = self._last_request.get(client_host, float("-inf"))
        if now - earliest < 1 / self.requests_per_second:
            return True
        self._last_request[client_host] = now
        return False

    def _answer(self, request: Request, dispatch: Callable[[Call], Json]) -> Response:
        def dispatch_with_faults(call: Call) -> Json:
            rule = self._strike(FaultKind.RPC_ERROR, call.method)
            if rule is not None:
                raise fault_error(rule)
            return dispatch(call)

        try:
            body = answer(parse_body(request.body), dispatch_with_faults)
        except RpcError as error:
            return json_response(error_reply(None, error), status=400)
        is_error = isinstance(body, dict) and "error" in body
        return json_response(body, status=400 if is_error else 200)

    def _strike(self, kind: FaultKind, method: str) -> Any:
        return self.node.faults.strike(Plane.JITO, kinds=[kind], methods=[method])

    def _dispatch(self, call: Call) -> Json:
        match call.method:
            case "sendBundle":
                return self.send_bundle(call.params)
            case "getBundleStatuses":
                return self.bundle_statuses(_bundle_ids(call.params))
            case "getInflightBundleStatuses":
                return self.inflight_statuses(_bundle_ids(call.params))
            case "getTipAccounts":
                return [str(each) for each in TIP_ACCOUNTS]
        raise RpcError(-32601, "Method not found")

    def _answer_transaction(self, request: Request) -> Response:
        """sendTransaction: no preflight; `bundleOnly=true` sends it as a bundle of one."""
        only_bundle = request.query.get("bundleOnly") == "true"
        sent_ids: list[str] = []

        def dispatch(call: Call) -> Json:
            if call.method != "sendTransaction":
                raise RpcError(-32601, "Method not found")
            params = Params(call.params, count=2)
            encoding = params.config(1).choice("encoding", ("base58", "base64"), "base58")
            wire, transaction = read_transaction(params.raw(0), encoding=encoding)
            signature = str(transaction.signatures[0])
            if only_bundle:
                sent_ids.append(self._accept((transaction,)))
                return signature
            sent_ids.append(bundle_id([signature]))
            return take(self.node, wire, transaction, plane=Plane.JITO)

        response = self._answer(request, dispatch)
        for each in sent_ids:
            response.headers["x-bundle-id"] = each
        return response

    def send_bundle(self, raw: list[Json]) -> str:
        """The bundle id. Accepted is not landed: ask for its status."""
        params = Params(raw, count=2)
        encoding = params.config(1).choice("encoding", ("base58", "base64"), "base58")
        wires = as_list(params.raw(0), most=10**6)
        if not 1 <= len(wires) <= MAX_TRANSACTIONS:
            raise invalid_params(
                f"bundle must contain between 1 and {MAX_TRANSACTIONS} transactions"
            )
        return self._accept(tuple(_decoded(each, at, encoding) for at, each in enumerate(wires)))

    def _accept(self, transactions: tuple[VersionedTransaction, ...]) -> str:
        tip = check_tip(transactions)
        signatures = tuple(str(each.signatures[0]) for each in transactions)
        identity = bundle_id(signatures)
        known = self._bundles.get(identity)
        if known is not None and self.state_of(known) is BundleState.PENDING:
            return identity
        self._check_transactions(transactions, signatures)
        bundle = Bundle(
            id=identity,
            transactions=transactions,
            signatures=signatures,
            tip_lamports=tip,
            received_slot=self.node.chain.slot,
            received_unix_time=self.node.chain.unix_time,
            is_dropped=self._is_dropped(),
        )
        self._remember(bundle)
        if self.node.chain.mode == "instant" and not self.has_auction:
            self._run(bundle)
        return identity

    def _is_dropped(self) -> bool:
        strike = self.node.faults.strike
        kinds = [FaultKind.BUNDLE_DROP]
        rules = [
            strike(plane, kinds=kinds, methods=["sendBundle"])
            for plane in (Plane.JITO, Plane.CHAIN)
        ]
        return any(rules)

    def _check_transactions(
        self, transactions: tuple[VersionedTransaction, ...], signatures: tuple[str, ...]
    ) -> None:
        if len(set(signatures)) < len(signatures):
            raise invalid_params("bundle contains duplicate transactions")
        for at, each in enumerate(transactions):
            if not all(each.verify_with_results()):
                raise invalid_params(f"transaction #{at} could not be verified")
            if self.node.chain.status(signatures[at]) is not None:
                raise invalid_params("bundle contains an already processed transaction")
            if not self.node.chain.is_blockhash_valid(each.message.recent_blockhash):
                raise invalid_params("bundle contains an expired blockhash")

    def _remember(self, bundle: Bundle) -> None:
        if bundle.id in self._bundles:
            self._order.remove(bundle.id)
        self._order.append(bundle.id)
        self._bundles[bundle.id] = bundle
        while len(self._order) > _REMEMBERED:
            del self._bundles[self._order.popleft()]

    def tick(self) -> None:
        """Hold the open slot's auction: call it once per slot, when it has just opened."""
        for _ in self.auction():
            pass

    def auction(self) -> Iterator[None]:
        """`tick` in steps, after every bundle that won; in between anything may happen."""
        pending = [each for each in self._recent() if each.state is BundleState.PENDING]
        for bundle in sorted(pending, key=lambda each: -each.tip_lamports):
            if bundle.state is not BundleState.PENDING:
                continue  # another slot's auction was held meanwhile
            if self.state_of(bundle) is not BundleState.PENDING:
                bundle.state = BundleState.FAILED
            elif not self.has_auction or self._wins(bundle):
                self._run(bundle)
                yield

    def _recent(self) -> list[Bundle]:
        oldest = self.node.chain.slot - 2 * AUCTION_SLOTS
        recent = []
        for identity in reversed(self._order):
            bundle = self._bundles[identity]
            if bundle.received_slot < oldest:
                break
            recent.append(bundle)
        return recent

    def _wins(self, bundle: Bundle) -> bool:
        now = self.node.chain.unix_time
        chance = self.tips.landing_chance(bundle.tip_lamports, unix_time=now)
        return self._random.random() < chance

    def _run(self, bundle: Bundle) -> None:
        """All of it in the open slot, or nothing: then it has failed for good."""
        if bundle.is_dropped:
            return
        # The signatures were checked when it was accepted.
        outcome = self.node.chain.execute_bundle(bundle.transactions, trusted=True)
        bundle.state = BundleState.LANDED if outcome.landed else BundleState.FAILED
        bundle.landed_slot = outcome.slot if outcome.landed else None
        self.node.chain.settle()

    def state_of(self, bundle: Bundle) -> BundleState:
        """The state now: pending ones run out of auctions, forks undo landed ones."""
        chain = self.node.chain
        if chain.unix_time - bundle.received_unix_time > _LOOK_BACK_SECONDS:
            return BundleState.INVALID
        if bundle.state is BundleState.PENDING:
            too_old = chain.slot - bundle.received_slot > AUCTION_SLOTS
            return BundleState.FAILED if too_old else BundleState.PENDING
        if bundle.state is BundleState.LANDED and chain.status(bundle.signatures[0]) is None:
            return BundleState.FAILED
        return bundle.state

    def inflight_statuses(self, identities: list[str]) -> Json:
        """Pending, Landed, Failed, or Invalid for what is unknown or older than five minutes."""
        rows = []
        for identity in identities:
            bundle = self._bundles.get(identity)
            state = self.state_of(bundle) if bundle else BundleState.INVALID
            landed = bundle.landed_slot if bundle and state is BundleState.LANDED else None
            rows.append({"bundle_id": identity, "status": state.value, "landed_slot": landed})
        return {"context": {"slot": self.node.chain.slot}, "value": rows}

    def bundle_statuses(self, identities: list[str]) -> Json:
        """Landed bundles with their transactions; null for every other."""
        rows = [self._landed_row(self._bundles.get(each)) for each in identities]
        return {"context": {"slot": self.node.chain.slot}, "value": rows}

    def _landed_row(self, bundle: Bundle | None) -> Json:
        if bundle is None or bundle.state is not BundleState.LANDED:
            return None
        status = self.node.chain.status(bundle.signatures[0])
        if status is None:
            return None
        return {
            "bundle_id": bundle.id,
            "transactions": list(bundle.signatures),
            "slot": status.slot,
            "confirmation_status": status.confirmation_status,
            "err": {"Ok": None},
        }


_BUNDLE_ROUTES = ("bundles", "getBundleStatuses", "getInflightBundleStatuses", "getTipAccounts")


def _bundle_ids(raw: list[Json]) -> list[str]:
    listed = Params(raw, count=1).raw(0)
    return [as_text(each) for each in as_list(listed, most=MAX_TRANSACTIONS)]


def _decoded(raw: Json, at: int, encoding: str) -> VersionedTransaction:
    try:
        return read_transaction(raw, encoding=encoding)[1]
    except RpcError:
        raise invalid_params(f"transaction #{at} could not be decoded") from None
