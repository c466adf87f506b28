"""A platform for one run: in a database that somebody trades in, it does not begin."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from tests import factories
from tests.databases import Database
from trading.models import Signal
from workers import throwaway


@pytest.fixture(autouse=True)
def directories(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR, settings.RUNTIME_DIR = tmp_path / "data", tmp_path / "run"
    for each in (settings.DATA_DIR, settings.RUNTIME_DIR):
        each.mkdir()


@pytest.mark.both_databases
def test_an_empty_database_is_prepared(database: Database) -> None:
    throwaway.prepare_database()

    assert not Signal.objects.exists()


@pytest.mark.both_databases
def test_a_database_with_signals_is_refused_and_left_as_it_was(
    database: Database, settings: Any
) -> None:
    signal = factories.make_signal()

    with pytest.raises(CommandError, match="name an empty one"):
        throwaway.prepare_database()

    assert list(Signal.objects.all()) == [signal]
    assert not settings.DATA_DIR.exists()


def test_a_data_directory_can_be_kept(settings: Any) -> None:
    throwaway.leave(is_kept=True)

    assert settings.DATA_DIR.exists()
    assert not settings.RUNTIME_DIR.exists()
