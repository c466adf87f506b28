"""Real signal doors on a database that a test can look into, and many hands to knock with; no tests here."""

import hashlib
import hmac
import itertools
import json
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils import timezone

from tests import factories
from tests.databases import Database
from tests.ports import leased_port
from tests.storage.processes import House, open_house
from tests.trading.door import Answer, Door, signature, wait_until_open
from trading.models import Provider, ProviderSecret

ADA, BOB = "ada's secret", "bob's secret"
HANDS = 16
TRIES = 3
numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """One signed request, which may be sent again as it is."""

    body: bytes
    headers: dict[str, str]

    def at(self, door: Door) -> Answer:
        return door.post(self.body, self.headers)


@dataclass(slots=True, kw_only=True)
class Street:
    """Some doors of one platform."""

    house: House
    database: Database
    doors: list[Door] = field(default_factory=list)

    def count(self, table: str, where: str = "1 = 1") -> int:
        query = f"SELECT count(*) FROM trading_{table} WHERE {where}"  # noqa: S608
        return int(self.database.rows(query)[0][0])

    def deliver(self, knocks: Sequence[Knock]) -> list[Answer]:
        """As a provider does it: what the storage refuses, on a machine that is too busy, is sent again as it is."""
        answers = self.send(knocks)
        for _ in range(TRIES):
            refused = [place for place, answer in enumerate(answers) if answer.status == 503]
            again = self.send([knocks[place] for place in refused])
            for place, answer in zip(refused, again, strict=True):
                answers[place] = answer
        return answers

    def send(self, knocks: Sequence[Knock]) -> list[Answer]:
        """All of them from many hands at once, each at the next door; the answers in their order."""
        turns = zip(knocks, itertools.cycle(self.doors))
        with ThreadPoolExecutor(HANDS) as hands:
            return list(hands.map(lambda turn: turn[0].at(turn[1]), turns))


def signal(**changes: Any) -> bytes:
    """A good signal that no other one equals, unless `changes` make it so."""
    fields = {
        "strategy": "SHIELD",
        "token": "BONK",
        "token_address": factories.MINT,
        "action": "BUY",
        "amount_sol": "0.25",
        "wallet_address": factories.LEADER,
        "trade_uuid": f"n{next(numbers)}",
        **changes,
    }
    return json.dumps({key: value for key, value in fields.items() if value is not None}).encode()


def knock(*, secret: str = ADA, age_seconds: float = 0, **changes: Any) -> Knock:
    body, timestamp = signal(**changes), int(time.time() - age_seconds)
    return Knock(body=body, headers=signature(body, timestamp=timestamp, secret=secret))


def standard_knock(*, secret: str = ADA, **changes: Any) -> Knock:
    """The same by the Standard Webhooks headers."""
    body, timestamp, name = signal(**changes), int(time.time()), f"msg_{next(numbers)}"
    content = f"{name}.{timestamp}.".encode() + body
    digest = b64encode(hmac.new(secret.encode(), content, hashlib.sha256).digest()).decode()
    headers = {"webhook-id": name, "webhook-timestamp": str(timestamp)}
    return Knock(body=body, headers={**headers, "webhook-signature": f"v1,{digest}"})


def statuses(answers: Iterable[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


def hire(name: str, *secrets: str, **limits: Any) -> Provider:
    """A provider with a wide bucket unless told otherwise."""
    wide = {"requests_per_second": 10_000, "burst": 10_000, **limits}
    provider = Provider.objects.create(name=name, **wide)
    for secret in secrets:
        ProviderSecret.objects.create(provider=provider, secret=secret, created_at=timezone.now())
    return provider


@contextmanager
def open_street(
    directory: Path, database: Database, *, doors: int = 1, **environment: str
) -> Iterator[Street]:
    """Doors with two providers, ada and bob, and trading on."""
    factories.make_policy_revision()
    factories.make_trading_state()
    hire("ada", ADA)
    hire("bob", BOB)
    with ExitStack() as leases, open_house(directory, database, **environment) as house:
        street = Street(house=house, database=database)
        for port in [leases.enter_context(leased_port()) for _ in range(doors)]:
            house.start("ingress", "--port", str(port))
            street.doors.append(Door(port=port, database=database.file, log=house.log))
        for door, process in zip(street.doors, house.started, strict=True):
            wait_until_open(door, process)
        yield street
        # Whatever the database did, the very same processes are still at the door.
        assert [process.poll() for process in house.started] == [None] * doors, (
            house.log.read_text()
        )
