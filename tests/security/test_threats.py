"""The table of threats in SECURITY.md: every line names tests that try it, and those tests are there."""

import re

import pytest

from kdui.core.places import ASSETS

ROOT = ASSETS.parent


def rows():
    """Threat -> the tests that its line names as ``folder/file::test``."""
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    table = text[text.index("## Threats") : text.index("## What is not guarded")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("| ")]
    return {row[0]: re.findall(r"`([\w/]+::\w+)`", row[2]) for row in cells[1:] if set(row[0]) != {"-"}}


def test_the_table_names_the_threats_that_were_looked_at():
    assert len(rows()) >= 30
    every = " ".join(rows()).lower()
    for word in ("guess", "role", "proxy", "host", "origin", "symbolic", "zip", "picture", "onnx", "yaml", "formula", "markdown",
                 "terminal", "redirect", "secret", "token", "database", "pickle", "fuzz", "limit"):  # fmt: skip
        assert word in every, word


@pytest.mark.parametrize("threat", rows())
def test_each_threat_is_tried_by_a_test_that_is_there(threat):
    named = rows()[threat]
    assert named, "name a test that tries it"
    for name in named:
        file, _, test = name.partition("::")
        assert f"\ndef {test}(" in (ROOT / "tests" / f"{file}.py").read_text("utf-8"), name
