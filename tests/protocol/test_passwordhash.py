"""A Mac is told a password by its hash alone, in the form that Apple gives."""

import plistlib

import pytest

from mdmportal.protocol import ProtocolError, passwordhash, plist


def test_a_hash_has_the_form_of_apples_schema() -> None:
    outer = plistlib.loads(passwordhash.make("a secret"))
    assert outer.keys() == {"SALTED-SHA512-PBKDF2"}
    content = outer["SALTED-SHA512-PBKDF2"]
    assert content.keys() == {"entropy", "iterations", "salt"}
    assert len(content["salt"]) == 32
    assert 20_000 <= content["iterations"] <= 40_000


def test_it_is_of_that_password_alone_and_salted_anew() -> None:
    one, two = (passwordhash.make("a secret", iterations=10) for _ in range(2))
    assert one != two
    assert passwordhash.matches(one, "a secret")
    assert not passwordhash.matches(one, "another")
    assert b"a secret" not in one


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"text",
        plist.dumps({}),
        plist.dumps({"SALTED-SHA512-PBKDF2": "text"}),
        plist.dumps({"SALTED-SHA512-PBKDF2": {"entropy": b"1", "salt": b"2"}}),
        plist.dumps(
            {"SALTED-SHA512-PBKDF2": {"entropy": b"", "salt": b"", "iterations": 0}}
        ),
    ],
)
def test_anything_else_is_a_protocol_error(wrong: bytes) -> None:
    with pytest.raises(ProtocolError):
        passwordhash.matches(wrong, "a secret")
