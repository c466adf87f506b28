"""Fills an empty sandbox platform so that trading starts at once: people, roster, tokens, policy, money.

Everything is done once; running it again changes nothing that people have changed meanwhile.
"""

import json
import secrets
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from audit import services as audit
from audit.models import PolicyRevision
from trading.domain.hearing import HELIUS
from trading.domain.policy import Policy, as_json
from trading.domain.values import LAMPORTS_PER_SOL
from trading.models import Door, Provider, ProviderSecret, Token, TradingState
from trading.services.paper import ensure_capital
from wallets.models import TradingWallet
from wallets.vault import create_trading_key, open_trading_key
from workers.first_roster import Member, first_roster

ACTOR = "set-up"
REASON = "first start"
STARTING_LAMPORTS = 50 * LAMPORTS_PER_SOL
DEMO_USERS = {"admin": True, "trader": False}
TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """The sandbox's control routes."""

    url: str

    def get(self, path: str) -> Any:
        """The JSON of a control route."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=TIMEOUT_SECONDS) as reply:  # noqa: S310
            return json.load(reply)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The JSON that a control route answers to a body."""
        request = urllib.request.Request(  # noqa: S310 - the address is our own sandbox's
            f"{self.url}{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as reply:  # noqa: S310
            return json.load(reply)

    def balance_lamports(self, address: str) -> int:
        """The wallet's balance as the chain has it."""
        call = {"jsonrpc": "2.0", "id": 1, "method": "getBalance", "params": [address]}
        return int(self.post("/", call)["result"]["value"])


def seed(
    *,
    sandbox: Sandbox,
    wallet: str,
    password_file: Path,
    now: datetime,
    say: Callable[[str], None],
) -> None:
    """Everything a sandbox platform needs before its first signal, besides the rules."""
    seed_people(password_file)
    seed_market(sandbox)
    seed_roster(sandbox, say=say)
    seed_wallet(sandbox, wallet, now=now)


def demo_password(file: Path) -> str:
    """The demo users' password, made once per data directory."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(9))
    return file.read_text()


@transaction.atomic
def seed_people(password_file: Path) -> None:
    """The demo users: `admin` may do everything, `trader` sees the live pages."""
    for name, is_admin in DEMO_USERS.items():
        if not User.objects.filter(username=name).exists():
            make = User.objects.create_superuser if is_admin else User.objects.create_user
            make(name, password=demo_password(password_file))


@transaction.atomic
def seed_rules(*, mode: str, webhook_secret: str, is_halted: bool, now: datetime) -> None:
    """Default policy, trading state and one provider, in any mode.

    Entries that begin halted wait for a person to resume them.
    """
    if not PolicyRevision.objects.exists():
        audit.propose_revision(as_json(Policy()), actor=ACTOR, reason=REASON, now=now)
    TradingState.objects.get_or_create(
        pk=1,
        defaults={
            "entries_halted": is_halted,
            "reason": REASON,
            "actor": ACTOR,
            "changed_at": now,
        },
    )
    provider, _ = Provider.objects.get_or_create(name=mode)
    ProviderSecret.objects.get_or_create(
        provider=provider, secret=webhook_secret, defaults={"created_at": now}
    )


@transaction.atomic
def seed_market(sandbox: Sandbox) -> None:
    """The sandbox's tokens as the registry of symbols."""
    for token in sandbox.get("/sandbox/tokens"):
        Token.objects.get_or_create(
            mint=token["mint"], defaults={"symbol": token["symbol"], "name": token["name"]}
        )


def seed_roster(sandbox: Sandbox, *, say: Callable[[str], None]) -> None:
    """The sandbox's leaders as the roster, placed by Scout where there is a history to read."""
    cast = [
        Member(
            address=leader["address"],
            name=leader["name"],
            archetype=leader["archetype"],
            strategy=leader["strategy"],
            place=leader["roster_status"],
        )
        for leader in sandbox.get("/sandbox/leaders")
    ]
    clock = float(sandbox.post("/sandbox/market", {})["clock"])
    first_roster(cast, history_seconds=clock, clock=timezone.now, say=say)


@transaction.atomic
def seed_paper(*, wallet: str, capital_sol: str, now: datetime) -> None:
    """The paper wallet, and its capital as it is configured now: a change is paid in, or out."""
    TradingWallet.objects.get_or_create(
        address=wallet, defaults={"label": "paper", "created_at": now}
    )
    ensure_capital(lamports=int(Decimal(capital_sol) * LAMPORTS_PER_SOL), now=now)


def seed_wallet(sandbox: Sandbox, address: str, *, now: datetime) -> None:
    """Our wallet, and its first money from the sandbox's faucet."""
    TradingWallet.objects.get_or_create(
        address=address, defaults={"label": "sandbox", "created_at": now}
    )
    if sandbox.balance_lamports(address) == 0:
        sandbox.post("/sandbox/fund", {"address": address, "lamports": STARTING_LAMPORTS})


def trading_address(file: Path) -> str:
    """The address of the trading key in its file, which is made if there is none."""
    keypair = open_trading_key(file) if file.exists() else create_trading_key(file)
    return str(keypair.pubkey())


@transaction.atomic
def seed_helius(*, secret: str, now: datetime) -> None:
    """Helius as somebody who may tell of leaders' transactions."""
    provider, _ = Provider.objects.get_or_create(name=HELIUS, defaults={"door": Door.HELIUS})
    ProviderSecret.objects.get_or_create(
        provider=provider, secret=secret, defaults={"created_at": now}
    )
