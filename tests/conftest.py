"""Fixtures every test may use."""

from tests.cluster import sandbox, sandbox_process

__all__ = ["sandbox", "sandbox_process"]
