"""A setting that cannot be read names its variable and the remedy, and is never guessed."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from chimera_site.environment import Environment

WORDS = ("NORMAL", "FULL")


@pytest.mark.parametrize("text", ["zero", "", "5m", "1e", "-1", "nan", "inf", "1,000", "s3cret"])
def test_what_is_no_number_is_refused_by_name_and_not_repeated(monkeypatch, text):
    monkeypatch.setenv("RPC_WELL_SECONDS", text)
    with pytest.raises(
        ImproperlyConfigured, match="RPC_WELL_SECONDS has to be a number"
    ) as refusal:
        Environment().float("RPC_WELL_SECONDS", default=300.0)
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize("text", ["zero", "", "-1", "1.5", "1e3"])
def test_a_count_is_a_whole_number(monkeypatch, text):
    monkeypatch.setenv("EXIT_SEATS", text)
    with pytest.raises(ImproperlyConfigured, match="EXIT_SEATS has to be a whole number"):
        Environment().int("EXIT_SEATS", default=16)


def test_numbers_mean_what_python_says(monkeypatch):
    monkeypatch.setenv("RPC_WELL_SECONDS", "1e3")
    monkeypatch.setenv("EXIT_SEATS", "12")
    env = Environment()
    assert env.float("RPC_WELL_SECONDS", default=300.0) == 1000.0
    assert env.int("EXIT_SEATS", default=16) == 12
    assert env.float("NOT_SET_AT_ALL", default=1.5) == 1.5


def test_a_word_is_one_of_those_there_are(monkeypatch):
    env = Environment()
    assert env.one_of("SQLITE_SYNCHRONOUS", WORDS, default="FULL") == "FULL"
    monkeypatch.setenv("SQLITE_SYNCHRONOUS", "normal")
    assert env.one_of("SQLITE_SYNCHRONOUS", WORDS, default="FULL") == "NORMAL"
    monkeypatch.setenv("SQLITE_SYNCHRONOUS", "SOMETIMES")
    with pytest.raises(ImproperlyConfigured, match="one of NORMAL, FULL"):
        env.one_of("SQLITE_SYNCHRONOUS", WORDS, default="FULL")
