"""A real ingress process with a real database, and a hand to knock with; no tests here."""

import hashlib
import hmac
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from tests.ports import leased_port

REPOSITORY = Path(__file__).resolve().parents[2]
SECRET = "the provider's secret"
HELIUS_SECRET = "what Helius is to send back"
START_SECONDS = 60
SEED = """
from django.utils import timezone
from trading.models import Token
from workers.seeding import seed_helius, seed_rules
seed_rules(mode="sandbox", webhook_secret={secret!r}, is_halted=False, now=timezone.now())
seed_helius(secret={helius!r}, now=timezone.now())
Token.objects.create(mint={bonk!r}, symbol="BONK")
for mint in {twins!r}:
    Token.objects.create(mint=mint, symbol="TWIN")
"""
BONK = "DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263"
TWINS = (
    "JUPyiwrYJFskUPiHa7hkeR8VUtAeFoSYbKedZNsDvCN",
    "EKpQGSJtjMFqKZ9KQanSqYXRcF8fBopzLHYxdM65zcjm",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, its body parsed where it is JSON."""

    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A listening ingress and its database file."""

    port: int
    database: Path
    log: Path
    source: str = "127.0.0.1"

    def post(self, body: Any, headers: Mapping[str, str]) -> Answer:
        """POST exactly this; an iterable body goes out chunked."""
        return self.request("POST", "/api/v1/webhook", body, headers)

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        with closing(self._connection()) as connection:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            raw = response.read()
            found = {name.lower(): value for name, value in response.getheaders()}
        is_json = "json" in found.get("content-type", "")
        return Answer(
            status=response.status, body=json.loads(raw) if is_json and raw else raw, headers=found
        )

    def _connection(self) -> HTTPConnection:
        where = (self.source, 0)
        return HTTPConnection("127.0.0.1", self.port, timeout=20, source_address=where)

    def send(self, body: bytes, *, age_seconds: int = 0) -> Answer:
        """POST signed, the timestamp so many seconds back."""
        return self.post(body, signature(body, timestamp=int(time.time()) - age_seconds))

    def tell(self, body: Any, *, secret: str = HELIUS_SECRET) -> Answer:
        """POST as Helius does."""
        headers = {"Authorization": secret, "Content-Type": "application/json"}
        return self.request("POST", "/api/v1/providers/helius", body, headers)

    def deliveries(self, body: str) -> list[tuple[int, str, str]]:
        """(status, code, details) of every stored request with this body."""
        query = "SELECT http_status, code, details FROM trading_delivery WHERE body = ? ORDER BY id"
        return self.rows(query, body)

    def rows(self, query: str, *values: Any) -> list[Any]:
        with closing(sqlite3.connect(self.database, timeout=10)) as connection:
            return connection.execute(query, values).fetchall()


def signature(body: bytes, *, timestamp: int | str, secret: str = SECRET) -> dict[str, str]:
    """The two headers of specification §3."""
    message = f"{timestamp}".encode() + body
    digest = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    return {"X-Timestamp": f"{timestamp}", "X-Signature": digest}


@contextmanager
def open_door(directory: Path, *, more: str = "", **extra: str) -> Iterator[Door]:
    """An ingress with one provider, the symbol BONK, and TWIN, the symbol of two tokens.

    `more` is run as well before it opens; `extra` are variables of its environment.
    """
    environment = {
        **os.environ,
        "CHIMERA_MODE": "sandbox",
        "CHIMERA_PROCESS": "web",
        "CHIMERA_DATA_DIR": str(directory),
        "RUNTIME_DIR": str(directory),
        "DATABASE_URL": f"sqlite:///{directory}/door.sqlite3",
        "PYTHONWARNINGS": "default",
        **extra,
    }
    names = {"secret": SECRET, "helius": HELIUS_SECRET, "bonk": BONK, "twins": TWINS}
    seed = SEED.format(**names) + more
    for arguments in (["migrate", "-v0"], ["shell", "-v0", "-c", seed]):
        _run(arguments, environment)
    log = directory / "door.log"
    with leased_port() as port, log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "ingress", "--port", str(port)],
            cwd=REPOSITORY,
            env={**environment, "CHIMERA_PROCESS": "ingress"},
            stdout=output,
            stderr=output,
        )
        door = Door(port=port, database=directory / "door.sqlite3", log=log)
        try:
            wait_until_open(door, process)
            yield door
        finally:
            process.terminate()
            process.wait(20)


def _run(arguments: list[str], environment: dict[str, str]) -> None:
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True)


def wait_until_open(door: Door, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if door.request("GET", "/health").status == 200:
                return
        except (OSError, HTTPException):
            # Before it listens, a connection to its port may come to be its own other end.
            time.sleep(0.05)
    raise AssertionError(f"the door does not open: {door.log.read_text()}")
