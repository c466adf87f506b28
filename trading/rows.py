"""Rows without the ORM's object work, for the paths where microseconds count; the models stay the schema.

Building one ORM query costs about half a millisecond, more than everything else an answer needs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import chain
from typing import Any, TypeVar

import orjson
from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.models.base import ModelState
from psycopg import Cursor
from psycopg.sql import Literal

Model = TypeVar("Model", bound=models.Model)


def _database() -> Any:
    """This thread's connection itself: through Django's proxy every attribute is looked up anew."""
    return connections[DEFAULT_DB_ALIAS]


def _run(statement: str, parameters: Sequence[Any] | None, database: Any = None) -> Any:
    """The driver's own cursor after a statement with `%s` placeholders; errors are Django's.

    Django's cursor rewrites and wraps every statement anew, which takes longer than most of them.
    """
    database = database or _database()
    if database.connection is None:
        database.ensure_connection()
    database.validate_no_broken_transaction()
    with database.wrap_database_errors:
        if database.vendor == "postgresql":
            # Prepared, and planned once for all values: planning takes longer than running it.
            # Several statements at once, which have no parameters, cannot be.
            is_steady = parameters is not None and _is_steady(statement)
            return Cursor(database.connection).execute(statement, parameters, prepare=is_steady)
        return database.connection.execute(_for_sqlite(statement), parameters or ())


@lru_cache(maxsize=1_024)
def _is_steady(statement: str) -> bool:
    """Whether it reads the same every time: one with a list of values has as many forms as that has lengths."""
    return statement.startswith("INSERT") or "%s, %s, %s, %s" not in statement


@lru_cache(maxsize=1_024)
def _for_sqlite(statement: str) -> str:
    return statement.replace("%s", "?")


@dataclass(frozen=True, slots=True)
class _Insertion:
    """An INSERT of these fields; `constants` are the columns' defaults for all that are not given."""

    statement: str
    fields: tuple[Any, ...]
    constants: tuple[Any, ...]
    adapters: "tuple[Adapter, ...]"

    def parameters(self, values: Iterable[Any], database: Any) -> list[Any]:
        """What the driver gets for one row."""
        given = [adapt(value, database) for adapt, value in zip(self.adapters, values, strict=True)]
        return [*given, *self.constants]


@cache
def _insertion(
    model: type[models.Model], names: tuple[str, ...], vendor: str, *, is_answered: bool
) -> _Insertion:
    by_name = {field.name: field for field in model._meta.concrete_fields}
    fields = tuple(by_name[name] for name in names)
    rest = [field for field in _with_defaults(model) if field.name not in names]
    columns = ", ".join(f'"{field.column}"' for field in (*fields, *rest))
    key = model._meta.pk.column if model._meta.pk is not None else "id"
    answer = f' RETURNING "{key}"' if is_answered else ""
    return _Insertion(
        f'INSERT INTO "{model._meta.db_table}" ({columns})'  # noqa: S608
        f" VALUES ({marks([*fields, *rest])}){answer}",
        fields,
        tuple(field.get_db_prep_save(_constant(field), connection) for field in rest),
        tuple(_adapter(field) for field in fields),
    )


Adapter = Callable[[Any, Any], Any]
"""Makes a value the driver's; it is told the connection, which costs a microsecond to look up."""

PLAIN: tuple[tuple[type[Any], type], ...] = (
    (models.CharField, str),
    (models.TextField, str),
    (models.IntegerField, int),
    (models.BooleanField, bool),
)
"""Fields whose values of that type every driver takes as they are."""


@cache
def _adapter(field: Any) -> Adapter:
    """What makes a field's value the driver's: the field's own conversion, and its outcome where that is plain."""
    target = field.target_field if field.is_relation else field
    convert: Adapter = field.get_db_prep_save

    def convert_moment(value: Any, database: Any) -> Any:
        if type(value) is datetime and value.tzinfo is UTC:
            return database.ops.adapt_datetimefield_value(value)
        return convert(value, database)

    def convert_document(value: Any, database: Any) -> Any:
        if database.vendor == "sqlite" and isinstance(value, dict | list):
            # A tenth of the standard library's time; what it does not know, Django's encoder does.
            with suppress(TypeError):
                return orjson.dumps(value).decode()
        return convert(value, database)

    if isinstance(target, models.DateTimeField):
        return convert_moment
    if isinstance(target, models.JSONField) and target.encoder is None:
        return convert_document
    own = next((own for kind, own in PLAIN if isinstance(target, kind)), None)
    if own is None:
        return convert
    return lambda value, database: value if type(value) is own else convert(value, database)


def _with_defaults(model: type[models.Model]) -> list[Any]:
    return [
        field
        for field in model._meta.concrete_fields
        if not field.primary_key and (field.has_default() or not field.null)
    ]


def _constant(field: Any) -> Any:
    """The default of a field; one that differs from row to row has to be given."""
    if field.has_default() and callable(field.default) and field.default not in (dict, list):
        raise TypeError(f"{field}: a value must be given")
    return field.get_default()


def insert(model: type[models.Model], **values: Any) -> Any:
    """Insert one row in the current transaction and return its primary key.

    Values take the model's own conversions; fields that are not given take their defaults. IntegrityError
    on a constraint, as from `save`.
    """
    database = _database()
    how = _insertion(model, tuple(values), database.vendor, is_answered=True)
    parameters = how.parameters(values.values(), database)
    return _run(how.statement, parameters, database).fetchone()[0]


def add(row: Model) -> Model:
    """Insert a model's instance; it then has its primary key. IntegrityError as from `save`."""
    model = type(row)
    own_key = model._meta.pk
    names = tuple(
        field.name
        for field in model._meta.concrete_fields
        if field is not own_key or row.pk is not None
    )
    database = _database()
    how = _insertion(model, names, database.vendor, is_answered=True)
    values = [getattr(row, field.attname) for field in how.fields]
    key = _run(how.statement, how.parameters(values, database), database).fetchone()[0]
    if row.pk is None:
        row.pk = key
    row._state.adding = False
    return row


def load(model: type[Model], **where: Any) -> Model | None:
    """The one row whose fields have these values, as an instance, or None."""
    found = load_all(model, *_condition(model, where, _database()))
    return found[0] if found else None


def load_all(
    model: type[Model], condition: str, *parameters: Any, only: tuple[str, ...] = ()
) -> list[Model]:
    """Every row for which the SQL condition holds, as instances; an ORDER BY may follow it.

    With `only` the instances know these fields, and ask again for any other.
    """
    database = _database()
    chosen = _selection(model, database.vendor, only)
    rows = _run(f"{chosen.statement} WHERE {condition}", parameters, database).fetchall()
    return [_instance(model, chosen, row, database) for row in rows]


def _instance(model: type[Model], chosen: "_Selection", row: Sequence[Any], database: Any) -> Model:
    """As `from_db`, which sets attribute after attribute and calls signals that nobody hears."""
    values = list(row)
    for place, column, converters in chosen.conversions:
        for convert in converters:
            values[place] = convert(values[place], column, database)
    instance = model.__new__(model)
    instance._state = ModelState()
    instance._state.adding, instance._state.db = False, DEFAULT_DB_ALIAS
    instance.__dict__.update(zip(chosen.attributes, values, strict=True))
    return instance


def update(model: type[models.Model], where: Mapping[str, Any], **values: Any) -> int:
    """Set fields in the rows whose fields have the values of `where`, or one of a tuple; how many rows."""
    database = _database()
    columns = [_column(model, name) for name in values]
    setting = ", ".join(f"{column.name} = %s" for column in columns)
    parameters = [
        column.adapt(value, database)
        for column, value in zip(columns, values.values(), strict=True)
    ]
    condition, *rest = _condition(model, where, database)
    statement = f'UPDATE "{model._meta.db_table}" SET {setting} WHERE {condition}'  # noqa: S608
    return int(_run(statement, [*parameters, *rest], database).rowcount)


def _condition(
    model: type[models.Model], where: Mapping[str, Any], database: Any
) -> tuple[Any, ...]:
    parts, parameters = [], []
    for name, value in where.items():
        column = _column(model, name)
        values = value if isinstance(value, tuple) else (value,)
        parts.append(f"{column.name} IN ({marks(values)})")
        parameters += [column.adapt(each, database) for each in values]
    return (" AND ".join(parts), *parameters)


Converters = tuple[Callable[..., Any], ...]


@dataclass(frozen=True, slots=True)
class _Selection:
    """SELECT of columns, the attributes they fill, and what makes Python values of those that need it, by place."""

    statement: str
    attributes: tuple[str, ...]
    conversions: tuple[tuple[int, Any, Converters], ...]


@cache
def _selection(model: type[models.Model], vendor: str, only: tuple[str, ...]) -> _Selection:
    fields = [each for each in model._meta.concrete_fields if not only or each.name in only]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    # Not `cached_col`: that of a foreign key does not know the type of what it refers to.
    found = [field.get_col(model._meta.db_table) for field in fields]
    return _Selection(
        f'SELECT {columns} FROM "{model._meta.db_table}"',  # noqa: S608
        tuple(field.attname for field in fields),
        tuple(
            (place, column, converters)
            for place, column in enumerate(found)
            if (converters := _converters_of(column))
        ),
    )


def _converters_of(column: Any) -> Converters:
    own = connection.ops.get_db_converters(column)
    return (*own, *column.get_db_converters(connection))


def insert_many(model: type[models.Model], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all give the same fields; conversions, defaults and errors as of `insert`."""
    if not rows:
        return
    database = _database()
    how = _insertion(model, tuple(rows[0]), database.vendor, is_answered=False)
    if len(rows) == 1:
        _run(how.statement, how.parameters(rows[0].values(), database), database)
        return
    parameters = [how.parameters(row.values(), database) for row in rows]
    if database.vendor == "postgresql":
        for start in range(0, len(parameters), ROWS_AT_ONCE):
            some = parameters[start : start + ROWS_AT_ONCE]
            _run(_for_rows(how.statement, len(some)), [*chain.from_iterable(some)], database)
        return
    with database.cursor() as cursor:
        cursor.executemany(how.statement, parameters)


ROWS_AT_ONCE = 8
"""How many rows one INSERT takes to PostgreSQL: each number of them is a statement to be prepared."""


@lru_cache(maxsize=1_024)
def _for_rows(statement: str, count: int) -> str:
    """The INSERT of one row, made to take so many."""
    into, values, row = statement.partition(" VALUES ")
    return f"{into}{values}{', '.join([row] * count)}"


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
    firsts(turn=name)


def serialise_each(names: Iterable[str], *, is_shared: bool = False) -> None:
    """As `serialise`, under each of these names. Who shares a turn is held up only by those who do not share it."""
    if _database().vendor == "postgresql":
        lock = "pg_advisory_xact_lock_shared" if is_shared else "pg_advisory_xact_lock"
        # In one order everywhere: two would else wait for each other.
        order = sorted(set(names))
        every(f"SELECT {lock}(hashtext(name)) FROM unnest(%s::text[]) AS name", order)  # noqa: S608


def firsts(*statements: str, turn: str = "") -> list[tuple[Any, ...] | None]:
    """The first row of each of these SELECTs without parameters; PostgreSQL is asked for all of them at once.

    With `turn` they are asked after `serialise` of that name: they see what the one before committed.
    """
    database = _database()
    if database.vendor != "postgresql":
        return [first(statement) for statement in statements]
    wait = f"SELECT pg_advisory_xact_lock(hashtext({Literal(turn).as_string()}))"
    all_at_once = ";".join([wait, *statements] if turn else statements)
    cursor = _run(all_at_once, None, database)
    rows = [cursor.fetchone()]
    while cursor.nextset():
        rows.append(cursor.fetchone())
    return rows[1:] if turn else rows


@dataclass(frozen=True, slots=True)
class _Column:
    """A field as SQL names it and as the driver wants its values."""

    name: str
    adapt: Adapter


@cache
def _column(model: type[models.Model], name: str) -> _Column:
    field: Any = model._meta.get_field(name)
    return _Column(f'"{field.column}"', _adapter(field))


def parameter(model: type[models.Model], name: str, value: Any) -> Any:
    """A value as the column of that field wants it in SQL: dates and ids differ between databases."""
    return _column(model, name).adapt(value, _database())
