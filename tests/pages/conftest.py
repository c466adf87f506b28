"""People at the door: a client for each role."""

import pytest
from django.test import Client

from tests.factories import make_trading_state, make_user


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    """A password costs a third of a second by design; here it would be most of the time."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def trading(db):
    """Entries are allowed."""
    return make_trading_state()


@pytest.fixture
def trader(db) -> Client:
    client = Client()
    client.force_login(make_user("trader"))
    return client


@pytest.fixture
def staff(db) -> Client:
    client = Client()
    client.force_login(make_user("admin", is_staff=True))
    return client
