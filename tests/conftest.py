"""Fixtures every test may use."""

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
