"""docs/denials.md says what the code says."""

from django.core.management import call_command


def test_the_page_of_denials_is_what_the_codes_would_write():
    call_command("document_denials", check=True)
