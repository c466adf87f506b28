"""Refused requests do not fill the disk, and what a signal came from is never forgotten."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from audit.models import DeadLetter, Entry
from tests import factories
from trading.domain.policy import Policy
from trading.models import Delivery, Hearing, LeaderLeg, LeaderTrade, Notice, Provider, Signal
from trading.services import retention
from trading.services.hearings import Told, note_hearing
from trading.services.retention import Forgotten, forget_old

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.both_databases]
NOW = timezone.now()
NOTHING = Forgotten(requests=0, bodies=0, dead_letters=0)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def provider(database: Any) -> Provider:
    factories.make_policy_revision(
        Policy(turned_away_days=1, refused_body_days=30, dead_letter_days=90)
    )
    return Provider.objects.create(name="ada")


def delivered(provider: Provider, code: str, *, at: datetime, body: str = "{}") -> Delivery:
    return Delivery.objects.create(
        provider=provider,
        received_at=at,
        body=body,
        http_status=400,
        answer="rejected" if code else "accepted",
        code=code,
        signal=None if code else factories.make_signal(),
    )


def letter(*, code: str = "BUG", at: datetime, resolved_at: datetime | None = None) -> DeadLetter:
    return DeadLetter.objects.create(
        source="tests", code=code, text="", payload={}, is_retryable=False, created_at=at,
        resolved_at=resolved_at,
    )  # fmt: skip


def test_what_nobody_looked_at_goes_after_a_day(provider: Provider) -> None:
    for code in ("rate_limited", "replayed_request"):
        delivered(provider, code, at=NOW - DAY - timedelta(seconds=1), body="")
        delivered(provider, code, at=NOW - DAY + timedelta(seconds=1), body="")
    assert forget_old(now=NOW) == Forgotten(requests=2, bodies=0, dead_letters=0)
    assert Delivery.objects.count() == 2
    assert forget_old(now=NOW) == NOTHING


def test_of_a_flood_the_newest_stay(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "TURNED_AWAY_ROWS", 3)
    monkeypatch.setattr(retention, "ROWS_AT_ONCE", 2)
    for seconds in range(10):
        delivered(provider, "rate_limited", at=NOW - timedelta(seconds=seconds), body="")
    refused = delivered(provider, "validation_failed", at=NOW - timedelta(hours=1))
    assert forget_old(now=NOW).requests == 7
    left = Delivery.objects.exclude(pk=refused.pk).order_by("-received_at")
    assert [NOW - each.received_at for each in left] == [timedelta(seconds=n) for n in range(3)]
    refused.refresh_from_db()
    assert refused.body == "{}"


def test_a_refused_body_goes_after_its_time_and_the_answer_stays(provider: Provider) -> None:
    old = [
        delivered(provider, code, at=NOW - 31 * DAY)
        for code in ("validation_failed", "queue_full", "FREEZE_AUTHORITY")
    ]
    young = delivered(provider, "validation_failed", at=NOW - 29 * DAY)
    assert forget_old(now=NOW) == Forgotten(requests=0, bodies=3, dead_letters=0)
    for row in old:
        row.refresh_from_db()
        assert (row.body, row.http_status, row.code != "") == ("", 400, True)
    young.refresh_from_db()
    assert young.body == "{}"


def test_what_a_signal_came_from_is_kept_for_ever(provider: Provider) -> None:
    accepted = delivered(provider, "", at=NOW - 4_000 * DAY)
    assert forget_old(now=NOW) == NOTHING
    accepted.refresh_from_db()
    assert accepted.body == "{}"
    assert Signal.objects.count() == 1


def test_old_dead_letters_go_unless_somebody_still_has_to_look(provider: Provider) -> None:
    old = NOW - 91 * DAY
    letter(at=old, resolved_at=NOW)
    letter(code="LOAD_SHED", at=old)
    kept = {letter(at=old).pk, letter(at=NOW - 89 * DAY, resolved_at=NOW).pk}
    assert forget_old(now=NOW) == Forgotten(requests=0, bodies=0, dead_letters=2)
    assert set(DeadLetter.objects.values_list("pk", flat=True)) == kept


def test_who_told_of_a_trade_goes_and_what_was_made_of_it_stays(provider: Provider) -> None:
    for days in (29, 31):
        at = NOW - days * DAY
        for name in ("traded", "told"):
            told = Told(leader_address=factories.LEADER, signature=f"{name} {days}", heard_at=at)
            note_hearing(told, source="ada")
    traded = LeaderTrade.objects.get(signature="traded 31")
    LeaderLeg.objects.create(
        trade=traded, action="BUY", mint=factories.MINT, amount_raw=1, decimals=0, decided_at=NOW
    )
    assert forget_old(now=NOW) == Forgotten(
        requests=0, bodies=0, dead_letters=0, hearings=2, trades=1
    )
    left = set(LeaderTrade.objects.values_list("signature", flat=True))
    assert left == {"traded 29", "told 29", "traded 31"}
    assert set(Hearing.objects.values_list("trade__signature", flat=True)) == left - {"traded 31"}


def test_what_was_posted_goes_once_it_is_old_and_read(provider: Provider) -> None:
    for days, read_at in ((8, NOW), (8, None), (6, NOW)):
        Notice.objects.create(
            provider=provider,
            received_at=NOW - days * DAY,
            body="[{}]",
            transactions=1,
            read_at=read_at,
        )
    assert forget_old(now=NOW).notices == 1
    left = Notice.objects.exclude(body="").values_list("received_at", "read_at")
    assert set(left) == {(NOW - 8 * DAY, None), (NOW - 6 * DAY, NOW)}


def test_forgetting_leaves_one_line_and_forgetting_nothing_none(provider: Provider) -> None:
    forget_old(now=NOW)
    assert not Entry.objects.filter(actor="retention").exists()
    for _ in range(3):
        delivered(provider, "rate_limited", at=NOW - 2 * DAY, body="")
    forget_old(now=NOW)
    line = Entry.objects.get(actor="retention")
    assert (line.action, line.after) == (
        "old.forgotten",
        {
            "requests": 3,
            "bodies": 0,
            "dead_letters": 0,
            "hearings": 0,
            "trades": 0,
            "notices": 0,
        },
    )


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (retention.FORGET_REQUESTS, "delivery_turned_away"),
        (retention.EMPTY_BODIES, "delivery_refused_body"),
    ],
)
def test_nobody_reads_all_requests_to_find_the_old_ones(statement: str, index: str) -> None:
    explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")  # the table is too small to need its index
        cursor.execute(f"{explain} {statement}", [NOW.replace(tzinfo=None), 10])
        plan = "\n".join(str(row) for row in cursor.fetchall())
    assert index in plan
