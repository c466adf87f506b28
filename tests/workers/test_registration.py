"""Helius is kept registered for exactly whom the roster wants, seldom and together, whatever it answers."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone
from solders.keypair import Keypair

from audit.models import Incident
from tests import factories
from tests.cluster import Sandbox
from tests.databases import Database
from trading.domain.registrations import Pace
from trading.gateways.helius import Account, Webhook, open_registry
from trading.models import Registration
from wallets.models import Leader, LeaderStatus
from workers.registration import Registrar
from workers.seeding import seed_helius

SECRET = "what is to come back"
DOOR = "http://127.0.0.1:9/api/v1/providers/helius"
PACE = Pace(
    between_looks=timedelta(hours=1),
    gathering=timedelta(minutes=2),
    between_edits=timedelta(minutes=15),
)
START = timezone.now()


def after(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


@pytest.fixture
def registrar(sandbox: Sandbox, database: Database) -> Registrar:
    account = Account(api_key="sandbox-helius-key", post_to=DOOR, secret=SECRET)
    found = Registrar(
        open_registry=partial(
            open_registry, f"{sandbox.url}/helius", account=account, requests_per_second=0
        ),
        pace=PACE,
        most_addresses=3,
    )
    asyncio.run(_delete_all(found))
    return found


async def _delete_all(registrar: Registrar) -> None:
    async with registrar.open_registry() as registry:
        for each in await registry.webhooks():
            await registry.delete(each.id)


def webhooks(registrar: Registrar) -> list[Webhook]:
    async def ask() -> list[Webhook]:
        async with registrar.open_registry() as registry:
            return await registry.webhooks()

    return asyncio.run(ask())


def registered(registrar: Registrar) -> set[str]:
    return {address for each in webhooks(registrar) for address in each.addresses}


def follow(count: int) -> set[str]:
    return {factories.make_leader(str(Keypair().pubkey())).address for _ in range(count)}


def credits(sandbox: Sandbox) -> int:
    return int(sandbox.control("GET", "helius")["counters"].get("credits", 0))


def test_everybody_who_is_followed_is_registered_a_few_to_a_webhook(registrar: Registrar):
    wanted = follow(7)
    registrar.step(now=after(0))
    assert registered(registrar) == set()
    registrar.step(now=after(2))
    assert registered(registrar) == wanted
    assert sorted(len(each.addresses) for each in webhooks(registrar)) == [1, 3, 3]
    row = Registration.objects.get()
    assert (row.wanted, row.registered, row.difference, row.differs_since) == (7, 7, {}, None)


def test_changes_of_the_roster_are_gathered_and_edited_together(
    registrar: Registrar, sandbox: Sandbox
):
    wanted = follow(2)
    registrar.step(now=after(0))
    registrar.step(now=after(2))
    before = credits(sandbox)
    gone = min(wanted)
    for minute in range(3, 17):
        wanted |= follow(1) if minute == 5 else set()
        if minute == 9:
            wanted.remove(gone)
            Leader.objects.filter(address=gone).update(status=LeaderStatus.REJECTED)
        registrar.step(now=after(minute))
    # Nothing was asked and nothing edited until a quarter of an hour after the last edit.
    assert credits(sandbox) == before
    registrar.step(now=after(17))
    assert registered(registrar) == wanted
    # One look, one edit, one look at what it came to; and our own look.
    assert credits(sandbox) == before + 400


def test_what_somebody_else_changes_is_found_and_put_right(registrar: Registrar):
    wanted = follow(2)
    registrar.step(now=after(0))
    registrar.step(now=after(2))
    asyncio.run(_delete_all(registrar))
    registrar.step(now=after(63))
    assert Registration.objects.get().difference["missing"]["count"] == 2
    registrar.step(now=after(66))
    assert registered(registrar) == wanted


def test_a_difference_that_lasts_is_an_incident_and_ends_with_it(
    registrar: Registrar, sandbox: Sandbox
):
    wanted = follow(1)
    rule = sandbox.fault(plane="helius", kind="http_error", status=503)
    for minute in range(0, 120, 10):
        registrar.step(now=after(minute))
    incident = Incident.objects.get(key="helius_registration")
    assert "503" in incident.detail
    assert incident.resolved_at is None
    assert rule is not None
    sandbox.clear()
    registrar.step(now=after(140))
    registrar.step(now=after(160))
    assert registered(registrar) == wanted
    incident.refresh_from_db()
    assert incident.resolved_at is not None


def test_one_process_at_a_time_edits(registrar: Registrar):
    follow(1)
    registrar.step(now=after(0))
    Registration.objects.update(busy_until=after(10))
    registrar.step(now=after(5))
    assert registered(registrar) == set()
    registrar.step(now=after(11))
    assert len(registered(registrar)) == 1


def test_the_command_shows_the_difference_applies_and_lists(
    registrar: Registrar, sandbox: Sandbox, settings
):
    settings.HELIUS_API_URL = f"{sandbox.url}/helius"
    settings.HELIUS_API_KEY, settings.HELIUS_POST_TO = "sandbox-helius-key", DOOR
    settings.HELIUS_REQUESTS_PER_SECOND = 0.0
    seed_helius(secret=SECRET, now=timezone.now())
    [leader] = follow(1)

    def told(*arguments: str) -> str:
        out = StringIO()
        call_command("helius_webhooks", *arguments, stdout=out)
        return out.getvalue()

    with pytest.raises(SystemExit):
        told("--audit")
    assert "exactly the 1 wanted" in told("--apply")
    assert "exactly the 1 wanted" in told()
    assert "1 webhooks post to us" in told("--list")
    assert registered(registrar) == {leader}
