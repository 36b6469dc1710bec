"""Applications are kept once for all, and refreshed without rewriting."""

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commands import forgetting, results
from commands.models import Result
from devices.models import (
    Application,
    Change,
    Channel,
    InstalledApplication,
    InstalledCertificate,
    InstalledProfile,
    Inventory,
    RegroupMark,
)

from .answering import enrolled, said, say, user_of

pytestmark = pytest.mark.django_db

LIST = "InstalledApplicationList"
TABLES = re.compile(
    r'^(INSERT INTO|UPDATE|DELETE FROM) "?devices_(installed\w+|application)"?', re.I
)
DEVICES, APPS = 60, 100
STATEMENTS = 30
"""What one answer may cost at most, its locks and bookkeeping among it."""
OF_SOFTWARE = 8
"""How many of them may be about applications, be they one or a hundred."""


def app(number: int, **keys: Any) -> dict[str, Any]:
    return {
        "Identifier": f"com.example.app{number}",
        "Name": f"App {number}",
        "Version": "100",
        "ShortVersion": "1.0",
        "BundleSize": 1_000_000 + number,
        "DynamicSize": 5,
        "Installing": False,
        **keys,
    }


def apps(*numbers: int) -> dict[str, Any]:
    return {LIST: [app(number) for number in numbers]}


@contextmanager
def counted() -> Iterator[list[str]]:
    """Collect the statements made."""
    found: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield found
    found.extend(one["sql"].lstrip() for one in captured)


def of_software(statements: list[str]) -> list[str]:
    tables = ("devices_application", "devices_installedapplication")
    return [one for one in statements if any(name in one for name in tables)]


def installed(channel: Channel, user_id: str = "") -> set[str]:
    rows = InstalledApplication.objects.filter(
        device=channel.enrollment.device, user_id=user_id
    )
    return set(rows.values_list("application__name", flat=True))


def history(kind: str = "") -> list[tuple[str, str, str, str]]:
    rows = Change.objects.order_by("pk").values_list("kind", "name", "before", "after")
    return [row for row in rows if not kind or row[0] == kind]


# --- Kept once


def test_what_a_fleet_has_in_common_is_written_once_and_not_again() -> None:
    fleet = [enrolled(number) for number in range(DEVICES)]
    answers = [apps(*range(APPS)) for _ in fleet]
    for number, channel in enumerate(fleet):
        answers[number][LIST][0] = app(0, Version=str(number % 3))
        said(channel, LIST, answers[number])
    results.read_waiting()
    assert Application.objects.count() == APPS - 1 + 3
    assert InstalledApplication.objects.count() == DEVICES * APPS
    for number, channel in enumerate(fleet):
        said(channel, LIST, answers[number])
    with counted() as statements:
        results.read_waiting()
    assert [one for one in statements if TABLES.match(one)] == []
    assert not Change.objects.exists()
    assert not Result.objects.exclude(problem="").exists()


@pytest.mark.parametrize("number", [1, 100])
def test_the_statements_of_an_answer_do_not_grow_with_the_applications(
    number: int,
) -> None:
    channel = enrolled()
    for numbers in (range(number), range(number // 2, number + number // 2 + 1)):
        said(channel, LIST, apps(*numbers))
        with counted() as statements:
            results.read_waiting()
        assert len(statements) <= STATEMENTS
        assert len(of_software(statements)) <= OF_SOFTWARE


def test_only_what_changed_is_written() -> None:
    channel = enrolled()
    say(channel, LIST, apps(*range(10)))
    stayed = set(InstalledApplication.objects.values_list("pk", flat=True))
    answer = apps(*range(1, 11))
    answer[LIST][3]["DynamicSize"] = 7
    say(channel, LIST, answer)
    now = set(InstalledApplication.objects.values_list("pk", flat=True))
    assert len(stayed & now) == 9
    assert installed(channel) == {f"App {number}" for number in range(1, 11)}
    changed = InstalledApplication.objects.get(application__name="App 4")
    assert changed.own == {"DynamicSize": 7}


def test_the_order_of_a_list_is_no_change() -> None:
    channel = enrolled()
    say(channel, LIST, apps(1, 2, 3))
    kept = Inventory.objects.get()
    say(channel, LIST, apps(3, 1, 2))
    again = Inventory.objects.get()
    assert again.digest == kept.digest
    assert again.received_at > kept.received_at


# --- What devices say


def test_what_only_the_device_has_is_not_the_applications() -> None:
    one, other = enrolled(1), enrolled(2)
    say(one, LIST, {LIST: [app(1, DynamicSize=10, HasUpdateAvailable=True, New="x")]})
    say(other, LIST, {LIST: [app(1, DynamicSize=20)]})
    assert Application.objects.count() == 1
    own = InstalledApplication.objects.order_by("pk").values_list("own", flat=True)
    assert list(own) == [
        {"DynamicSize": 10, "HasUpdateAvailable": True, "New": "x"},
        {"DynamicSize": 20},
    ]


@pytest.mark.parametrize(
    "items",
    [
        [app(1), app(1)],
        [app(1, DynamicSize=1), app(1, DynamicSize=2)],
        ["text", 7, app(1)],
        [app(1, Name="n" * 3000, BundleSize=2**64 - 1, Version=["odd"])],
        [app(1, Identifier=5)],
    ],
    ids=["twice", "twice, otherwise", "no dictionaries", "too long", "a number"],
)
def test_strange_lists_are_read_all_the_same(items: list[Any]) -> None:
    channel = enrolled()
    say(channel, LIST, {LIST: items})
    assert InstalledApplication.objects.count() == 1
    say(channel, LIST, {LIST: list(reversed(items))})
    assert InstalledApplication.objects.count() == 1


def test_two_versions_of_one_application_are_two() -> None:
    channel = enrolled()
    say(channel, LIST, {LIST: [app(1), app(1, ShortVersion="2.0")]})
    assert InstalledApplication.objects.count() == 2


def test_an_empty_list_is_an_answer_too() -> None:
    channel = enrolled()
    say(channel, LIST, apps(1))
    say(channel, LIST, {LIST: []})
    assert installed(channel) == set()


def test_what_a_user_has_is_not_the_devices() -> None:
    channel = enrolled(platform="macOS")
    say(channel, LIST, apps(1))
    say(user_of(channel), LIST, apps(2))
    assert installed(channel) == {"App 1"}
    assert installed(channel, "ADA") == {"App 2"}


# --- Two workers, and answers that overtake each other


def test_an_older_answer_does_not_undo_a_newer_one() -> None:
    channel = enrolled()
    say(channel, LIST, apps(1))
    say(channel, LIST, apps(1, 2))
    late = said(channel, LIST, apps(1), at=timezone.now() - dt.timedelta(hours=1))
    results.read_waiting()
    late.refresh_from_db()
    assert (late.problem, installed(channel)) == ("", {"App 1", "App 2"})


def test_an_application_that_another_worker_just_wrote_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from commands.results import software

    known = software._known
    looked: list[int] = []

    def too_soon(digests: Any) -> dict[str, int]:
        """Return nothing the first time: the other's row is not there yet."""
        looked.append(1)
        return known(digests) if len(looked) > 1 else {}

    say(enrolled(1), LIST, apps(1))
    monkeypatch.setattr(software, "_known", too_soon)
    other = enrolled(2)
    say(other, LIST, apps(1))
    assert Application.objects.count() == 1
    assert installed(other) == {"App 1"}


def test_an_application_that_was_just_swept_away_costs_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from commands.results import software

    channel, tries = enrolled(), []
    add = software._add

    def lose(*arguments: Any) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise IntegrityError("violates foreign key constraint")
        add(*arguments)

    monkeypatch.setattr(software, "_add", lose)
    say(channel, LIST, apps(1))
    assert installed(channel) == {"App 1"}


def test_applications_nobody_has_are_forgotten() -> None:
    channel = enrolled()
    say(channel, LIST, apps(1, 2))
    say(channel, LIST, apps(2))
    assert forgetting.applications() == 1
    assert Application.objects.get().name == "App 2"


# --- History


def test_the_first_list_is_no_history() -> None:
    say(enrolled(), LIST, apps(1, 2))
    assert history() == []


def test_what_came_went_and_changed_is_history() -> None:
    channel = enrolled()
    say(channel, LIST, apps(1, 2, 3))
    answer = {LIST: [app(1), app(2, ShortVersion="1.1", Version="110"), app(4)]}
    say(channel, LIST, answer)
    assert sorted(history()) == [
        ("added", "App 4", "", "1.0 (100)"),
        ("changed", "App 2", "1.0 (100)", "1.1 (110)"),
        ("removed", "App 3", "1.0 (100)", ""),
    ]
    assert RegroupMark.objects.exists()


def test_what_changes_by_itself_is_no_history() -> None:
    channel = enrolled()
    say(channel, LIST, apps(1))
    say(channel, LIST, {LIST: [app(1, DynamicSize=9, HasUpdateAvailable=True)]})
    assert history() == []


# --- Profiles and certificates, which are compared alike


def profile(number: int, **keys: Any) -> dict[str, Any]:
    return {
        "PayloadIdentifier": f"com.example.{number}",
        "PayloadUUID": f"UUID-{number}",
        "PayloadDisplayName": f"Profile {number}",
        "PayloadContent": [{"PayloadType": "com.apple.wifi.managed"}],
        **keys,
    }


def test_profiles_that_stay_are_not_written_again() -> None:
    channel = enrolled()
    say(channel, "ProfileList", {"ProfileList": [profile(1), profile(2)]})
    kept = set(InstalledProfile.objects.values_list("pk", flat=True))
    said(channel, "ProfileList", {"ProfileList": [profile(2), profile(1)]})
    with counted() as statements:
        results.read_waiting()
    assert [one for one in statements if TABLES.match(one)] == []
    newer = profile(2, PayloadUUID="UUID-2-new")
    say(channel, "ProfileList", {"ProfileList": [profile(1), newer, profile(3)]})
    assert len(kept & set(InstalledProfile.objects.values_list("pk", flat=True))) == 1
    assert sorted(history()) == [
        ("added", "Profile 3", "", "UUID-3"),
        ("changed", "Profile 2", "UUID-2", "UUID-2-new"),
    ]


def test_a_certificate_expires_when_it_says(pair: tuple[bytes, bytes]) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    certificate = x509.load_pem_x509_certificate(pair[0])
    item = {
        "CommonName": "APSP:test",
        "IsIdentity": 1,
        "Data": certificate.public_bytes(Encoding.DER),
    }
    channel = enrolled()
    say(channel, "CertificateList", {"CertificateList": [item, {"Data": b"\0"}]})
    row = InstalledCertificate.objects.get(common_name="APSP:test")
    assert row.not_after == certificate.not_valid_after_utc
    assert row.is_identity is True
    assert "APSP:test" in row.issuer
    say(channel, "CertificateList", {"CertificateList": []})
    assert [kind for kind, *_ in history()] == ["removed", "removed"]
    assert not InstalledCertificate.objects.exists()
