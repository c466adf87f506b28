"""`/sandbox/*`: the hands of tests and operators on the cluster; nothing of it exists on mainnet."""

from collections.abc import Callable
from typing import Any

import orjson
from solders.pubkey import Pubkey

from workers.sandbox.asgi import Request, Response, json_response
from workers.sandbox.cluster import Cluster
from workers.sandbox.faults import InvalidRule
from workers.sandbox.leaders import CannotTrade
from workers.sandbox.trades import Side

Json = Any
_MAX_ADVANCE_SLOTS = 100_000
_MAX_ADVANCE_SECONDS = 400 * 86_400.0


class Impossible(Exception):
    """Said with `status`: 404 unknown, 409 not now, 422 nonsense."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Control:
    """The routes below `/sandbox/`, each one verb of the cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._routes: dict[tuple[str, str], Callable[[dict[str, Json]], Json]] = {
            ("GET", "tokens"): lambda body: cluster.world.tokens(),
            ("GET", "leaders"): lambda body: cluster.world.leaders(),
            ("GET", "state"): lambda body: self.state(),
            ("GET", "faults"): lambda body: self.faults(),
            ("POST", "faults"): self.add_fault,
            ("DELETE", "faults"): lambda body: self.clear_faults(),
            ("POST", "fund"): self.fund,
            ("POST", "advance"): self.advance,
            ("POST", "fork"): self.fork,
            ("POST", "clock"): self.clock,
            ("POST", "market"): self.market,
            ("POST", "provider"): self.provider,
            ("GET", "provider"): lambda body: self.provider({}),
            ("POST", "helius"): cluster.helius.configure,
            ("GET", "helius"): lambda body: cluster.helius.state(),
            ("POST", "block-engine"): self.block_engine,
            ("GET", "block-engine"): lambda body: self.block_engine({}),
        }

    def handle(self, request: Request, path: str) -> Response:
        """Answer `path` (below `/sandbox/`); errors are `{"error": text}`."""
        if path == "health":
            health = self.cluster.health()
            return json_response(health, status=200 if health["status"] == "ok" else 503)
        try:
            return json_response(self._act(request, path))
        except Impossible as error:
            return json_response({"error": str(error)}, status=error.status)
        except KeyError as error:
            return json_response({"error": f"unknown: {error.args[0]}"}, status=404)
        except CannotTrade as error:
            return json_response({"error": str(error)}, status=409)
        except ValueError as error:
            return json_response({"error": str(error)}, status=422)

    def _act(self, request: Request, path: str) -> Json:
        route = self._routes.get((request.method, path))
        body = _body(request)
        if route is not None:
            return route(body)
        match [request.method, *path.split("/")]:
            case ["DELETE", "faults", rule_id]:
                return self.remove_fault(rule_id)
            case ["POST", "leaders", address, "trade"]:
                return self.trade(address, body)
            case ["POST", "market", mint, "price"]:
                return self.cluster.world.set_price(mint, factor=_number(body, "factor"))
            case ["POST", "market", mint, "withdraw"]:
                return self.cluster.world.withdraw(
                    mint,
                    fraction=_number(body, "fraction"),
                    is_balanced="balanced" in body and _switch(body, "balanced"),
                )
            case ["POST", "market", mint, "claw-back"]:
                return self.cluster.world.claw_back(
                    mint, holder=_text(body, "holder"), fraction=_number(body, "fraction")
                )
        raise Impossible(404, f"no {request.method} /sandbox/{path}")

    def state(self) -> Json:
        chain = self.cluster.chain
        return {
            "state_hash": chain.state_hash(),
            "slot": chain.slot,
            "transactions": chain.transaction_count,
        }

    def faults(self) -> Json:
        return [rule.as_json() for rule in self.cluster.faults.rules]

    def add_fault(self, body: dict[str, Json]) -> Json:
        try:
            return self.cluster.faults.add(body).as_json()
        except InvalidRule as error:
            raise Impossible(422, str(error)) from None

    def clear_faults(self) -> Json:
        self.cluster.faults.clear()
        return []

    def remove_fault(self, rule_id: str) -> Json:
        if not rule_id.isdecimal() or not self.cluster.faults.remove(int(rule_id)):
            raise Impossible(404, f"no fault {rule_id}")
        return self.faults()

    def fund(self, body: dict[str, Json]) -> Json:
        """A real transfer from the faucet, so that the chain's own ledger shows it."""
        lamports = _whole(body, "lamports", high=2**63)
        try:
            address = Pubkey.from_string(_text(body, "address"))
        except ValueError:
            raise Impossible(422, "address must be a base58 public key") from None
        record = self.cluster.chain.fund(address, lamports)
        self.cluster.chain.settle()
        return {"signature": record.signature, "err": record.err}

    def advance(self, body: dict[str, Json]) -> Json:
        chain = self.cluster.chain
        if "slots" in body:
            self.cluster.pass_slots(_whole(body, "slots", high=_MAX_ADVANCE_SLOTS))
        else:
            seconds = _number(body, "seconds")
            if not 0 < seconds <= _MAX_ADVANCE_SECONDS:
                raise Impossible(422, f"seconds must be from 0 to {_MAX_ADVANCE_SECONDS}")
            chain.advance(seconds=seconds)
            self.cluster.block_engine.tick()
        return {"slot": chain.slot, "block_height": chain.block_height}

    def fork(self, body: dict[str, Json]) -> Json:
        try:
            self.cluster.chain.fork(_whole(body, "slots", high=100))
        except ValueError as error:
            raise Impossible(409, str(error)) from None
        return {"slot": self.cluster.chain.slot}

    def clock(self, body: dict[str, Json]) -> Json:
        """`running` false: no slot closes by itself until it is true again."""
        self.cluster.is_clock_running = _switch(body, "running")
        return {"running": self.cluster.is_clock_running, "slot": self.cluster.chain.slot}

    def trade(self, address: str, body: dict[str, Json]) -> Json:
        try:
            side = Side(_text(body, "side"))
        except ValueError:
            raise Impossible(422, "side must be BUY or SELL") from None
        return self.cluster.world.trade(
            address,
            side=side,
            mint=_text(body, "mint"),
            sol=_number(body, "sol") if body.get("sol") is not None else None,
            fraction=_number(body, "fraction") if body.get("fraction") is not None else None,
        )

    def market(self, body: dict[str, Json]) -> Json:
        running = _switch(body, "running") if body.get("running") is not None else None
        tempo = _number(body, "tempo") if body.get("tempo") is not None else None
        return self.cluster.world.configure(running=running, tempo=tempo)

    def provider(self, body: dict[str, Json]) -> Json:
        if self.cluster.provider is None:
            raise Impossible(409, "started without --webhook-url")
        return self.cluster.provider.configure(body)

    def block_engine(self, body: dict[str, Json]) -> Json:
        """`has_auction` and `requests_per_second` (null: no limit) of the block engine."""
        engine = self.cluster.block_engine
        if "has_auction" in body:
            engine.has_auction = _switch(body, "has_auction")
        if "requests_per_second" in body:
            rate = body["requests_per_second"]
            engine.limit(None if rate is None else _positive(rate))
        return {
            "has_auction": engine.has_auction,
            "requests_per_second": engine.requests_per_second,
        }


def _body(request: Request) -> dict[str, Json]:
    if not request.body:
        return {}
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        raise Impossible(422, "the body is no JSON") from None
    if not isinstance(body, dict):
        raise Impossible(422, "the body must be a JSON object")
    return body


def _text(body: dict[str, Json], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise Impossible(422, f"{name} must be text")
    return value


def _switch(body: dict[str, Json], name: str) -> bool:
    value = body.get(name)
    if not isinstance(value, bool):
        raise Impossible(422, f"{name} must be true or false")
    return value


def _number(body: dict[str, Json], name: str) -> float:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Impossible(422, f"{name} must be a number")
    return float(value)


def _whole(body: dict[str, Json], name: str, *, high: int) -> int:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= high:
        raise Impossible(422, f"{name} must be a whole number from 1 to {high}")
    return value


def _positive(value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise Impossible(422, "requests_per_second must be null or more than 0")
    return float(value)
