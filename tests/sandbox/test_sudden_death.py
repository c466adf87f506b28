"""Killed without warning, the sandbox has lost nothing that anybody was told of."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any

import orjson
import pytest
from solders.keypair import Keypair

from tests.cluster import REPOSITORY, Sandbox, running
from tests.sandbox.payer import Payer, send_wire
from workers.sandbox.chain import Chain
from workers.sandbox.saved import UnableToContinue
from workers.sandbox.world import World

DATED = ("--genesis-time", "1790000000")
LAMPORTS = 1_000_000


def test_the_state_told_is_the_state_found(tmp_path: Path):
    """Funding, a swap of a leader, a moved price and a fork, and death right after the answer."""
    with running(tmp_path, *DATED, mode="slot") as sandbox:
        sandbox.control("POST", "clock", {"running": False})
        sandbox.control("POST", "market", {"running": False})
        token = sandbox.tokens("memecoin")[0]["mint"]
        able = [
            each for each in sandbox.control("GET", "leaders") if each["archetype"] != "example"
        ]
        sandbox.advance(slots=3)
        trade = {"side": "BUY", "mint": token, "sol": 1.0}
        sandbox.control("POST", f"leaders/{able[0]['address']}/trade", trade)
        sandbox.fund(Keypair().pubkey(), LAMPORTS)
        sandbox.control("POST", "fork", {"slots": 1})
        sandbox.control("POST", f"market/{token}/price", {"factor": 1.5})
        told = sandbox.control("GET", "state")
        sandbox.kill()
    chain = Chain.open(tmp_path / "chain.sqlite3", mode="slot")
    assert chain.state_hash() == told["state_hash"]
    assert chain.slot == told["slot"]
    assert chain.transaction_count == told["transactions"]
    world = World.open(chain, history_days=0)
    assert world.market.listings
    chain.close()


def test_nothing_told_is_lost_in_the_middle_of_traffic(tmp_path: Path):
    for _ in range(3):
        with running(tmp_path, "--slot-ms", "20", "--tempo", "300", mode="slot") as sandbox:
            witness = Witness(sandbox)
            traffic = threading.Thread(target=until_dead, args=(witness.send_and_ask,))
            traffic.start()
            while len(witness.landed) < 20 and traffic.is_alive():
                time.sleep(0.05)
            sandbox.kill()
            traffic.join()
        assert len(witness.landed) >= 20
        with running(tmp_path, "--slot-ms", "20", mode="slot") as again:
            witness.compare(again)


class Witness:
    """A client that remembers what it was told: statuses, the newest height and blockhash."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.payer = Payer(sandbox=sandbox, keypair=sandbox.funded_keypair())
        self.receiver = Keypair().pubkey()
        self.sent: list[str] = []
        self.landed: dict[str, int] = {}
        self.height = 0
        self.blockhash = ""
        sandbox.advance(slots=3)

    def send_and_ask(self) -> None:
        """One transfer more, and what the chain says of all so far."""
        latest = self.payer.sandbox.rpc("getLatestBlockhash", {"commitment": "processed"})["result"]
        transaction = self.payer.sign(self.payer.pay(self.receiver, LAMPORTS + len(self.sent)))
        reply = send_wire(self.payer.sandbox, transaction, skipPreflight=True)
        self.blockhash = latest["value"]["blockhash"]
        self.sent.append(reply["result"])
        statuses = self.payer.sandbox.rpc("getSignatureStatuses", self.sent[-50:])["result"]
        for signature, status in zip(self.sent[-50:], statuses["value"], strict=True):
            if status is not None:
                assert status["err"] is None
                self.landed[signature] = status["slot"]
        height = self.payer.sandbox.rpc("getBlockHeight", {"commitment": "processed"})["result"]
        self.height = max(self.height, height)

    def compare(self, sandbox: Sandbox) -> None:
        """Everything told is still so, and the money agrees with what landed."""
        history = {"searchTransactionHistory": True}
        found = sandbox.rpc("getSignatureStatuses", list(self.landed)[-200:], history)["result"]
        for (signature, slot), status in zip(
            list(self.landed.items())[-200:], found["value"], strict=True
        ):
            assert status is not None, f"{signature} was in slot {slot}"
            assert status["slot"] == slot
        height = sandbox.rpc("getBlockHeight", {"commitment": "processed"})["result"]
        assert height >= self.height
        known = sandbox.rpc("isBlockhashValid", self.blockhash, {"commitment": "processed"})
        # By height, not by clock: only the blocks made since can have outlived it.
        assert known["result"]["value"] or height > self.height + 100
        sandbox.advance(slots=3)
        page = {"limit": 1000, "commitment": "confirmed"}
        rows = sandbox.rpc("getSignaturesForAddress", str(self.receiver), page)["result"]
        on_chain = {row["signature"]: row["slot"] for row in rows}
        assert self.landed.items() <= on_chain.items()
        balance = sandbox.rpc("getBalance", str(self.receiver))["result"]["value"]
        assert balance == sum(LAMPORTS + self.sent.index(name) for name in on_chain)


def until_dead(step: Callable[[], Any]) -> None:
    """Repeat until nobody answers any more."""
    try:
        while True:
            step()
    except (OSError, HTTPException, ValueError):
        return


def test_a_chain_of_another_version_says_what_to_do(tmp_path: Path):
    file = tmp_path / "chain.sqlite3"
    Chain.open(file).close()
    forget_the_format(file)
    with pytest.raises(UnableToContinue, match="another version"):
        Chain.open(file)
    command = [sys.executable, "-m", "workers.sandbox", "--data-dir", str(tmp_path), "--port", "0"]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert b"Move the data directory" in ended.stderr
    assert b"Traceback" not in ended.stderr


def forget_the_format(file: Path) -> None:
    """Leave the file as the versions before formats were told apart left it."""
    with sqlite3.connect(file) as sql:
        (stored,) = sql.execute("SELECT value FROM state WHERE name = 'chain'").fetchone()
        numbers = orjson.loads(stored)
        del numbers["format"]
        sql.execute("UPDATE state SET value = ? WHERE name = 'chain'", (orjson.dumps(numbers),))
    sql.close()
