"""Rows written without the ORM are the rows that the ORM would have written."""

from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import factories
from trading.domain.lifecycle import SignalStatus
from trading.fields import U64_MAX, RawAmountField
from trading.models import (
    Decision,
    Delivery,
    EquityPoint,
    Fill,
    Position,
    Provider,
    Signal,
    SignalEvent,
    SignalKey,
    Submission,
    Token,
)
from trading.rows import (
    ROWS_AT_ONCE,
    add,
    change,
    every,
    first,
    firsts,
    insert,
    insert_many,
    load,
    load_all,
    moment,
    parameter,
    update,
)

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.both_databases]
NOW = timezone.now()


class StrCode(StrEnum):
    SMALL = "SMALL"


@pytest.fixture
def rows(database: Any) -> dict[type[models.Model], models.Model]:
    """One saved row of every model that the hot path knows."""
    position = factories.make_position()
    factories.make_equity([1.0])
    factories.make_delivery(position.signal)
    SignalKey.objects.create(key="k", signal=position.signal)
    Token.objects.create(mint="m", symbol="M", refused_until=NOW)
    kinds = (
        Decision, Delivery, EquityPoint, Fill, Position, Provider,
        Signal, SignalEvent, SignalKey, Submission, Token,
    )  # fmt: skip
    return {model: model._default_manager.first() for model in kinds}


KINDS = [
    Decision, Delivery, EquityPoint, Fill, Position, Provider,
    Signal, SignalEvent, SignalKey, Submission, Token,
]  # fmt: skip


@pytest.mark.parametrize("model", KINDS)
def test_an_inserted_row_reads_like_a_saved_one(
    rows: dict[type[models.Model], models.Model], model: type[models.Model]
) -> None:
    values = {
        field.name: field.value_from_object(rows[model]) for field in model._meta.concrete_fields
    }
    with transaction.atomic():
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":  # PostgreSQL's are deferred to the commit anyway
                cursor.execute("PRAGMA defer_foreign_keys = ON")
            cursor.execute(
                f'DELETE FROM "{model._meta.db_table}" WHERE "{model._meta.pk.column}" = %s',  # noqa: S608
                [parameter(model, model._meta.pk.name, rows[model].pk)],
            )
        insert(model, **values)
    stored = model._default_manager.get(pk=rows[model].pk)
    assert {f.name: f.value_from_object(stored) for f in model._meta.concrete_fields} == values


@pytest.mark.parametrize(
    ("model", "given_values"),
    [
        (Token, {"mint": "x"}),
        (Provider, {"name": "x"}),
        (
            EquityPoint,
            {"at": NOW, "balance_lamports": 1, "positions_lamports": 2, "realised_pnl_lamports": 3},
        ),
    ],
)
def test_what_is_not_given_takes_the_models_default(
    model: type[models.Model], given_values: dict[str, Any]
) -> None:
    key = insert(model, **given_values)
    saved, plain = model._default_manager.get(pk=key), model(**given_values)
    for field in model._meta.concrete_fields:
        if not field.primary_key:
            assert getattr(saved, field.attname) == getattr(plain, field.attname), field.name


def test_a_constraint_is_kept_as_from_save() -> None:
    insert(Token, mint="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(Token, mint="x")
    assert Token.objects.count() == 1


def test_the_key_of_the_new_row_comes_back() -> None:
    signal = factories.make_signal()
    keys = [insert(SignalEvent, signal=signal.pk, at=NOW, status="QUEUED") for _ in range(2)]
    assert keys[1] > keys[0]
    assert SignalEvent.objects.get(pk=keys[1]).signal_id == signal.pk


@pytest.mark.parametrize("count", [0, 1, 2, ROWS_AT_ONCE, 2 * ROWS_AT_ONCE + 1])
def test_many_rows_are_stored_in_their_order(count: int) -> None:
    signal = factories.make_signal()
    texts = [f"line {number}" for number in range(count)]
    SignalEvent.objects.all().delete()
    insert_many(
        SignalEvent,
        [{"signal": signal.pk, "at": NOW, "status": "QUEUED", "text": each} for each in texts],
    )
    stored = SignalEvent.objects.order_by("pk")
    assert [(row.text, row.signal_id, row.at) for row in stored] == [
        (text, signal.pk, NOW) for text in texts
    ]


def test_one_of_many_that_breaks_a_constraint_keeps_all_of_them_out() -> None:
    mints = [f"m{number}" for number in range(ROWS_AT_ONCE)]
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_many(Token, [{"mint": mint} for mint in (*mints, mints[0])])
    assert Token.objects.count() == 0


def test_a_change_tells_how_many_rows_it_touched() -> None:
    for mint in "abc":
        insert(Token, mint=mint, symbol="S")
    assert change("UPDATE trading_token SET symbol = %s WHERE mint < %s", "T", "c") == 2
    assert change("UPDATE trading_token SET symbol = 'U' WHERE mint = 'z'") == 0
    assert every("SELECT mint, symbol FROM trading_token ORDER BY mint") == [
        ("a", "T"),
        ("b", "T"),
        ("c", "S"),
    ]
    assert first("SELECT 1 FROM trading_token WHERE mint = 'z'") is None


@pytest.mark.parametrize("microsecond", [0, 1, 120_000, 999_999])
def test_a_moment_survives_plain_sql(microsecond: int) -> None:
    at = NOW.replace(microsecond=microsecond)
    insert(Token, mint="x", refused_until=at)
    for statement in (
        "SELECT refused_until FROM trading_token",
        "SELECT max(refused_until) FROM trading_token",
    ):
        row = first(statement)
        assert row is not None
        assert moment(row[0]) == at
    assert moment(None) is None
    later = first(
        "SELECT 1 FROM trading_token WHERE refused_until >= %s",
        parameter(Token, "refused_until", at),
    )
    assert later is not None


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.integers(0, U64_MAX) | st.sampled_from([0, 2**53 + 1, 2**63 - 1, 2**63, U64_MAX]))
def test_every_raw_amount_is_stored_exactly(amount: int) -> None:
    position = factories.make_position(bought_raw=amount or 1)
    Position.objects.filter(pk=position.pk).update(held_raw=amount)
    stored = Position.objects.get(pk=position.pk)
    assert stored.held_raw == amount
    assert isinstance(stored.held_raw, int)


@pytest.mark.parametrize("amount", [-1, U64_MAX + 1, 2**70])
def test_what_does_not_fit_64_bits_is_refused_and_never_bent(amount: int) -> None:
    position = factories.make_position()
    with pytest.raises(ValueError, match="does not fit"):
        Position.objects.filter(pk=position.pk).update(held_raw=amount)
    with pytest.raises(ValidationError):
        RawAmountField().to_python(amount)


@pytest.mark.parametrize("value", ["x", "1.5", [], object()])
def test_a_raw_amount_is_a_whole_number(value: Any) -> None:
    with pytest.raises(ValidationError):
        RawAmountField().to_python(value)


def test_a_raw_amount_may_be_unknown() -> None:
    field = RawAmountField(null=True)
    assert field.to_python("") is None
    assert field.to_python("18446744073709551615") == U64_MAX
    assert field.get_db_prep_value(None, connection) is None
    assert field.from_db_value(None, None, connection) is None


def test_an_exit_fraction_keeps_nine_decimals() -> None:
    signal = factories.make_signal(exit_fraction=Decimal("0.333333333"))
    assert Signal.objects.get(pk=signal.pk).exit_fraction == Decimal("0.333333333")


def test_a_loaded_row_is_what_the_orm_would_have_read() -> None:
    factories.make_policy_revision()
    signal = factories.make_signal(exit_fraction=Decimal("0.25"))
    position = factories.make_position(gain="0.1")
    for row in (signal, position):
        model = type(row)
        expected = model.objects.get(pk=row.pk)
        loaded = load(model, **{model._meta.pk.name: row.pk})
        assert loaded is not None
        for field in model._meta.concrete_fields:
            found, wanted = getattr(loaded, field.attname), getattr(expected, field.attname)
            assert (field.name, type(found), found) == (field.name, type(wanted), wanted)
    assert load(Signal, uuid=uuid4()) is None


def test_a_row_loaded_in_part_asks_for_the_rest() -> None:
    position = factories.make_position()
    [loaded] = load_all(Position, "symbol = %s", position.symbol, only=("uuid", "held_raw"))
    assert loaded.get_deferred_fields() >= {"symbol", "cost_lamports"}
    assert (loaded.held_raw, loaded.symbol) == (position.held_raw, position.symbol)


def test_an_update_changes_only_where_everything_holds() -> None:
    signal, other = factories.make_signal(), factories.make_signal()
    where = {"uuid": signal.pk, "status": (SignalStatus.QUEUED, SignalStatus.RETRY)}
    assert update(Signal, where, status=SignalStatus.EXECUTING, finished_at=None) == 1
    assert update(Signal, where, status=SignalStatus.RETRY) == 0
    assert Signal.objects.get(pk=signal.pk).status == SignalStatus.EXECUTING
    assert Signal.objects.get(pk=other.pk).status == SignalStatus.QUEUED


def test_an_added_row_has_its_key_and_every_value() -> None:
    token = Token(mint="m", symbol="S", refused_until=timezone.now())
    assert add(token).pk == "m"
    event = add(SignalEvent(signal=factories.make_signal(), at=timezone.now(), status="QUEUED"))
    assert SignalEvent.objects.get(pk=event.pk).signal_id == event.signal_id
    assert Token.objects.get(pk="m").refused_until == token.refused_until
    with pytest.raises(IntegrityError), transaction.atomic():
        add(Token(mint="m", symbol="T"))


@pytest.mark.parametrize(
    "gates", [[{"code": StrCode.SMALL, "limit": None, "text": "é"}], [], {"a": [1, 2.5, True]}]
)
def test_a_document_reads_like_a_saved_one(gates: Any) -> None:
    signal = factories.make_signal()
    saved = factories.make_decision(signal, gates=gates)
    values = {
        field.name: field.value_from_object(saved)
        for field in Decision._meta.concrete_fields
        if not field.primary_key
    }
    stored = Decision.objects.get(pk=insert(Decision, **values))
    assert stored.gates == Decision.objects.get(pk=saved.pk).gates


def test_several_selects_asked_for_at_once_have_a_row_each() -> None:
    Token.objects.create(mint="m", symbol="100% 'S'")
    nobody = "SELECT mint FROM trading_token WHERE symbol = 'nobody'"
    asked = ("SELECT mint, symbol FROM trading_token", nobody, "SELECT count(*) FROM trading_token")
    found = [("m", "100% 'S'"), None, (1,)]
    assert firsts(*asked) == found
    with transaction.atomic():
        assert firsts(*asked, turn="it's 100%") == found
        assert firsts(nobody, turn="another") == [None]
