"""The tables of words, and what is made of Apple's schema for a form."""

import datetime as dt

import pytest

from commands import destructive, words
from commands.answers import HIDDEN, hide
from commands.schema_json import Wrong, from_json
from mdmportal import catalogue
from mdmportal.protocol.schema import Key

NAMED = {name for group in words.GROUPS.values() for name in group}


def test_the_tables_name_only_what_the_catalogue_has() -> None:
    known = set(catalogue.commands())
    assert known >= NAMED
    assert known >= set(words.CONSEQUENCES)
    assert known >= set(words.FREQUENT)
    assert known >= destructive.HARMLESS


def test_every_command_of_the_catalogue_has_words() -> None:
    assert set(catalogue.commands()) - NAMED == set()


def test_of_what_destroys_it_is_said_what_happens() -> None:
    known = set(catalogue.commands())
    assert known - destructive.HARMLESS == set(words.CONSEQUENCES)


def test_a_command_of_a_newer_schema_counts_as_destructive() -> None:
    assert destructive.is_destructive("MakeCoffee")
    assert words.consequence("MakeCoffee") == words.UNTOLD


def test_secrets_are_hidden_at_any_depth_and_in_any_case() -> None:
    answer = {"unlocktoken": "x", "List": [{"PIN": "1", "Name": "Mac"}]}
    hidden = {"unlocktoken": HIDDEN, "List": [{"PIN": HIDDEN, "Name": "Mac"}]}
    assert hide(answer) == hidden


def test_long_text_is_cut() -> None:
    assert hide("x" * 5000).endswith("… (5,000 characters)")


def test_text_becomes_data_and_dates_where_the_schema_has_them() -> None:
    inner = {"Blob": Key(name="Blob", type="data"), "At": Key(name="At", type="date")}
    item = Key(name="Item", type="dictionary", keys=inner)
    key = Key(name="List", type="array", items=(item,))
    value = [{"Blob": "aGVsbG8=", "At": "2026-01-31T12:00:00Z", "Other": "text"}]
    assert from_json(key, value) == [
        {
            "Blob": b"hello",
            "At": dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC),
            "Other": "text",
        }
    ]


@pytest.mark.parametrize(("kind", "text"), [("data", "ä"), ("date", "tomorrow")])
def test_text_that_is_neither_says_where(kind: str, text: str) -> None:
    inner = Key(name="Value", type=kind)
    key = Key(name="Outer", type="dictionary", keys={"Value": inner})
    with pytest.raises(Wrong, match=r"Outer\.Value is"):
        from_json(key, {"Value": text})
