"""The pages' own stylesheet: one meaning for each name."""

import re
from collections import Counter
from pathlib import Path

SHEET = Path(__file__).resolve().parents[2] / "chimera_site" / "static" / "chimera" / "chimera.css"
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
AT_RULE = re.compile(r"@[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
RULE = re.compile(r"^([^{}@]+)\{", re.MULTILINE)


def test_a_class_is_laid_out_once() -> None:
    """Two pieces of a page that take the same name would each get the other's looks."""
    everywhere = AT_RULE.sub("", COMMENT.sub("", SHEET.read_text()))
    alone = [rule.strip() for rule in RULE.findall(everywhere) if "," not in rule]
    assert len(alone) > 200
    assert [rule for rule, times in Counter(alone).items() if times > 1] == []
