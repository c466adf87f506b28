"""docs/denials.md says what the code says."""

from django.core.management import call_command

from trading.domain.denials import DenialCode
from trading.domain.safety import SafetyCode
from workers.journey.coverage import ANSWERS
from workers.management.commands.document_denials import PAGE


def test_the_page_of_denials_is_what_the_codes_would_write():
    call_command("document_denials", check=True)


def test_the_page_names_every_answer_and_every_code() -> None:
    text = PAGE.read_text()
    codes = [*ANSWERS, "LOAD_SHED", *DenialCode, *SafetyCode]
    assert [code for code in codes if f"`{code}`" not in text] == []
