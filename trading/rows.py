"""Rows without the ORM's object work, for the paths where microseconds count; the models stay the schema.

Building one ORM query costs about half a millisecond, more than everything else an answer needs.
"""

from collections.abc import Mapping, Sequence, Sized
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections, models


def _run(statement: str, parameters: Sequence[Any]) -> Any:
    """The driver's own cursor after a statement with `%s` placeholders; errors are Django's.

    Django's cursor rewrites and wraps every statement anew, which takes longer than most of them.
    """
    database = connections[DEFAULT_DB_ALIAS]
    if database.connection is None:
        database.ensure_connection()
    database.validate_no_broken_transaction()
    text = statement if database.vendor == "postgresql" else _for_sqlite(statement)
    with database.wrap_database_errors:
        return database.connection.execute(text, parameters)


@lru_cache(maxsize=1_024)
def _for_sqlite(statement: str) -> str:
    return statement.replace("%s", "?")


@cache
def _statement(
    model: type[models.Model], names: tuple[str, ...], *, is_answered: bool
) -> tuple[str, tuple[Any, ...]]:
    by_name = {field.name: field for field in model._meta.concrete_fields}
    fields = tuple(by_name[name] for name in names)
    columns = ", ".join(f'"{field.column}"' for field in fields)
    table = model._meta.db_table
    key = model._meta.pk.column if model._meta.pk is not None else "id"
    answer = f' RETURNING "{key}"' if is_answered else ""
    return f'INSERT INTO "{table}" ({columns}) VALUES ({marks(fields)}){answer}', fields  # noqa: S608


@cache
def _defaults(model: type[models.Model]) -> dict[str, Any]:
    return {
        field.name: field.get_default()
        for field in model._meta.concrete_fields
        if not field.primary_key and (field.has_default() or not field.null)
    }


def insert(model: type[models.Model], **values: Any) -> Any:
    """Insert one row in the current transaction and return its primary key.

    Values take the model's own conversions; fields that are not given take their defaults. IntegrityError
    on a constraint, as from `save`.
    """
    row = {**_defaults(model), **values}
    statement, fields = _statement(model, tuple(row), is_answered=True)
    return _run(statement, _prepared(fields, row)).fetchone()[0]


def insert_many(model: type[models.Model], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all give the same fields; conversions, defaults and errors as of `insert`."""
    if not rows:
        return
    defaults = _defaults(model)
    statement, fields = _statement(model, tuple({**defaults, **rows[0]}), is_answered=False)
    parameters = [_prepared(fields, {**defaults, **row}) for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(statement, parameters)


def _prepared(fields: tuple[Any, ...], row: Mapping[str, Any]) -> list[Any]:
    return [
        field.get_db_prep_save(value, connection)
        for field, value in zip(fields, row.values(), strict=True)
    ]


def marks(values: Sized) -> str:
    """As many placeholders as there are values, for `IN (…)`."""
    return ", ".join(["%s"] * len(values))


def first(statement: str, *parameters: Any) -> tuple[Any, ...] | None:
    """The first row of a SELECT in the current transaction, as the database returns it, or None."""
    row = _run(statement, parameters).fetchone()
    return None if row is None else tuple(row)


def every(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """All rows of a SELECT in the current transaction, as the database returns them."""
    return list(_run(statement, parameters).fetchall())


def change(statement: str, *parameters: Any) -> int:
    """Run an UPDATE in the current transaction; how many rows it changed."""
    return int(_run(statement, parameters).rowcount)


def moment(value: Any) -> datetime | None:
    """A date as a plain SELECT returns it: aware from PostgreSQL; naive, or text for max(), from SQLite."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if value is not None and value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    return value  # type: ignore[no-any-return]


def serialise(name: str) -> None:
    """Let only one transaction at a time pass this point until it ends.

    SQLite has one writer anyway; PostgreSQL would let two read the same rows and both act on them.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [name])


@cache
def _field(model: type[models.Model], name: str) -> Any:
    return model._meta.get_field(name)


def parameter(model: type[models.Model], name: str, value: Any) -> Any:
    """A value as the column of that field wants it in SQL: dates and ids differ between databases."""
    return _field(model, name).get_db_prep_value(value, connection)
