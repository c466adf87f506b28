"""The admin of alerts: saved only when the sample becomes a signal, and never showing a secret."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import Entry
from trading.models import AlertMapping, Provider
from trading.services.alerts import known_alerts

WALLET = "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU"
SECRET = "a secret of twenty letters"
TEMPLATE = {
    "strategy": "SHIELD",
    "token": "{{ticker}}",
    "action": "{{side}}",
    "amount_sol": "{{size}}",
    "wallet_address": WALLET,
}
SAMPLE = {"secret": SECRET, "ticker": "BONK", "side": "buy", "size": 0.25}


@pytest.fixture
def boss(django_user_model: Any) -> Client:
    client = Client()
    client.force_login(django_user_model.objects.create_superuser("boss"))
    return client


def form(**changes: Any) -> dict[str, Any]:
    provider, _ = Provider.objects.get_or_create(name="tradingview")
    given = {
        "name": "tv",
        "provider": provider.pk,
        "is_enabled": "on",
        "secret": SECRET,
        "secret_path": "secret",
        "networks": "52.89.214.238\n10.0.0.0/8",
        "template": json.dumps(TEMPLATE),
        "words": json.dumps({"action": {"buy": "BUY"}}),
        "sample": json.dumps(SAMPLE),
        "reason": "a new provider",
    }
    return {name: value for name, value in {**given, **changes}.items() if value is not None}


def add(boss: Client, **changes: Any) -> str:
    url = reverse("admin:trading_alertmapping_add")
    return boss.post(url, form(**changes), follow=True).content.decode()


@pytest.mark.django_db
def test_a_mapping_is_saved_with_a_preview_an_audit_entry_and_no_secret(boss: Client) -> None:
    page = add(boss)
    assert "The sample becomes: strategy SHIELD, action BUY, token BONK" in page
    mapping = AlertMapping.objects.get()
    assert known_alerts()["tv"].knows(SECRET)
    entry = Entry.objects.get(action="alert.added")
    assert entry.reason == "a new provider"
    shown = boss.get(reverse("admin:trading_alertmapping_change", args=[mapping.pk]))
    # What the mapping says is there to be changed.
    assert "{{ticker}}" in shown.content.decode()
    everything = shown.content.decode() + str(entry.after) + mapping.sample
    assert WALLET in everything
    assert SECRET not in everything
    assert mapping.secret_sha256 not in everything


@pytest.mark.django_db
def test_a_change_without_a_secret_keeps_the_old_one(boss: Client) -> None:
    add(boss)
    mapping = AlertMapping.objects.get()
    url = reverse("admin:trading_alertmapping_change", args=[mapping.pk])
    changed = form(secret="", sample=mapping.sample, is_enabled=None)
    boss.post(url, changed, follow=True)
    mapping.refresh_from_db()
    assert not mapping.is_enabled
    assert known_alerts() == {}
    AlertMapping.objects.update(is_enabled=True)
    assert known_alerts()["tv"].knows(SECRET)
    assert Entry.objects.get(action="alert.changed").after["is_secret_new"] is False


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"template": json.dumps({**TEMPLATE, "token": "{{symbol}}"})}, "token: the alert has no `symbol`"),
        ({"template": json.dumps({**TEMPLATE, "colour": "x"})}, "colour: is no field of a signal"),
        ({"words": "{}"}, "action: must be BUY or SELL (from {{side}})"),
        ({"words": "[]"}, "words: must be a JSON object"),
        ({"template": "{"}, "valid JSON"),
        ({"networks": "somewhere"}, "is not an address or network"),
        ({"networks": ""}, "This field is required"),
        ({"secret": ""}, "A new alert needs a secret"),
        ({"secret": "short"}, "at least 16"),
        ({"secret_path": "a..b"}, "A path such as"),
        ({"secret_path": "elsewhere"}, "has no text at"),
        ({"sample": "BUY BONK"}, "Not an alert"),
        ({"reason": ""}, "This field is required"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_not_saved_and_said_at_its_field(
    boss: Client, changes: dict[str, Any], problem: str
) -> None:
    page = add(boss, **changes)
    for code, letter in (("&#x27;", "'"), ("&quot;", '"')):
        page = page.replace(code, letter)
    assert problem in page
    assert AlertMapping.objects.count() == 0
