"""`manage.py document_denials`: writes docs/denials.md from the codes themselves, so that it cannot fall behind."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from trading.domain.decision import SENTENCES, DenialCode
from trading.domain.safety import PERMANENT_REFUSALS, SafetyCode

PAGE = settings.BASE_DIR / "docs" / "denials.md"
INTRODUCTION = """\
# Why a signal was not bought

Written by `manage.py document_denials` from the codes in `trading/domain`; do not edit. The Command Center and the
admin show for every signal each gate that was evaluated, with the measured value against its limit. A sell is never
denied.
"""


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
    return f"{INTRODUCTION}\n{decisions}\n{safety}"


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    lines = [f"## {title}", "", "| code | what it means | |", "|---|---|---|"]
    lines += [f"| `{code}` | {SENTENCES[code]} | {remark} |" for code, remark in rows]
    return "\n".join(lines) + "\n"
