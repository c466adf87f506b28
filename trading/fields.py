"""Columns of our own: raw token amounts, unsigned 64-bit, one bit wider than any integer; and those of codes."""

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

U64_MAX = 2**64 - 1


class RawAmountField(models.Field):
    """Raw token units as an exact int, 0 … 2**64-1.

    SQLite would turn larger integers into floats, so there the column is text; PostgreSQL has numeric(20).
    Compare amounts in Python: text does not sort by size.
    """

    description = "unsigned 64-bit integer"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "numeric(20,0)" if connection.vendor == "postgresql" else "varchar(20)"

    def get_internal_type(self) -> str:
        return "RawAmountField"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> int | None:
        return None if value is None else int(value)

    def to_python(self, value: Any) -> int | None:
        if value is None or value == "":
            return None
        try:
            amount = int(value)
        except (TypeError, ValueError) as error:
            raise ValidationError("must be a whole number of raw token units") from error
        if not 0 <= amount <= U64_MAX:
            raise ValidationError("must fit an unsigned 64-bit integer")
        return amount

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if value is None:
            return None
        amount = int(value)
        if not 0 <= amount <= U64_MAX:
            raise ValueError(f"{amount} does not fit an unsigned 64-bit integer")
        return Decimal(amount) if connection.vendor == "postgresql" else str(amount)


def choices(codes: type) -> list[tuple[str, str]]:
    """Django choices of a StrEnum."""
    return [(code.value, code.value) for code in codes]  # type: ignore[attr-defined]
