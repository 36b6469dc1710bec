"""The form of a command's keys: what is typed is what is ordered, at any depth."""

import datetime as dt
import string
from collections.abc import Mapping
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from hypothesis import given, settings
from hypothesis import strategies as st

from commands.forms import OrderForm
from mdmportal import catalogue
from mdmportal.protocol.schema import Command, Key

from .controls import Controls, sent_by

COMMANDS = catalogue.commands()


def depth(key: Key) -> int:
    inner = [*key.keys.values(), *key.items, *filter(None, [key.wildcard])]
    return 1 + max(map(depth, inner), default=0)


def most_nested(count: int) -> list[str]:
    def nestedness(name: str) -> tuple[int, int]:
        keys = COMMANDS[name].keys.values()
        return max(map(depth, keys), default=0), len(keys)

    return sorted(COMMANDS, key=nestedness, reverse=True)[:count]


def form_of(
    request_type: str, data: Mapping[str, Any] | str = "", **files: Any
) -> OrderForm:
    query = QueryDict(data if isinstance(data, str) else "", mutable=True)
    if not isinstance(data, str):
        query.update(data)
    uploads: MultiValueDict[str, Any] = MultiValueDict(
        {
            name: each if isinstance(each, list) else [each]
            for name, each in files.items()
        }
    )
    return OrderForm(COMMANDS[request_type], query, uploads)


# --- What a filled form sends is what it was filled with

TEXT = st.text(
    string.ascii_letters + string.digits + "äß<&\"'€.-", min_size=1, max_size=12
)
FREE = st.recursive(
    st.one_of(
        TEXT,
        st.booleans(),
        st.integers(-(2**62), 2**62),
        st.floats(allow_nan=False, allow_infinity=False),
        st.binary(min_size=1, max_size=9),
        st.just(dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)),
    ),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2)
    ),
    max_leaves=4,
)
SCALARS: Mapping[str, st.SearchStrategy[Any]] = {
    "string": TEXT,
    "integer": st.integers(0, 9),
    "boolean": st.booleans(),
    "data": st.binary(min_size=1, max_size=9),
    "any": FREE,
}


def values(key: Key) -> st.SearchStrategy[Any]:
    """Return values of a key that are not empty."""
    if key.name == "passwordHash":
        return TEXT
    if key.values:
        return st.sampled_from(key.values)
    if key.type == "array":
        return st.lists(st.one_of(*map(values, key.items)), min_size=1, max_size=2).map(
            lambda found: (
                sorted(set(found), key=key.items[0].values.index)
                if key.items[0].values
                else found
            )
        )
    if key.type != "dictionary":
        return SCALARS[key.type]
    if key.wildcard:
        return st.dictionaries(TEXT, values(key.wildcard), min_size=1, max_size=2)
    return dictionaries(key.keys).filter(bool)


def dictionaries(keys: Mapping[str, Key]) -> st.SearchStrategy[dict[str, Any]]:
    required = {name: values(key) for name, key in keys.items() if key.required}
    others = {name: values(key) for name, key in keys.items() if not key.required}
    return st.fixed_dictionaries(required, optional=others)


def as_sent(value: Any) -> Any:
    """Dates are compared as moments; lists and dictionaries in free values come back
    from a property list, which has no time zones."""
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, dict):
        return {name: as_sent(item) for name, item in value.items()}
    return [as_sent(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("request_type", most_nested(9))
@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_what_the_form_shows_is_what_it_sends(request_type: str, data: Any) -> None:
    command = COMMANDS[request_type]
    keys = data.draw(dictionaries(command.keys))
    shown = OrderForm(command, initial=keys)
    again = OrderForm(command, sent_by(shown), MultiValueDict(), initial=keys)
    again.is_valid()  # whether its keys go together is not asked here
    assert as_sent(again.keys) == as_sent(keys)


# --- Reading


@pytest.mark.parametrize("request_type", sorted(COMMANDS))
def test_every_key_of_every_command_has_a_control(request_type: str) -> None:
    command = COMMANDS[request_type]
    drawn = str(OrderForm(command))
    for name, key in command.keys.items():
        if not (key.required and len(key.values) == 1):
            assert f"key.{name}" in drawn


def test_nothing_typed_is_nothing_sent() -> None:
    for request_type, command in COMMANDS.items():
        form = OrderForm(command, sent_by(OrderForm(command)), MultiValueDict())
        form.is_valid()
        asked = {n for n, key in command.keys.items() if key.required}
        assert form.keys.keys() <= asked, request_type


def test_the_numbers_of_elements_may_have_gaps_and_tell_their_order() -> None:
    said = {
        "key.Updates.7.ProductKey": "later",
        "key.Updates.7.InstallAction": "Default",
        "key.Updates.2.ProductKey": "first",
        "key.Updates.2.InstallAction": "InstallASAP",
        "key.Updates.4.ProductKey": " ",
        "key.Updates.4.InstallAction": "",
    }
    form = form_of("ScheduleOSUpdate", said)
    assert form.is_valid()
    assert form.keys == {
        "Updates": [
            {"ProductKey": "first", "InstallAction": "InstallASAP"},
            {"ProductKey": "later", "InstallAction": "Default"},
        ]
    }


def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays() -> None:
    said = {
        "key.Settings.5.Item": "DeviceName",
        "key.Settings.5.DeviceName": "",
        "key.Settings.9.Item": "MaximumResidentUsers",
        "key.Settings.9.MaximumResidentUsers": "many",
        "key.Settings.3.Item": "TimeZone",
        "key.Settings.3.TimeZone": "Europe/Berlin",
    }
    form = form_of("Settings", said)
    assert not form.is_valid()
    assert form.errors == {
        "key.Settings.5.DeviceName": ["This is required."],
        "key.Settings.9.MaximumResidentUsers": ["Enter a whole number."],
    }
    drawn = sent_by(form)
    assert {name: drawn[name] for name in said} == said


def test_what_keys_are_together_is_said_at_the_key_it_is_about() -> None:
    form = form_of("InstallApplication", "key.Identifier=a&key.iTunesStoreID=1")
    assert list(form.errors) == ["key.iTunesStoreID"]
    form = form_of("ScheduleOSUpdate", "key.Updates.3.InstallAction=Default")
    assert list(form.errors) == ["key.Updates.3"]
    assert "needs ProductKey or ProductVersion" in str(form)


def test_a_dictionary_begun_must_be_finished() -> None:
    form = form_of(
        "EraseDevice", "", **{"key.ReturnToService.WiFiProfileData": profile()}
    )
    assert form.errors == {"key.ReturnToService.Enabled": ["This is required."]}
    form = form_of("EraseDevice", "key.PIN=&key.ReturnToService.Enabled=")
    assert form.is_valid()
    assert form.keys == {}


def test_a_required_array_that_some_have_nothing_for_is_sent_empty() -> None:
    names = {
        "DeviceRequestType": "Reset",
        "DeviceRequestUUID": "1",
        "DeviceDNSName": "mac.example.org",
        "PrimaryIPv6AddressList": "fe80::1\r\nfe80::2\r\n",
        "SecondaryIPv6AddressList": "",
        "LOMProtocolVersion": "1",
    }
    said = {f"key.RequestList.0.{name}": text for name, text in names.items()}
    form = form_of("LOMDeviceRequest", said)
    assert form.is_valid()
    [request] = form.keys["RequestList"]
    assert request["PrimaryIPv6AddressList"] == ["fe80::1", "fe80::2"]
    assert request["SecondaryIPv6AddressList"] == []
    assert request["LOMProtocolVersion"] == 1


def test_a_free_dictionary_is_rows_of_name_type_and_value() -> None:
    row = "key.Configuration"
    said = {
        "key.Identifier": "com.example",
        f"{row}.0.name": "server",
        f"{row}.0.value": "https://example.org",
        f"{row}.4.name": "retries",
        f"{row}.4.value": "3",
        f"{row}.4.value.type": "integer",
        f"{row}.5.name": "verbose",
        f"{row}.5.value": "yes",
        f"{row}.5.value.type": "boolean",
        f"{row}.6.name": "hosts",
        f"{row}.6.value": '["a", {"port": 1}]',
        f"{row}.6.value.type": "nested",
        f"{row}.8.name": "",
        f"{row}.8.value": "",
    }
    form = form_of("InstallApplication", said)
    assert form.is_valid(), form.errors
    assert form.keys["Configuration"] == {
        "server": "https://example.org",
        "retries": 3,
        "verbose": True,
        "hosts": ["a", {"port": 1}],
    }


def test_rows_say_which_of_them_is_wrong() -> None:
    row = "key.Configuration"
    said = {
        f"{row}.0.name": "",
        f"{row}.0.value": "lost",
        f"{row}.1.name": "n",
        f"{row}.1.value": "three",
        f"{row}.1.value.type": "integer",
        f"{row}.2.name": "n",
        f"{row}.2.value": "again",
    }
    form = form_of("InstallApplication", {"key.Identifier": "a", **said})
    assert form.errors == {
        f"{row}.0.name": ["Give it a name."],
        f"{row}.1.value": ["This is not a whole number."],
        f"{row}.2.name": ["There is another of this name."],
    }


@pytest.mark.parametrize(
    "text",
    [
        '{"server": "a", "ports": [1, 2]}',
        "<dict><key>server</key><string>a</string>"
        "<key>ports</key><array><integer>1</integer><integer>2</integer></array></dict>",
        '<?xml version="1.0"?><plist version="1.0"><dict><key>server</key><string>a'
        "</string><key>ports</key><array><integer>1</integer><integer>2</integer>"
        "</array></dict></plist>",
    ],
)
def test_what_an_app_is_configured_with_is_pasted_as_its_maker_has_it(
    text: str,
) -> None:
    said = {"key.Identifier": "a", "key.Configuration.paste": text}
    form = form_of("InstallApplication", said)
    assert form.is_valid(), form.errors
    assert form.keys["Configuration"] == {"server": "a", "ports": [1, 2]}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "neither JSON nor a property list"),
        ("<dict><key>a</key></dict", "neither JSON nor a property list"),
        ("[1]", "must be a dictionary"),
        ('{"a": null}', "no null"),
        ("[" * 100 + "]" * 100, "nested too deeply"),
    ],
)
def test_what_is_pasted_wrong_says_so(text: str, problem: str) -> None:
    said = {"key.Identifier": "a", "key.Configuration.paste": text}
    form = form_of("InstallApplication", said)
    assert problem in form.errors["key.Configuration"][0]
    assert text in sent_by(form)["key.Configuration.paste"]


def test_all_keys_can_be_pasted_at_once() -> None:
    text = '{"Settings": [{"Item": "Wallpaper", "Image": "iVBORw0KGgo=", "Where": 1}]}'
    form = form_of("Settings", {"key.paste": text})
    assert form.is_valid(), form.errors
    assert form.keys["Settings"][0]["Image"] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"Settings": [{"Item": "Colour"}]}', "Settings[0].Item must be one of"),
        (
            '{"Settings": [{"Item": "DeviceName"}]}',
            "Settings[0].DeviceName is required",
        ),
        ('{"Settings": {}}', "Settings must be an array"),
        ("[1]", "as a dictionary"),
        ("{", "neither JSON"),
    ],
)
def test_pasted_keys_are_checked_and_named_as_apple_names_them(
    text: str, problem: str
) -> None:
    form = form_of("Settings", {"key.paste": text})
    assert problem in " ".join(form.errors["key.paste"])
    assert sent_by(form)["key.paste"] == text


def test_keys_are_typed_or_pasted_not_both() -> None:
    form = form_of("RemoveProfile", {"key.paste": "{}", "key.Identifier": "a"})
    assert "not both" in form.errors["key.paste"][0]


def test_an_empty_password_removes_it_only_if_that_is_ticked() -> None:
    command = COMMANDS["SetRecoveryLock"]
    for query, keys in (
        ("key.NewPassword=", {}),
        ("key.NewPassword=&key.NewPassword.remove=1", {"NewPassword": ""}),
        ("key.NewPassword= with blanks ", {"NewPassword": " with blanks "}),
    ):
        form = OrderForm(
            command, QueryDict(query), None, optional=("NewPassword", "CurrentPassword")
        )
        assert form.is_valid()
        assert form.keys == keys


def test_a_password_that_is_hashed_later_is_asked_for_in_clear() -> None:
    name = "key.AutoSetupAdminAccounts.0"
    said = {f"{name}.shortName": "admin", f"{name}.passwordHash": "correct horse"}
    form = form_of("AccountConfiguration", said)
    assert form.is_valid(), form.errors
    assert form.keys["AutoSetupAdminAccounts"] == [
        {"shortName": "admin", "passwordHash": "correct horse"}
    ]


@pytest.mark.parametrize("text", ["a\x00b", "a\x07b"])
def test_what_no_property_list_can_hold_is_refused(text: str) -> None:
    form = form_of("RemoveProfile", {"key.Identifier": text})
    assert "no property list" in form.errors[""][0]


# --- Files


def profile() -> SimpleUploadedFile:
    content = (
        b'<plist version="1.0"><dict><key>PayloadType</key>'
        b"<string>Configuration</string></dict></plist>"
    )
    return SimpleUploadedFile("wifi.mobileconfig", content)


@pytest.mark.parametrize(
    ("request_type", "key", "content", "problem"),
    [
        ("InstallProfile", "Payload", b"%PDF-1.7", "not a configuration profile"),
        ("InstallProfile", "Payload", b"", "empty"),
        ("InstallProfile", "Payload", b"<" * (5 * 1024 * 1024 + 1), "larger than 5 MB"),
        (
            "InstallProvisioningProfile",
            "ProvisioningProfile",
            b"<plist/>",
            "not a provisioning profile",
        ),
        ("RotateFileVaultKey", "NewCertificate", b"0\x00", "not a certificate"),
        ("Settings", "Settings.0.Image", b"GIF89a", "neither a PNG nor a JPEG"),
    ],
)
def test_files_are_looked_at(
    request_type: str, key: str, content: bytes, problem: str
) -> None:
    upload = SimpleUploadedFile("file", content)
    said = "key.Settings.0.Item=Wallpaper" if request_type == "Settings" else ""
    form = form_of(request_type, said, **{f"key.{key}": upload})
    assert problem in form.errors[f"key.{key}"][0]


def test_a_file_that_was_sent_has_to_be_chosen_again_and_it_says_so() -> None:
    files = {"key.ReturnToService.MDMProfileData": profile()}
    form = form_of("EraseDevice", "key.PIN=12", **files)
    assert not form.is_valid()
    assert "Choose the file again" in str(form)


def test_a_file_of_a_draft_is_kept_unless_it_is_unticked() -> None:
    command, before = COMMANDS["InstallProfile"], {"Payload": profile().read()}
    shown = OrderForm(command, initial=before)
    assert "Keep the file" in str(shown)
    kept = OrderForm(command, sent_by(shown), None, initial=before)
    assert kept.is_valid()
    assert kept.keys == before
    unticked = OrderForm(command, QueryDict(""), None, initial=before)
    assert unticked.errors == {"key.Payload": ["This is required."]}


@pytest.mark.parametrize(
    "keys",
    [
        {"Settings": "none"},
        {"Settings": ["DeviceName"]},
        {"Settings": [{"Item": "DeviceName", "DeviceName": {"a": 1}}]},
        {"Other": b"1"},
    ],
)
def test_keys_that_were_written_by_hand_against_the_schema_are_not_shown(
    keys: dict[str, Any],
) -> None:
    form = OrderForm(COMMANDS["Settings"], initial=keys)
    assert not form.root.is_filled
    assert "Tick what is to be set" in str(form)


def test_accounts_are_shown_again_without_the_hashes_of_their_passwords() -> None:
    account = {"shortName": "admin", "passwordHash": b"hash"}
    keys = {"AutoSetupAdminAccounts": [account]}
    shown = sent_by(OrderForm(COMMANDS["AccountConfiguration"], initial=keys))
    assert shown["key.AutoSetupAdminAccounts.0.shortName"] == "admin"
    assert shown["key.AutoSetupAdminAccounts.0.passwordHash"] == ""


def test_several_files_make_an_array() -> None:
    uploads = [SimpleUploadedFile(name, b"no") for name in ("a.cer", "b.cer")]
    said = {"key.ManifestURL": "https://example.org/m"}
    files = {"key.ManifestURLPinningCerts": uploads}
    form = form_of("InstallEnterpriseApplication", said, **files)
    problems = form.errors["key.ManifestURLPinningCerts"]
    assert [text.partition(":")[0] for text in problems] == ["a.cer", "b.cer"]


# --- Without scripts


def test_without_scripts_one_empty_element_of_each_array_is_offered() -> None:
    form = OrderForm(COMMANDS["AccountConfiguration"])
    name = "key.AutoSetupAdminAccounts.0.shortName"
    assert name not in Controls(str(form)).values
    assert name in Controls(str(form), scripted=False).values
    filled = form_of("AccountConfiguration", {name: "admin"})
    again = Controls(str(filled), scripted=False).values
    assert again["key.AutoSetupAdminAccounts.1.shortName"] == [""]


# --- A schema of another release


def nested(levels: int) -> Key:
    inner = Key(name="End", type="string")
    for level in range(levels):
        inner = Key(
            name=f"Level{level}",
            type="array",
            items=(Key(name="Item", type="dictionary", keys={inner.name: inner}),),
        )
    return inner


def test_what_is_endless_or_very_deep_is_pasted() -> None:
    around = Key(name="Around", type="dictionary", recursive=True)
    deep = nested(9)
    keys = {"Around": around, deep.name: deep}
    command = Command(request_type="Deep", keys=keys, answers={}, support={})
    form = OrderForm(command, QueryDict('key.Around={"Around": {"Around": {}}}'), None)
    assert form.is_valid(), form.errors
    assert form.keys == {"Around": {"Around": {"Around": {}}}}
    assert len(str(OrderForm(command))) < 200_000


def test_dates_are_typed_by_the_clock_of_who_looks() -> None:
    keys = {"At": Key(name="At", type="date")}
    command = Command(request_type="Dated", keys=keys, answers={}, support={})
    with timezone.override("Europe/Berlin"):
        form = OrderForm(command, QueryDict("key.At=2026-01-31T12:00"), None)
        assert form.is_valid()
        assert form.keys["At"] == dt.datetime(2026, 1, 31, 11, tzinfo=dt.UTC)
        shown = sent_by(OrderForm(command, initial=form.keys))
        assert shown["key.At"] == "2026-01-31T12:00:00"
