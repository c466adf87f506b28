"""Who may open and do what: every route against every role."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from tests.factories import make_leader, make_position, make_signal, make_submission
from tests.scout.rosters import make_run

LOGIN, OK, FORBIDDEN = "login", 200, 403
PAGES = [
    ("command_center", LOGIN, OK, OK),
    ("latency", LOGIN, OK, OK),
    ("sources", LOGIN, OK, OK),
    ("signal", LOGIN, OK, OK),
    ("position", LOGIN, OK, OK),
    ("close_position", LOGIN, OK, OK),
    ("halt", LOGIN, OK, OK),
    ("resume", LOGIN, FORBIDDEN, OK),
    ("reset_breaker", LOGIN, FORBIDDEN, OK),
    ("close_everything", LOGIN, FORBIDDEN, OK),
    ("evidence", LOGIN, OK, OK),
    ("ask_node", LOGIN, OK, OK),
    ("ask_engine", LOGIN, OK, OK),
    ("ask_wallet", LOGIN, OK, OK),
    ("rule_landed", LOGIN, FORBIDDEN, OK),
    ("rule_never_landed", LOGIN, FORBIDDEN, OK),
    ("roster", LOGIN, OK, OK),
    ("wallet", LOGIN, OK, OK),
    ("change_leaders", LOGIN, FORBIDDEN, OK),
    ("scout_runs", LOGIN, OK, OK),
    ("scout_run", LOGIN, OK, OK),
    ("begin_run", LOGIN, FORBIDDEN, OK),
    ("end_run", LOGIN, FORBIDDEN, OK),
    ("people:validate_roster", 401, FORBIDDEN, 404),
    ("login", OK, 302, 302),
    ("health", OK, OK, OK),
    ("metrics", OK, OK, OK),
    ("admin:index", LOGIN, LOGIN, OK),
]
RULINGS = ["rule_landed", "rule_never_landed"]
SUBMISSION_PAGES = [*RULINGS, "evidence", "ask_engine", "ask_wallet"]
ACTS = ["halt", "resume", "reset_breaker", "close_everything", "close_position", *RULINGS]
ACTS += ["change_leaders", "begin_run", "end_run"]
ADMIN_LISTS = sorted(
    f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    for model in admin.site._registry
)


def url_of(name: str) -> str:
    if name == "wallet":
        return reverse(name, args=[make_leader().address])
    if name == "change_leaders":
        return f"{reverse(name, args=['promote'])}?address={make_leader().address}"
    if name in ("scout_run", "end_run"):
        return reverse(name, args=[make_run().pk])
    if name == "signal":
        return reverse(name, args=[make_signal().uuid])
    if name in ("position", "close_position"):
        return reverse(name, args=[make_position().uuid])
    if name in SUBMISSION_PAGES:
        return reverse(name, args=[make_submission(make_signal()).pk])
    if name == "ask_node":
        return reverse(name, args=[make_submission(make_signal()).pk, 0])
    return reverse(name)


def outcome(client: Client, url: str):
    response = client.get(url)
    if response.status_code == 302 and "/login/" in response["Location"]:
        return LOGIN
    return response.status_code


@pytest.mark.parametrize(("name", "anonymous", "as_trader", "as_staff"), PAGES)
def test_each_route_admits_exactly_its_roles(
    name, anonymous, as_trader, as_staff, client, trader, staff, trading
):
    url = url_of(name)
    assert outcome(client, url) == anonymous
    assert outcome(trader, url) == as_trader
    assert outcome(staff, url) == as_staff


@pytest.mark.parametrize("name", ADMIN_LISTS)
def test_the_admin_is_for_staff_only(name, client, trader, staff, trading):
    url = reverse(name)
    assert outcome(client, url) == LOGIN
    assert outcome(trader, url) == LOGIN
    assert outcome(staff, url) == OK


@pytest.mark.parametrize("name", ACTS)
def test_an_act_needs_a_csrf_token(name, trading):
    from tests.factories import make_user

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make_user("admin", is_staff=True))
    assert strict.post(url_of(name), {"reason": "because"}).status_code == FORBIDDEN


@pytest.mark.parametrize("name", ACTS)
def test_nobody_acts_without_logging_in(name, client, trading):
    response = client.post(url_of(name), {"reason": "because"})
    assert response["Location"].startswith("/login/")


def test_logging_out_needs_a_post(trader):
    assert trader.get(reverse("logout")).status_code == 405
    assert trader.post(reverse("logout"))["Location"] == reverse("login")
    assert outcome(trader, reverse("command_center")) == LOGIN


def test_a_wrong_password_is_told_without_saying_which_part_was_wrong(client, trader):
    answer = client.post(reverse("login"), {"username": "trader", "password": "wrong"})
    page = answer.content.decode()
    assert 'role="alert"' in page
    assert "correct username and password" in page


def test_logging_in_leads_to_the_page_that_was_asked_for(client, trader):
    wanted = url_of("signal")
    answer = client.post(
        f"{reverse('login')}", {"username": "trader", "password": "trader", "next": wanted}
    )
    assert answer["Location"] == wanted
