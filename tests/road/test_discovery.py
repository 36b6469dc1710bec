"""Service discovery: the domain and the family decide, never the person."""

from typing import Any

import pytest
from django.test import Client

from enrollment import account
from enrollment.models import (
    EnrollmentProfile,
    MailDomain,
    Route,
)
from mdmportal.simulator.errors import (
    DiscoveryRefused,
)

from .conftest import (
    Enroll,
    Person,
    sign_up,
)

pytestmark = pytest.mark.django_db


def ask(client: Client, identifier: str, family: str = "iPhone") -> Any:
    query = {"user-identifier": identifier, "model-family": family}
    return client.get("/.well-known/com.apple.remotemanagement", query)


def test_known_and_unknown_people_get_the_same_answer(
    client: Client, person: Person, byod: EnrollmentProfile
) -> None:
    person()
    known, unknown = ask(client, "ada@corp.example"), ask(client, "x@CORP.example")
    assert known.status_code == 200
    assert known["Content-Type"] == "application/json"
    assert known.json() == unknown.json()
    assert known.json() == {
        "Servers": [{"Version": "mdm-byod", "BaseURL": account.base_url(byod)}]
    }


def test_the_family_decides_before_the_route_for_all_others(
    client: Client, byod: EnrollmentProfile, domain: MailDomain
) -> None:
    adde = EnrollmentProfile.objects.create(name="Macs", kind="adde")
    Route.objects.create(domain=domain, model_family="Mac", way=adde)
    versions = [
        ask(client, "ada@corp.example", family).json()["Servers"][0]["Version"]
        for family in ("iPhone", "Mac", "RealityDevice")
    ]
    assert versions == ["mdm-byod", "mdm-adde", "mdm-byod"]


@pytest.mark.parametrize(
    "identifier",
    ["", "ada", "ada@", "@corp.example", "a b@corp.example", "x@y.example"],
)
def test_others_are_refused_in_apples_words(
    client: Client, byod: EnrollmentProfile, identifier: str
) -> None:
    answer = ask(client, identifier)
    assert answer.status_code == 403
    assert answer.json()["code"] == "com.apple.well-known.failed"


def test_a_family_that_no_database_takes_is_one_of_the_others(
    client: Client, byod: EnrollmentProfile
) -> None:
    query = {"user-identifier": "ada@corp.example", "model-family": "\0"}
    path = "/.well-known/com.apple.remotemanagement"
    assert client.get(path, query).status_code == 200


def test_a_closed_way_is_not_found(
    make: Enroll, person: Person, byod: EnrollmentProfile
) -> None:
    ada = person()
    EnrollmentProfile.objects.filter(pk=byod.pk).update(is_enabled=False)
    with pytest.raises(DiscoveryRefused):
        sign_up(make(), ada)
