"""The sandbox's Helius posts what registered leaders did, in the form that says the same as a node's."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.cluster import Sandbox
from trading.domain.swaps import Direction, parse_swap
from trading.gateways.jito import TIP_ACCOUNTS
from workers.sandbox.helius import API_KEY

SECRET = "what is to come back"
PATIENCE_SECONDS = 20
Posted = tuple[str, Any]


@pytest.fixture(scope="module")
def door() -> Iterator[tuple[str, "Queue[Posted]"]]:
    """Where Helius is told to post, and what came: (Authorization, body)."""
    received: Queue[Posted] = Queue()

    class Receiver(BaseHTTPRequestHandler):
        answers: list[int] = []

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.put((self.headers["Authorization"], json.loads(body)))
            self.send_response(self.answers.pop(0) if self.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/door", received
    server.shutdown()
    server.server_close()
    thread.join()


def call(sandbox: Sandbox, method: str, path: str = "", body: Any = None) -> Any:
    url = f"{sandbox.url}/helius/v0/webhooks{path}?api-key={API_KEY}"
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data=data, method=method), timeout=10) as reply:
        return json.load(reply)


@pytest.fixture
def leader(sandbox: Sandbox, door: tuple[str, "Queue[Posted]"]) -> Iterator[str]:
    """A leader whose trades are posted to the door."""
    address = str(sandbox.control("GET", "leaders")[0]["address"])
    body = {
        "webhookURL": door[0],
        "transactionTypes": ["ANY"],
        "accountAddresses": [address],
        "webhookType": "enhanced",
        "authHeader": SECRET,
    }
    made = call(sandbox, "POST", body=body)
    yield address
    sandbox.clear()
    call(sandbox, "DELETE", f"/{made['webhookID']}")
    while not door[1].empty():
        door[1].get()


def trade(sandbox: Sandbox, leader: str, **fields: Any) -> Any:
    return sandbox.control("POST", f"leaders/{leader}/trade", fields)


def mint_of(sandbox: Sandbox) -> str:
    return str(sandbox.tokens("major")[0]["mint"])


def test_a_purchase_and_a_sale_say_the_same_in_both_forms(
    sandbox: Sandbox, door: tuple[str, "Queue[Posted]"], leader: str
):
    mint = mint_of(sandbox)
    trade(sandbox, leader, side="BUY", mint=mint, sol=0.5)
    trade(sandbox, leader, side="SELL", mint=mint, fraction=0.5)
    heard = set()
    for _ in range(2):  # in either order: nobody promises one
        authorization, [told] = door[1].get(timeout=PATIENCE_SECONDS)
        assert authorization == SECRET
        options = {
            "commitment": "confirmed",
            "encoding": "json",
            "maxSupportedTransactionVersion": 1,
        }
        of_node = sandbox.rpc("getTransaction", told["signature"], options)["result"]
        ours, theirs = (
            parse_swap(each, wallet=leader, tip_accounts=TIP_ACCOUNTS) for each in (told, of_node)
        )
        assert ours.direction is theirs.direction
        heard.add(ours.direction)
        assert ours.token_mint == theirs.token_mint == mint
        for name in (
            "signature",
            "base_delta_raw",
            "token_delta_raw",
            "legs",
            "slot",
            "block_time",
        ):
            assert getattr(ours, name) == getattr(theirs, name)
    assert heard == {Direction.BUY, Direction.SELL}


def test_strangers_are_not_posted(sandbox: Sandbox, door: tuple[str, "Queue[Posted]"], leader: str):
    other = str(sandbox.control("GET", "leaders")[1]["address"])
    trade(sandbox, other, side="BUY", mint=mint_of(sandbox), sol=0.1)
    trade(sandbox, leader, side="BUY", mint=mint_of(sandbox), sol=0.1)
    _, [told] = door[1].get(timeout=PATIENCE_SECONDS)
    assert told["feePayer"] == leader


def test_a_lost_post_is_gone_and_a_doubled_one_comes_twice(
    sandbox: Sandbox, door: tuple[str, "Queue[Posted]"], leader: str
):
    rule = {"plane": "webhook", "endpoint": "helius", "count": 1}
    sandbox.fault(kind="drop_notification", **rule)
    lost = trade(sandbox, leader, side="BUY", mint=mint_of(sandbox), sol=0.1)
    while not sandbox.control("GET", "helius")["counters"].get("dropped"):
        time.sleep(0.05)
    sandbox.fault(kind="duplicate", **rule)
    trade(sandbox, leader, side="BUY", mint=mint_of(sandbox), sol=0.2)
    first, second = (door[1].get(timeout=PATIENCE_SECONDS)[1] for _ in range(2))
    assert first == second
    assert first[0]["signature"] != lost["signature"]
