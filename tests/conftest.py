"""Fixtures every test may use."""

import pytest
from hypothesis import settings

from tests.cluster import sandbox, sandbox_process
from tests.databases import (
    both_databases,
    database,
    pristine_database,
    pristine_postgres,
)
from tests.platform import platform, writer
from tests.postgres import postgres

__all__ = [
    "database",
    "platform",
    "postgres",
    "pristine_database",
    "pristine_postgres",
    "sandbox",
    "sandbox_process",
    "writer",
]

pytest_generate_tests = both_databases

settings.register_profile("chimera", max_examples=60, deadline=None)
settings.load_profile("chimera")


@pytest.fixture(scope="session")
def django_db_modify_db_settings_xdist_suffix() -> None:
    """Each process's tests have a database in its own memory, so no name needs to tell them apart."""
