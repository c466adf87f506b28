"""A real sandbox process for tests: started, spoken to over loopback, stopped; no tests here."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

REPOSITORY = Path(__file__).resolve().parents[1]
START_SECONDS = 60.0
STOP_SECONDS = 20.0
LAMPORTS_PER_SOL = 10**9


class Refused(Exception):
    """A control route answered something else than 2xx; `status` and `body` say what."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A listening sandbox. The helpers block for a few milliseconds, in async tests as well."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def rpc_url(self) -> str:
        return f"{self.url}/"

    @property
    def ws_url(self) -> str:
        return f"ws{self.url.removeprefix('http')}/"

    @property
    def jito_url(self) -> str:
        return f"{self.url}/jito"

    @property
    def jupiter_url(self) -> str:
        return f"{self.url}/jupiter"

    @property
    def dexscreener_url(self) -> str:
        return f"{self.url}/dexscreener"

    def exchange(
        self, method: str, path: str, body: Any = None, *, timeout_seconds: float = 30.0
    ) -> tuple[int, bytes, dict[str, str]]:
        """(status, body, headers in lower case) of one HTTP call; bytes are sent as they are."""
        payload = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        host = self.url.removeprefix("http://")
        connection = HTTPConnection(host, timeout=timeout_seconds)
        try:
            connection.request(method, path, payload, {"Content-Type": "application/json"})
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return response.status, response.read(), headers
        finally:
            connection.close()

    def kill(self) -> None:
        """SIGKILL: no time to save anything."""
        self.process.kill()
        self.process.wait()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of a `/sandbox/` route; Refused unless it answers 2xx."""
        status, raw, _ = self.exchange(method, f"/sandbox/{path}", body)
        reply = json.loads(raw)
        if not 200 <= status < 300:
            raise Refused(status, reply)
        return reply

    def rpc(self, method: str, *params: Any, endpoint: str = "/") -> dict[str, Any]:
        """The whole JSON-RPC reply, `result` or `error`."""
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        reply: dict[str, Any] = json.loads(self.exchange("POST", endpoint, call)[1])
        return reply

    def fund(self, address: Pubkey | str, lamports: int = 10 * LAMPORTS_PER_SOL) -> str:
        """A real transfer from the faucet; its signature."""
        body = {"address": str(address), "lamports": lamports}
        return str(self.control("POST", "fund", body)["signature"])

    def funded_keypair(self, lamports: int = 10 * LAMPORTS_PER_SOL) -> Keypair:
        keypair = Keypair()
        self.fund(keypair.pubkey(), lamports)
        return keypair

    def advance(self, *, slots: int | None = None, seconds: float | None = None) -> None:
        """Time passes; `slots` makes blocks, so blockhashes grow old."""
        self.control("POST", "advance", {"slots": slots} if slots else {"seconds": seconds})

    def fault(self, **rule: Any) -> int:
        """Switch a fault on; its id."""
        return int(self.control("POST", "faults", rule)["id"])

    def clear(self) -> None:
        """Switch every fault off."""
        self.control("DELETE", "faults")

    def tokens(self, kind: str | None = None) -> list[dict[str, Any]]:
        """The tokens on offer, of one kind or all."""
        listed = self.control("GET", "tokens")
        return [each for each in listed if kind is None or each["kind"] == kind]


@contextmanager
def running(
    data_dir: Path, *arguments: str, mode: str = "instant", patience_seconds: float = START_SECONDS
) -> Iterator[Sandbox]:
    """A sandbox process on a free port without history and leaders unless `arguments` say so.

    Stopped by its own process id; leaving the block fails when it did not end cleanly, or by `kill`.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    log = data_dir / "sandbox.log"
    # One that was killed could not take its address back.
    (data_dir / "url").unlink(missing_ok=True)
    command = [sys.executable, "-m", "workers.sandbox", "--data-dir", str(data_dir)]
    defaults = ["--port", "0", "--mode", mode, "--history-days", "0", "--leaders", "off"]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*command, *defaults, *arguments], cwd=REPOSITORY, stdout=output, stderr=output
        )
    try:
        url = _wait_for_url(data_dir / "url", process, log, patience_seconds)
        yield Sandbox(url=url, process=process, log=log)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert process.returncode in (0, -SIGKILL), f"ended with {process.returncode}:\n{_tail(log)}"


def _wait_for_url(
    file: Path, process: subprocess.Popen[bytes], log: Path, patience_seconds: float
) -> str:
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        if file.exists():
            return file.read_text()
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise AssertionError(f"the sandbox did not start:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-4_000:]


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One instant-mode sandbox per test process, so one per xdist worker."""
    with running(tmp_path_factory.mktemp("sandbox")) as started:
        yield started


@pytest.fixture
def sandbox(sandbox_process: Sandbox) -> Iterator[Sandbox]:
    """The sandbox with no fault on, before and after, and a market that stands still."""
    sandbox_process.clear()
    sandbox_process.control("POST", "market", {"running": False})
    yield sandbox_process
    sandbox_process.clear()
