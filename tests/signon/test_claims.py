"""What is read of what a provider says, and the Managed Apple Account made of it."""

from typing import Any

import pytest

from enrollment.models import IdentityProvider
from enrollment.signon.claims import Claims

XML = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"


def read(said: dict[str, Any], email: str = "", **columns: str) -> Claims:
    return Claims.read(IdentityProvider(**columns), said, email)


@pytest.mark.parametrize(
    "said",
    [
        {"email": "Ada@Corp.Example", "given_name": "Ada", "family_name": "L"},
        {"mail": ["ada@corp.example"], "givenName": ["Ada"], "sn": ["L"]},
        {
            f"{XML}emailaddress": ["ada@corp.example"],
            f"{XML}givenname": ["Ada"],
            f"{XML}surname": ["L"],
        },
        {"email": "ada@corp.example", "name": "Ada L"},
    ],
)
def test_usual_names_are_found_by_themselves(said: dict[str, Any]) -> None:
    claims = read(said)
    found = (claims.email, claims.first_name, claims.last_name)
    assert found == ("ada@corp.example", "Ada", "L")


def test_declared_names_come_first() -> None:
    said = {"email": "ada@corp.example", "upn": "ada@login.example"}
    assert read(said, email_attribute="upn").email == "ada@login.example"


def test_verified_is_the_address_that_was_said_to_be() -> None:
    said = {"email": "a@corp.example", "email_verified": True, "upn": "b@corp.example"}
    assert read(said).is_verified
    assert not read(said, email_attribute="upn").is_verified


@pytest.mark.parametrize("said", ["no address", "a b@corp.example", 7, None, ["x"]])
def test_what_is_no_address_is_none(said: object) -> None:
    assert read({"email": said}).email == ""


@pytest.mark.parametrize(
    ("said", "groups"),
    [
        (["a", "b"], ("a", "b")),
        ("a", ("a",)),
        (["a", 7, None, "", {"b": 1}], ("a",)),
        ({"a": 1}, ()),
        (None, ()),
    ],
)
def test_groups_are_a_text_or_a_list(said: object, groups: tuple[str, ...]) -> None:
    assert read({"groups": said}).groups == groups


def test_only_what_is_declared_is_kept() -> None:
    said = {"email": "ada@corp.example", "groups": ["a"], "birthdate": "1815-12-10"}
    assert read(said).kept() == {"email": "ada@corp.example", "groups": ["a"]}


@pytest.mark.parametrize(
    ("columns", "account"),
    [
        ({}, "ada@corp.example"),
        ({"account_pattern": "{user}@apple.{domain}"}, "ada@apple.corp.example"),
        ({"account_pattern": "{username}@apple.example"}, "countess@apple.example"),
        ({"account_pattern": "{user}"}, ""),
        ({"account_pattern": "{nick}@apple.example"}, ""),
        ({"account_attribute": "apple"}, "ada@managed.example"),
        ({"account_attribute": "missing"}, ""),
    ],
)
def test_the_managed_apple_account_is_said_or_made(
    columns: dict[str, str], account: str
) -> None:
    said = {
        "email": "ada@corp.example",
        "preferred_username": "countess",
        "apple": "ada@managed.example",
    }
    provider = IdentityProvider(**columns)
    assert Claims.read(provider, said).managed_apple_account(provider) == account


def test_no_letter_that_folds_into_another_makes_another_address() -> None:
    kelvin = "mi\N{KELVIN SIGN}e@corp.example"
    assert read({"email": kelvin}).email == kelvin
    assert read({"email": "Mike@Corp.example"}).email == "mike@corp.example"
