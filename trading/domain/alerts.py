"""From somebody else's alert to our signal, by a small template: placeholders, two filters, a word list. No code.

A template gives each field of a signal a text with placeholders: `{{ticker}}`, `{{order.id}}`,
`{{legs.0.side|upper}}`. A path goes through objects by name and through lists by number. Nothing else is
understood, so nothing can be run.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from trading.domain.signals import SignalInvalid, SignalRequest, parse_signal

FIELDS = (
    "strategy", "token", "token_address", "action", "amount_sol", "wallet_address", "trade_uuid",
    "exit_fraction", "source_signature",
)  # fmt: skip
REQUIRED = ("strategy", "token", "action", "amount_sol", "wallet_address")
LONGEST_TEXT = 200
LONGEST_VALUE = 1_000
DEEPEST_PATH = 8
HIDDEN = "[secret]"
_PLACEHOLDER = re.compile(r"\{\{\s*([\w-]+(?:\.[\w-]+)*)\s*(?:\|\s*(upper|lower)\s*)?\}\}")
_WHOLE = re.compile(rf"\s*{_PLACEHOLDER.pattern}\s*")
PATH = re.compile(r"[\w-]+(?:\.[\w-]+)*")


class TemplateInvalid(ValueError):
    """The template cannot be used; `details` names each field and what is wrong with it."""

    def __init__(self, details: dict[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {text}" for field, text in details.items()))
        self.details = details


class _Missing(Exception):
    """The alert has nothing at this path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTemplate:
    """Texts by field of a signal; `words` are, by field, what the alert says and what it means for us."""

    fields: Mapping[str, str]
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def read_template(fields: object, words: object) -> AlertTemplate:
    """A template out of parsed JSON; TemplateInvalid with everything that is wrong."""
    errors = dict(_wrong_fields(fields))
    errors |= {name: text for name, text in _wrong_words(words) if name not in errors}
    if errors:
        raise TemplateInvalid(errors)
    assert isinstance(fields, dict)
    assert isinstance(words, dict)
    return AlertTemplate(fields=fields, words=words)


def _wrong_fields(fields: object) -> Iterator[tuple[str, str]]:
    if not isinstance(fields, dict):
        yield "template", "must be a JSON object of texts"
        return
    for name in REQUIRED:
        if name not in fields:
            yield name, "is required: a text, or a placeholder such as {{" + name + "}}"
    for name, text in fields.items():
        problem = _wrong_text(name, text)
        if problem:
            yield str(name)[:40], problem


def _wrong_text(name: object, text: object) -> str:
    if name not in FIELDS:
        return f"is no field of a signal; these are: {', '.join(FIELDS)}"
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST_TEXT:
        return f"must be a text of 1 to {LONGEST_TEXT} characters"
    if any(path.count(".") >= DEEPEST_PATH for path, _ in _PLACEHOLDER.findall(text)):
        return f"a path has at most {DEEPEST_PATH} parts"
    if re.search(r"\{\{|\}\}", _PLACEHOLDER.sub("", text)):
        return "has a placeholder that is not {{path}}, {{path|upper}} or {{path|lower}}"
    return ""


def _wrong_words(words: object) -> Iterator[tuple[str, str]]:
    if not isinstance(words, dict):
        yield "words", "must be a JSON object of objects"
        return
    for name, meanings in words.items():
        is_good = isinstance(meanings, dict) and all(
            isinstance(word, str) and isinstance(meaning, str) for word, meaning in meanings.items()
        )
        if name not in FIELDS or not is_good:
            yield (
                f"words.{str(name)[:40]}",
                'must be a field of a signal with texts, as in {"action": {"buy": "BUY"}}',
            )


def read_alert(alert: Mapping[str, Any], template: AlertTemplate) -> SignalRequest:
    """The signal in an alert; SignalInvalid names each field that is wrong, and where it came from.

    An optional field that is one placeholder whose path the alert does not have is left out.
    """
    payload, errors = {}, {}
    for name, text in template.fields.items():
        try:
            payload[name] = _filled(text, alert, template.words.get(name, {}))
        except _Missing as missing:
            if name in REQUIRED or not _WHOLE.fullmatch(text):
                errors[name] = f"the alert has no `{missing}`"
        except ValueError as error:
            errors[name] = str(error)
    try:
        signal = parse_signal(json.dumps(payload).encode())
    except SignalInvalid as error:
        told = {name: _with_origin(name, text, template) for name, text in error.details.items()}
        raise SignalInvalid({**told, **errors}) from None
    if errors:
        raise SignalInvalid(errors)
    return signal


def _with_origin(name: str, problem: str, template: AlertTemplate) -> str:
    text = template.fields.get(name)
    return problem if text is None else f"{problem} (from {text})"


def _filled(text: str, alert: Mapping[str, Any], words: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        found = _text(value_at(alert, match[1]), match[1])
        return {"upper": found.upper(), "lower": found.lower()}.get(match[2] or "", found)

    filled = _PLACEHOLDER.sub(value, text).strip()
    return words.get(filled, filled)


def value_at(alert: object, path: str) -> Any:
    """What stands at a path; raises _Missing, a null is nothing too."""
    found = alert
    for part in path.split("."):
        if isinstance(found, Mapping) and part in found:
            found = found[part]
        elif (
            isinstance(found, list) and part.isascii() and part.isdigit() and int(part) < len(found)
        ):
            found = found[int(part)]
        else:
            raise _Missing(path)
    if found is None:
        raise _Missing(path)
    return found


def _text(value: object, path: str) -> str:
    """A text as it is, a number with all its digits; anything else means nothing in a signal."""
    if isinstance(value, str) and len(value) <= LONGEST_VALUE:
        return value
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < 40:
        return f"{value:f}"
    raise ValueError(f"`{path}` must be a text or a number")


def secret_in(alert: Mapping[str, Any], path: str) -> str:
    """The secret that an alert brings; empty when it has none."""
    try:
        found = value_at(alert, path)
    except _Missing:
        return ""
    return found if isinstance(found, str) else ""


def without_secret(alert: Mapping[str, Any], path: str) -> str:
    """The alert as JSON for storing: no secret at its path, nor anywhere else that it is repeated."""
    secret = secret_in(alert, path)
    return json.dumps(_hidden(alert, secret), default=str)


def _hidden(value: Any, secret: str) -> Any:
    match value:
        case str():
            return value.replace(secret, HIDDEN) if secret else value
        case Mapping():
            return {_hidden(key, secret): _hidden(inner, secret) for key, inner in value.items()}
        case list():
            return [_hidden(inner, secret) for inner in value]
        case _:
            return value
