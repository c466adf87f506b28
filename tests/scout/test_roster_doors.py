"""Every door by which a roster comes in: HTTP, the command, SIGHUP to the executor; each refusal has its sentence."""

import asyncio
import os
import signal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from audit.models import Incident
from tests.factories import make_user
from tests.platform import until
from tests.scout.rosters import entry, roster, written
from wallets.models import Leader
from workers.rosters import take_over, take_over_on_hangup

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def path(settings: Any, tmp_path: Path) -> Path:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.ROSTER_FILE = tmp_path / "roster_new.db"
    return settings.ROSTER_FILE


@pytest.fixture
def staff(path: Path) -> Client:
    client = Client()
    client.force_login(make_user("admin", is_staff=True))
    return client


def test_http_validates_and_merges_once(staff: Client, path: Path) -> None:
    written(path, entry(), entry(status="REJECTED"))
    found = staff.get("/api/v1/roster/validate").json()
    assert (found["status"], found["wallets"]) == ("valid", 2)
    assert found["statuses"] == {"ACTIVE": 1, "CANDIDATE": 0, "REJECTED": 1}
    assert not Leader.objects.exists()
    merged = staff.post("/api/v1/roster/merge").json()
    assert (merged["status"], merged["changed"]) == ("merged", 1)
    again = staff.post("/api/v1/roster/merge")
    assert (again.status_code, again.json()["reason"]) == (409, "merged_before")
    assert again.json()["details"]["roster"].endswith("was taken over before.")


def test_http_says_what_is_wrong_with_a_file(staff: Client, path: Path) -> None:
    assert staff.get("/api/v1/roster/validate").status_code == 404
    path.write_text("no database")
    answer = staff.post("/api/v1/roster/merge")
    assert (answer.status_code, answer.json()["reason"]) == (422, "foreign")


def test_http_is_for_staff_with_a_token(path: Path) -> None:
    written(path)
    assert Client().post("/api/v1/roster/merge").status_code == 401
    trader = Client()
    trader.force_login(make_user("trader"))
    answer = trader.post("/api/v1/roster/merge")
    assert (answer.status_code, answer.json()) == (
        403,
        {"status": "rejected", "reason": "staff_only"},
    )
    careless = Client(enforce_csrf_checks=True)
    careless.force_login(make_user("admin", is_staff=True))
    assert careless.post("/api/v1/roster/merge").status_code == 403
    assert not Leader.objects.exists()


def test_the_command_takes_a_roster_over_or_names_the_refusal(path: Path) -> None:
    written(path)
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("scout", "merge", str(path), stdout=out)
    assert ended.value.code == 0
    assert "1 places changed" in out.getvalue()
    with pytest.raises(CommandError, match="MERGED_BEFORE"):
        call_command("scout", "merge", str(path))


def test_a_refusal_at_the_executor_is_an_incident_until_a_roster_is_taken_over(path: Path) -> None:
    assert not take_over(path, now=timezone.now())
    assert "MISSING" in Incident.objects.get(resolved_at=None).detail
    written(path)
    assert take_over(path, now=timezone.now())
    assert not Incident.objects.filter(resolved_at=None).exists()


async def test_sighup_takes_the_roster_over_as_often_as_it_comes(path: Path) -> None:
    watch = asyncio.create_task(take_over_on_hangup(path, clock=timezone.now))
    try:
        for number in (1, 2):
            written(path, *roster(entry()).entries, created_at=timezone.now())
            await asyncio.sleep(0)
            os.kill(os.getpid(), signal.SIGHUP)
            await until(lambda number=number: _has(number), seconds=60)
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


async def _has(number: int) -> bool:
    return await Leader.objects.acount() == number
