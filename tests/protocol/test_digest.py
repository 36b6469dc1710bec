"""The digest of a network user: right, wrong, and whatever else may come."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdmportal.protocol import ProtocolError, digest

# RFC 2617, section 3.5, without its qop: the answer was computed with another program.
MUFASA = {
    "username": "Mufasa",
    "realm": "testrealm@host.com",
    "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
    "uri": "/dir/index.html",
    "response": "670fd8c2df070c60b045671b8b24ff02",
}
HA1 = "939e7578ed9e3c518a452acee763bce9"


def written(parts: dict[str, str]) -> str:
    return "Digest " + ",".join(f'{name}="{value}"' for name, value in parts.items())


def test_ha1_is_that_of_the_rfc() -> None:
    given = digest.ha1("Mufasa", "testrealm@host.com", "Circle Of Life")
    assert given == HA1


def test_the_answer_of_who_knew_the_password_proves_it() -> None:
    response = digest.read(written(MUFASA))
    assert dataclasses.asdict(response) == MUFASA
    assert response.proves(HA1)
    assert not response.proves(digest.ha1("Mufasa", "testrealm@host.com", "circle"))


@pytest.mark.parametrize("name", ["nonce", "uri", "response"])
def test_each_part_counts(name: str) -> None:
    changed = MUFASA | {name: MUFASA[name][:-1] + "0"}
    assert not digest.read(written(changed)).proves(HA1)


def test_it_may_be_written_in_other_ways() -> None:
    loosely = "digest " + ", ".join(
        f"{name} = {value}" for name, value in MUFASA.items()
    )
    assert digest.read(loosely).proves(HA1)
    quoted = digest.read(written(MUFASA | {"username": r"a \"b\" \\c"}))
    assert quoted.username == r'a "b" \c'


def test_a_challenge_says_nonce_and_realm() -> None:
    assert digest.challenge("Here", "abc") == 'Digest nonce="abc",realm="Here"'


@pytest.mark.parametrize("name", sorted(MUFASA))
def test_no_part_may_lack(name: str) -> None:
    parts = {key: value for key, value in MUFASA.items() if key != name}
    with pytest.raises(ProtocolError, match=name):
        digest.read(written(parts))


@given(st.text())
def test_anything_is_read_or_a_protocol_error(text: str) -> None:
    for each in (text, f"Digest {text}"):
        try:
            response = digest.read(each)
        except ProtocolError:
            continue
        assert not response.proves(HA1)
