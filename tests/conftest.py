"""Fixtures every test may use."""

from hypothesis import settings

from tests.cluster import sandbox, sandbox_process
from tests.platform import database, platform, pristine_database, writer

__all__ = [
    "database",
    "platform",
    "pristine_database",
    "sandbox",
    "sandbox_process",
    "writer",
]

settings.register_profile("chimera", max_examples=60, deadline=None)
settings.load_profile("chimera")
