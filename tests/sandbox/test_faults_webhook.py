"""The signal provider posts what a leader really did, and webhook faults lose or delay it."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

from tests.cluster import Sandbox, running

SECRET = "a shared secret of the sandbox test"
Posted = tuple[dict[str, str], bytes]


@pytest.fixture(scope="module")
def posts() -> Iterator[tuple[str, "Queue[Posted]"]]:
    """A webhook receiver on loopback: its address and what it got."""
    received: Queue[Posted] = Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.put(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", received
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def talking_process(
    posts: tuple[str, "Queue[Posted]"], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sandbox]:
    folder: Path = tmp_path_factory.mktemp("talking")
    secret = folder / "secret"
    secret.write_text(SECRET)
    arguments = ["--webhook-url", posts[0], "--webhook-secret-file", str(secret)]
    with running(folder, "--leaders", "on", *arguments) as started:
        started.control("POST", "market", {"running": False})
        well_behaved = {"duplicate_probability": 0, "late_probability": 0}
        started.control("POST", "provider", well_behaved)
        yield started


@pytest.fixture
def talking(talking_process: Sandbox, posts: tuple[str, "Queue[Posted]"]) -> Iterator[Sandbox]:
    talking_process.clear()
    while not posts[1].empty():
        posts[1].get()
    yield talking_process
    talking_process.clear()


def trade(sandbox: Sandbox) -> dict[str, Any]:
    """A leader buys a good token now; who and what and its signature."""
    leader = sandbox.control("GET", "leaders")[0]
    mint = sandbox.tokens("memecoin")[0]["mint"]
    body = {"side": "BUY", "mint": mint, "sol": 0.05}
    done = sandbox.control("POST", f"leaders/{leader['address']}/trade", body)
    return {"leader": leader["address"], "mint": mint, "signature": done["signature"]}


def test_a_trade_is_told_signed_with_its_real_signature(
    talking: Sandbox, posts: tuple[str, "Queue[Posted]"]
):
    done = trade(talking)
    headers, body = posts[1].get(timeout=10)
    told = json.loads(body)
    assert told["source_signature"] == done["signature"]
    assert (told["wallet_address"], told["token_address"]) == (done["leader"], done["mint"])
    message = headers["x-timestamp"].encode() + body
    expected = hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest()
    assert headers["x-signature"] == expected
    config = {"commitment": "confirmed", "maxSupportedTransactionVersion": 1}
    landed = talking.rpc("getTransaction", done["signature"], config)["result"]
    assert landed["meta"]["err"] is None


def test_a_dropped_webhook_never_comes(talking: Sandbox, posts: tuple[str, "Queue[Posted]"]):
    talking.fault(plane="webhook", kind="drop_notification", count=1)
    trade(talking)
    with pytest.raises(Empty):
        posts[1].get(timeout=0.5)
    heard = trade(talking)
    assert json.loads(posts[1].get(timeout=10)[1])["source_signature"] == heard["signature"]


def test_a_late_webhook_comes_late(talking: Sandbox, posts: tuple[str, "Queue[Posted]"]):
    talking.fault(plane="webhook", kind="latency", seconds=0.6, count=1)
    start = time.monotonic()
    trade(talking)
    posts[1].get(timeout=10)
    assert time.monotonic() - start >= 0.6


def test_the_provider_can_be_silenced(talking: Sandbox, posts: tuple[str, "Queue[Posted]"]):
    assert talking.control("POST", "provider", {"enabled": False})["enabled"] is False
    trade(talking)
    with pytest.raises(Empty):
        posts[1].get(timeout=0.5)
    assert talking.control("POST", "provider", {"enabled": True})["counters"]["skipped"] == 1


def signature(posts: "Queue[Posted]") -> str:
    return str(json.loads(posts.get(timeout=10)[1])["source_signature"])


def test_a_webhook_comes_twice(talking: Sandbox, posts: tuple[str, "Queue[Posted]"]):
    talking.fault(plane="webhook", kind="duplicate", count=1)
    done = trade(talking)
    assert [signature(posts[1]), signature(posts[1])] == [done["signature"]] * 2


def test_a_webhook_is_overtaken_by_the_next_one(
    talking: Sandbox, posts: tuple[str, "Queue[Posted]"]
):
    talking.fault(plane="webhook", kind="reorder", seconds=60, count=1)
    first, second = trade(talking), trade(talking)
    told = [signature(posts[1]), signature(posts[1])]
    assert told == [second["signature"], first["signature"]]
