"""A signal as a value: read from outside bytes, named by its identity. Nothing here stores or answers."""

import hashlib
import json
import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_UP, Decimal, InvalidOperation
from typing import Any, NoReturn

from solders.pubkey import Pubkey
from solders.signature import Signature

from trading.domain.values import Action, Strategy, sol_to_lamports

NAMESPACE = uuid.UUID("6d8f7c0e-9a54-5b7e-8d43-0d6c68696d65")
BUCKET_SECONDS = 300
MAXIMUM_AMOUNT_SOL = Decimal(100)
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
SMALLEST_FRACTION = Decimal("1e-9")
"""As finely as a fraction is kept."""
SYMBOL_CHARACTERS = 40
"""How much of a symbol is kept: it is a name for people, and on no token of ours is it longer."""
UNPRINTABLE = "\ufffd"
"""Stands for what no page may show as it came."""
MAXIMUM_TRADE_UUID_LENGTH = 64


class SignalInvalid(ValueError):
    """The body is not a signal; `details` names each field and what it should be."""

    def __init__(self, details: dict[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {text}" for field, text in details.items()))
        self.details = details


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRequest:
    """What a provider asks for. `mint` is empty when only the symbol was given."""

    strategy: Strategy
    action: Action
    symbol: str
    mint: str
    amount_lamports: int
    leader_address: str
    trade_uuid: str = ""
    exit_fraction: Decimal = Decimal(1)
    source_signature: str = ""

    @property
    def priority(self) -> int:
        """0 exits, 1 SHIELD, 2 SPEAR: the order of the queue."""
        if self.action is Action.SELL:
            return 0
        return 1 if self.strategy is Strategy.SHIELD else 2


def parse_signal(body: bytes) -> SignalRequest:
    """The signal in a webhook body (specification §3), or SignalInvalid with every field that is wrong.

    Amounts never pass through a float. Fields the table does not name are ignored.
    """
    payload = parse_object(body)
    reader = _Reader(payload)
    strategy = reader.read("strategy", _strategy)
    action = reader.read("action", _action)
    values = {
        "symbol": reader.read("token", _symbol),
        "mint": reader.read("token_address", _address, default=""),
        "amount_lamports": reader.read("amount_sol", _amount_lamports),
        "leader_address": reader.read("wallet_address", _address),
        "trade_uuid": reader.read("trade_uuid", _trade_uuid, default=""),
        "exit_fraction": reader.read("exit_fraction", _fraction, default=Decimal(1)),
        "source_signature": reader.read("source_signature", _signature, default=""),
    }
    if strategy is Strategy.EXIT and action is Action.BUY:
        reader.errors["action"] = "EXIT requires SELL"
    if action is Action.BUY and payload.get("exit_fraction") is not None:
        reader.errors["exit_fraction"] = "only a SELL has one"
    if not values["mint"] and values["symbol"] and values["symbol"] != payload["token"].strip():
        reader.errors["token"] = "is too odd to be looked up; give token_address"
    if reader.errors:
        raise SignalInvalid(reader.errors)
    return SignalRequest(strategy=strategy, action=action, **values)


def identity_keys(request: SignalRequest, *, source: str, received_at: datetime) -> tuple[str, ...]:
    """Every key of which at most one accepted signal may exist; the first one names the signal.

    A provider's own id and the followed transaction are keys by themselves. Only without either does the
    content count, in its 5-minute bucket and the next: the next one too, so that a copy across the edge
    meets the first one whichever side it falls on.
    """
    keys = []
    if request.trade_uuid:
        keys.append(f"id:{_digest(source, request.trade_uuid)}")
    if request.source_signature:
        swap = f"{request.leader_address}:{request.mint}:{request.action}"
        keys.append(f"tx:{_digest(request.source_signature, swap)}")
    if not keys:
        bucket = int(received_at.timestamp()) // BUCKET_SECONDS
        content = _digest(
            source,
            request.leader_address,
            request.mint,
            request.action,
            str(request.amount_lamports),
            request.strategy,
            str(request.exit_fraction.normalize()),
        )
        keys = [f"content:{content}:{bucket}", f"content:{content}:{bucket + 1}"]
    return tuple(keys)


def signal_uuid(first_key: str) -> uuid.UUID:
    """The deterministic name (UUIDv5) of the signal that owns this identity."""
    return uuid.uuid5(NAMESPACE, first_key)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _object_of_unique_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A field given twice would mean one thing to us and another to the next reader."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is given twice")
    return fields


_DECODER = json.JSONDecoder(
    parse_float=Decimal,
    parse_int=Decimal,
    parse_constant=_refuse_constant,
    object_pairs_hook=_object_of_unique_fields,
)


def parse_object(body: bytes) -> dict[str, Any]:
    """A JSON object, its numbers as Decimal; SignalInvalid when the bytes are none."""
    try:
        payload = _DECODER.decode(body.decode("utf-8"))
    except RecursionError:
        raise SignalInvalid({"body": "is nested too deeply"}) from None
    except (ValueError, InvalidOperation):
        raise SignalInvalid({"body": "must be a JSON object in UTF-8, no field twice"}) from None
    if not isinstance(payload, dict):
        raise SignalInvalid({"body": "must be a JSON object"})
    return payload


class _Reader:
    """Reads fields one by one and remembers what was wrong with each."""

    def __init__(self, payload: dict[str, Any]) -> None:
        self.payload = payload
        self.errors: dict[str, str] = {}

    def read(self, field: str, convert: Any, *, default: Any = None) -> Any:
        value = self.payload.get(field)
        if value is None:
            if default is None:
                self.errors[field] = "is required"
            return default
        try:
            return convert(value)
        except ValueError as error:
            self.errors[field] = str(error)
            return default


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value


def _strategy(value: Any) -> Strategy:
    try:
        return Strategy(_text(value))
    except ValueError:
        raise ValueError("must be SHIELD, SPEAR or EXIT") from None


def _action(value: Any) -> Action:
    try:
        return Action(_text(value))
    except ValueError:
        raise ValueError("must be BUY or SELL") from None


def _symbol(value: Any) -> str:
    """Whatever name the token has: of an exit nobody may lose the price for an odd one."""
    symbol = _text(value).strip()
    if not symbol:
        raise ValueError("must not be blank")
    kept = symbol[:SYMBOL_CHARACTERS]
    return "".join(each if each.isprintable() else UNPRINTABLE for each in kept)


def _address(value: Any) -> str:
    try:
        return str(Pubkey.from_string(_text(value)))
    except ValueError:
        raise ValueError("must be a base58 address of 32 bytes") from None


def _signature(value: Any) -> str:
    try:
        return str(Signature.from_string(_text(value)))
    except ValueError:
        raise ValueError("must be a base58 transaction signature of 64 bytes") from None


def _trade_uuid(value: Any) -> str:
    text = _text(value)
    if not 0 < len(text) <= MAXIMUM_TRADE_UUID_LENGTH or not text.isprintable():
        raise ValueError(f"must be 1 to {MAXIMUM_TRADE_UUID_LENGTH} printable characters")
    return text


def _decimal(value: Any) -> Decimal:
    if isinstance(value, str):
        if not NUMBER.fullmatch(value):
            # Decimal itself would also read underscores, spaces, NaN and the digits of any script.
            raise ValueError("must be a decimal number")
        try:
            value = Decimal(value)
        except InvalidOperation:
            raise ValueError("must be a decimal number") from None
    if not isinstance(value, Decimal) or not value.is_finite():
        raise ValueError("must be a decimal number")
    return value


def _amount_lamports(value: Any) -> int:
    amount = _decimal(value)
    if not 0 < amount <= MAXIMUM_AMOUNT_SOL:
        raise ValueError(f"must be above 0 and at most {MAXIMUM_AMOUNT_SOL}")
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -9:
        raise ValueError("must have at most 9 decimals")
    return sol_to_lamports(amount)


def _fraction(value: Any) -> Decimal:
    fraction = _decimal(value)
    if not 0 < fraction <= 1:
        raise ValueError("must be above 0 and at most 1")
    # A third has no end. Up, as an exit too much costs less than one too little.
    return fraction.quantize(SMALLEST_FRACTION, rounding=ROUND_UP)
