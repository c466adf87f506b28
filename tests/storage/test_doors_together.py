"""Two signal doors, one platform: what one of them has seen, the other one knows."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from solders.keypair import Keypair

from tests.databases import Database
from tests.storage.doors import (
    ADA,
    BOB,
    Knock,
    Street,
    hire,
    knock,
    open_street,
    standard_knock,
    statuses,
)
from tests.trading.door import Answer
from trading.models import Provider, ProviderSecret

SETTLE_SECONDS = 1.5
"""The doors read secrets and flags again every second."""


@pytest.fixture
def street(database: Database, tmp_path: Path) -> Iterator[Street]:
    with open_street(tmp_path, database, doors=2) as opened:
        yield opened


def at_each(street: Street, sent: Knock) -> list[Answer]:
    return [sent.at(door) for door in street.doors]


@pytest.mark.both_databases
def test_five_hundred_copies_at_once_are_one_signal(street: Street) -> None:
    answers = street.deliver([knock(trade_uuid="the same", note=number) for number in range(500)])
    assert statuses(answers) == {202: 1, 200: 499}, street.house.log.read_text()
    assert len({answer.body["trade_uuid"] for answer in answers}) == 1
    assert (street.count("signal"), street.count("delivery")) == (1, 500)


@pytest.mark.both_databases
def test_a_signature_is_accepted_once_whoever_receives_it(street: Street) -> None:
    for sent in (knock(), standard_knock()):
        first, again = at_each(street, sent)
        assert (first.status, again.status) == (202, 401)
        assert again.body["reason"] == "replayed_request"
    many = knock()
    assert statuses(street.deliver([many] * 60)) == {202: 1, 401: 59}
    assert (street.count("signal"), street.count("delivery")) == (3, 64)


@pytest.mark.both_databases
def test_a_bucket_is_emptied_from_both_sides_and_every_request_leaves_a_row(street: Street) -> None:
    Provider.objects.filter(name="ada").update(burst=20, requests_per_second=1, bucket_tokens=20)
    begun = time.monotonic()
    answers = street.deliver([knock() for _ in range(60)])
    accepted = statuses(answers)[202]
    assert 20 <= accepted <= 21 + (time.monotonic() - begun)
    assert statuses(answers) == {202: accepted, 429: 60 - accepted}
    refused = [answer for answer in answers if answer.status == 429]
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert (street.count("signal"), street.count("delivery")) == (accepted, 60)
    assert statuses(street.deliver([knock(secret=BOB) for _ in range(30)])) == {202: 30}


def test_secrets_and_flags_change_at_every_door_without_a_restart(street: Street) -> None:
    assert statuses(street.deliver([knock(), knock(secret=BOB)] * 2))[401] == 2, "replays"
    Provider.objects.filter(name="bob").update(is_enabled=False)
    ProviderSecret.objects.filter(secret=ADA).update(
        valid_until=timezone.now() + timedelta(seconds=2 * SETTLE_SECONDS)
    )
    ProviderSecret.objects.create(
        provider=Provider.objects.get(name="ada"), secret="new", created_at=timezone.now()
    )
    hire("cleo", "cleo's")
    time.sleep(SETTLE_SECONDS)
    for secret, status in ((ADA, 202), ("new", 202), (BOB, 401), ("cleo's", 202)):
        sent = [knock(secret=secret), standard_knock(secret=secret)]
        assert statuses(street.deliver(sent * 2))[202] == (2 if status == 202 else 0), secret
    time.sleep(2 * SETTLE_SECONDS)
    assert statuses(street.deliver([knock(), standard_knock()])) == {401: 2}
    assert statuses(street.deliver([knock(secret="new") for _ in range(2)])) == {202: 2}


@pytest.mark.both_databases
def test_two_providers_that_tell_of_the_same_transactions_make_one_signal_of_each(
    street: Street,
) -> None:
    """In opposite orders, at two doors."""
    seen = [str(Keypair().sign_message(b"swap")) for _ in range(60)]
    there = [knock(source_signature=each, trade_uuid=None) for each in seen]
    back = [knock(secret=BOB, source_signature=each, trade_uuid=None) for each in seen[::-1]]
    answers = street.deliver([each for pair in zip(there, back, strict=True) for each in pair])
    assert statuses(answers) == {202: 60, 200: 60}
    assert street.count("signal") == 60
