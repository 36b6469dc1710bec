"""docs/settings.md names every variable that the settings read."""

import re
from pathlib import Path

import pytest

from ..portal import ROOT

SOURCE = (ROOT / "mdmportal" / "settings.py").read_text()
VARIABLES = sorted(set(re.findall(r'\benv\.\w+\(\s*"(\w+)"', SOURCE)))


@pytest.fixture(scope="module")
def page() -> str:
    return Path(ROOT / "docs" / "settings.md").read_text()


def test_there_are_variables() -> None:
    assert {"MDM_EMBEDDED", "DATABASE_URL"} <= set(VARIABLES)


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_is_described(page: str, variable: str) -> None:
    assert f"`{variable}`" in page


def test_no_other_variable_is_described(page: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert sorted(rows) == VARIABLES
