"""`manage.py document_denials`: writes docs/denials.md from the codes themselves, so that it cannot fall behind."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from trading.domain.decision import SENTENCES, DenialCode
from trading.domain.safety import PERMANENT_REFUSALS, SafetyCode
from workers.journey.coverage import ANSWERS

PAGE = settings.BASE_DIR / "docs" / "denials.md"
INTRODUCTION = """\
# Why a signal was not bought

Written by `manage.py document_denials` from the codes in `trading/domain`; do not edit. The Command Center and the
admin show for every signal each gate that was evaluated, with the measured value against its limit. A sell is never
denied.

What the door turns away becomes no signal and has no story: admin, *Deliveries*, shows each with its body and answer,
and the Command Center counts them below the signals. What the gates deny was answered 202 before.
"""
DOOR = {
    "202 accepted": "It is stored and will be judged by the gates below",
    "200 duplicate_signal": "We have it already; the answer names it and tells its state",
    "200 safety code": "The token is known to be bad: one of the codes of *Token safety*",
    "401 authentication_failed": "Signature, clock or provider is not right",
    "401 replayed_request": "The very same request came before",
    "413 body_too_large": "The body is too large",
    "422 validation_failed": "It is not a signal; the answer names each field",
    "429 rate_limited": "The provider sends too fast",
    "503 circuit_breaker_triggered": "Entries are halted, or SPEAR is paused",
    "503 queue_full": "Too many buys wait: SPEAR gives way first; a dead letter `LOAD_SHED` is kept",
    "503 storage_unavailable": "It could not be stored, so it was not accepted",
}
"""What each answer of the door means, in the order of the specification's table (§3)."""


class Command(BaseCommand):
    help = "Write docs/denials.md; with --check only say whether it is up to date."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["check"]:
            PAGE.write_text(page())
        elif not PAGE.exists() or PAGE.read_text() != page():
            raise CommandError("docs/denials.md is out of date: run `manage.py document_denials`")


def page() -> str:
    """The whole page."""
    decisions = _table("Decision", [(code, "") for code in DenialCode])
    kept = dict.fromkeys(PERMANENT_REFUSALS, "kept for 10 minutes")
    safety = _table("Token safety", [(code, kept.get(code, "")) for code in SafetyCode])
    return f"{INTRODUCTION}\n{_door()}\n{decisions}\n{safety}"


def _door() -> str:
    lines = ["## At the door", "", "| answer | what it means | |", "|---|---|---|"]
    for answer in ANSWERS:
        again = "may be sent again" if answer[:3] in ("429", "503") else ""
        lines.append(f"| `{answer}` | {DOOR[answer]} | {again} |")
    return "\n".join(lines) + "\n"


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    lines = [f"## {title}", "", "| code | what it means | |", "|---|---|---|"]
    lines += [f"| `{code}` | {SENTENCES[code]} | {remark} |" for code, remark in rows]
    return "\n".join(lines) + "\n"
