"""Fixtures of the storage tests."""

from tests.storage.processes import house

__all__ = ["house"]
