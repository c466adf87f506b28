"""Errors are pages of ours: they say what happened and what to do next, and lead on."""

from django.test import Client, RequestFactory
from django.urls import reverse
from django.views.defaults import server_error

from tests.factories import make_user

HOME = 'href="/"'


def page_of(response) -> str:
    page = response.content.decode()
    assert HOME in page
    assert "chimera/chimera.css" in page
    return page


def test_what_is_not_there_leads_back(trader, trading):
    response = trader.get("/signals/00000000-0000-0000-0000-000000000000/")
    assert response.status_code == 404
    page = page_of(response)
    assert "There is no such page" in page
    assert "/signals/00000000-0000-0000-0000-000000000000/" in page


def test_who_may_not_is_told_who_may(trader, trading, caplog):
    response = trader.post(reverse("resume"), {"reason": "because"})
    assert response.status_code == 403
    assert "trader may not do this: only staff resume entries" in page_of(response)
    (record,) = [record for record in caplog.records if record.name == "django.request"]
    assert "Forbidden" in record.getMessage()
    assert not record.exc_info, "a refusal is no fault: its traceback would hide those that are"


def test_a_form_of_another_session_is_opened_again(trading):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make_user("admin", is_staff=True))
    response = strict.post(reverse("halt"), {"reason": "because"})
    assert response.status_code == 403
    page = response.content.decode()
    assert f'href="{reverse("halt")}"' in page
    assert "Open it again" in page


def test_a_page_that_fails_needs_no_database_to_say_so():
    response = server_error(RequestFactory().get("/"))
    assert response.status_code == 500
    assert "This page failed" in page_of(response)


def test_a_part_of_an_open_page_is_not_replaced_by_the_login(client, trading):
    url = reverse("halt")
    response = client.get(url, headers={"HX-Request": "true"}, follow=True)
    assert response["HX-Refresh"] == "true"
    assert "HX-Refresh" not in client.get(url, follow=True)
