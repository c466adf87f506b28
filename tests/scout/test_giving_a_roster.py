"""Staff give a roster file in the admin: taken over whole, or refused with what to do about it."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from scout import giving
from scout.models import RosterMerge
from scout.roster_file import Refusal
from tests.factories import make_user
from tests.scout.rosters import entry, written
from wallets.models import Leader

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def staff(settings: Any, tmp_path: Path) -> Client:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.DATA_DIR = tmp_path
    client = Client()
    client.force_login(make_user("admin", is_staff=True))
    return client


def give(client: Client, content: bytes, *, name: str = "roster_new.db") -> Any:
    file = SimpleUploadedFile(name, content)
    return client.post(reverse("admin:scout_rostermerge_give"), {"file": file})


def a_roster(tmp_path: Path, *entries: Any) -> bytes:
    path = tmp_path / "theirs.db"
    written(path, *entries)
    return path.read_bytes()


def test_a_file_given_in_the_admin_becomes_the_roster(staff: Client, tmp_path: Path) -> None:
    content = a_roster(tmp_path, entry(), entry(status="CANDIDATE"))
    answer = staff.get(reverse("admin:scout_rostermerge_give"))
    assert b'enctype="multipart/form-data"' in answer.content
    answer = give(staff, content, name="from_the_north.db")
    assert answer.status_code == 302
    assert Leader.objects.count() == 2
    assert RosterMerge.objects.get().origin == "from_the_north.db"
    assert list(tmp_path.glob("roster-*")) == []


@pytest.mark.parametrize(
    ("content", "remedy"),
    [
        (b"", b"The file is empty. Have it written again."),
        (b"no database", giving.REMEDIES[Refusal.FOREIGN].encode()),
        (b"SQLite format 3\x00 and no more", giving.REMEDIES[Refusal.CORRUPT].encode()),
    ],
)
def test_what_is_no_roster_is_refused_with_what_to_do(
    staff: Client, content: bytes, remedy: bytes
) -> None:
    answer = give(staff, content)
    assert answer.status_code == 422
    assert remedy in answer.content
    assert not RosterMerge.objects.exists()


def test_a_roster_given_twice_is_in_use_already(staff: Client, tmp_path: Path) -> None:
    content = a_roster(tmp_path, entry())
    give(staff, content)
    answer = give(staff, content)
    assert answer.status_code == 422
    assert giving.REMEDIES[Refusal.MERGED_BEFORE].encode() in answer.content


def test_a_file_larger_than_any_roster_is_not_even_stored(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(giving, "LARGEST_BYTES", 10)
    answer = give(staff, b"x" * 11)
    assert answer.status_code == 422
    assert b"has 11 bytes; a roster has at most 10" in answer.content


def test_who_may_not_change_the_roster_gives_none(staff: Client) -> None:
    onlooker = make_user("onlooker", is_staff=True)
    User.objects.filter(pk=onlooker.pk).update(is_superuser=False)
    staff.force_login(onlooker)
    assert give(staff, b"no database").status_code == 403


def test_every_refusal_has_its_remedy() -> None:
    assert set(giving.REMEDIES) == set(Refusal)
