"""The pages of policies: who may do what, the form, and what is counted."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from compliance import counts, sweeps
from compliance.models import Action, Policy, Standing
from devices.models import AuditEntry, Device, DeviceGroup, Enrollment, Tag, User

from .conftest import Fleet, SignIn

LIST, ADD = "admin:compliance_policy_changelist", "admin:compliance_policy_add"


def asked(*rows: tuple[str, str, str]) -> dict[str, object]:
    """Return conditions as JSON of field, operator and value."""
    names = ("field", "operator", "value")
    return {
        "match": "all",
        "conditions": [dict(zip(names, row, strict=True)) for row in rows],
    }


PASSCODE = asked(("passcode", "is", "yes"))


def policy(name: str = "Passcodes", **columns: object) -> Policy:
    made: Policy = Policy.objects.create(
        **{"name": name, "conditions": PASSCODE, **columns}
    )
    return made


def judged(name: str = "Passcodes", **columns: object) -> Policy:
    """Return a policy by which all devices were judged."""
    made = policy(name, **columns)
    sweeps.begin(Policy.objects.filter(pk=made.pk))
    while sweeps.go_on():
        pass
    made.refresh_from_db()
    return made


def post(client: Client, url: str, **fields: object) -> object:
    given = {"name": "Ours", "is_enabled": "on", "grace_hours": 1, "email_minutes": 60}
    return client.post(url, {**given, "_save": "1", **fields})


def text(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


# --- The form


def test_a_policy_is_made_of_rules_and_conditions(admin: Client, fleet: Fleet) -> None:
    fleet(2, passcode_present=True, passcode_compliant=True)
    answer = post(
        admin,
        reverse(ADD),
        platforms=["iOS"],
        os_at_least="17.0",
        passcode="on",
        apps="com.example.app\ncom.example.other",
        condition_field="name",
        condition_operator="begins",
        condition_value="Device",
    )
    made = Policy.objects.get()
    assert answer.url == made.get_absolute_url()  # type: ignore[attr-defined]
    assert made.platforms == ["iOS"]
    kept = [
        (each["field"], each["operator"], each["value"])
        for each in made.conditions["conditions"]
    ]
    assert kept == [
        ("os_version", "at_least", "17.0"),
        ("passcode", "is", "yes"),
        ("passcode_compliant", "is", "yes"),
        ("application", "installed", "com.example.app"),
        ("application", "installed", "com.example.other"),
        ("name", "begins", "Device"),
    ]
    assert made.sweep_after == 0
    entry = AuditEntry.objects.get(action="policy added")
    assert "os_at_least" in entry.details["fields"]


def test_the_form_finds_its_rules_again(admin: Client) -> None:
    made = policy(
        conditions=asked(
            ("passcode", "is", "yes"),
            ("encrypted", "is", "yes"),
            ("seen", "within", "7"),
            ("application", "not_installed", "com.example.game"),
        )
    )
    url = reverse("admin:compliance_policy_edit", args=[made.pk])
    form = admin.get(url).context["form"]
    assert form["encrypted"].value() is True
    assert not form["passcode"].value()  # without the other half it is no rule
    assert form["seen_days"].value() == "7"
    assert form["forbidden_apps"].value() == "com.example.game"
    assert [row.field.name for row in form.editor.rows] == ["passcode"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Ask at least one thing of devices."),
        ({"os_at_least": "newest"}, "Give a version such as 17.6.1"),
        ({"supervised": "on", "emails": "nobody"}, "is not an e-mail address"),
        ({"supervised": "on", "webhook_url": "http://hooks.example"}, "https://"),
        (
            {"supervised": "on", "webhook_url": "https://10.0.0.8/x"},
            "network that is not allowed",
        ),
        *(
            (
                {"supervised": "on", "webhook_url": f"https://{host}/"},
                "network that is not allowed",
            )
            for host in ("[::127.0.0.1]", "192.0.0.192", "[fec0::1]")
        ),
        ({"supervised": "on", "webhook_url": "https://例え.jp/"}, "in ASCII"),
        (
            {"supervised": "on", "webhook_url": "https://hooks.example"},
            "Enter a secret that the other side has",
        ),
        (
            {"supervised": "on", "command_type": "Settings", "command_json": "{}"},
            "Settings",
        ),
        (
            {"supervised": "on", "command_type": "SecurityInfo", "command_json": "{"},
            "This is not JSON",
        ),
        (
            {
                "condition_field": "battery",
                "condition_operator": "below",
                "condition_value": "much",
            },
            "Please correct the other conditions.",
        ),
    ],
)
def test_what_makes_no_sense_is_said_and_not_saved(
    admin: Client, fields: dict[str, str], words: str
) -> None:
    answer = post(admin, reverse(ADD), **fields)
    assert words in answer.content.decode()  # type: ignore[attr-defined]
    assert not Policy.objects.exists()


def test_a_button_adds_a_condition_and_saves_nothing(admin: Client) -> None:
    answer = post(admin, reverse(ADD), add_condition="1", new_field="battery")
    page = answer.content.decode()  # type: ignore[attr-defined]
    assert 'value="battery"' in page
    assert "Nothing was saved" not in page
    assert not Policy.objects.exists()


def test_a_webhooks_secret_is_taken_and_never_shown_again(admin: Client) -> None:
    secret = "a secret of this test"
    hook = {"webhook_url": "https://hooks.example/x", "supervised": "on"}
    post(admin, reverse(ADD), **hook, secret=secret)
    made = Policy.objects.get()
    url = reverse("admin:compliance_policy_edit", args=[made.pk])
    post(admin, url, **hook)
    made.refresh_from_db()
    assert bytes(made.webhook_secret) == secret.encode()
    for page in (url, made.get_absolute_url(), reverse("admin:compliance_policy_csv")):
        assert secret.encode() not in b"".join(admin.get(page))
    post(admin, url, **{**hook, "webhook_url": "https://other.example/"})
    made.refresh_from_db()
    assert made.webhook_url == "https://hooks.example/x"


# --- Rights


def test_nobody_chooses_a_command_that_they_may_not_order(sign_in: SignIn) -> None:
    edits = ("compliance.add_policy", "compliance.view_policy")
    without = sign_in(*edits)
    orders = sign_in(*edits, "commands.add_command")
    destroys = ("commands.order_destructive", "commands.erase_device")
    all_of_it = sign_in(*edits, "commands.add_command", *destroys)
    for client, request_type, is_taken in (
        (without, "SecurityInfo", False),
        (orders, "EraseDevice", False),
        (orders, "SecurityInfo", True),
        (all_of_it, "EraseDevice", True),
    ):
        Policy.objects.all().delete()
        post(client, reverse(ADD), supervised="on", command_type=request_type)
        made = Policy.objects.first()
        assert (made is not None) is is_taken
        assert made is None or made.command_by is not None


def test_who_may_not_order_the_command_decides_not_whom_it_reaches(
    sign_in: SignIn,
) -> None:
    boss = User.objects.create_superuser("boss")
    made = policy(command_type="EraseDevice", command_by=boss, is_enabled=False)
    url = reverse("admin:compliance_policy_edit", args=[made.pk])
    rights = ("compliance.view_policy", "compliance.change_policy")
    fields = {"supervised": "on", "command_type": "EraseDevice"}
    answer = post(sign_in(*rights, "commands.add_command"), url, **fields)
    assert "With this command you cannot save" in answer.content.decode()  # type: ignore[attr-defined]
    made.refresh_from_db()
    assert not made.is_enabled
    post(sign_in(*rights), url, **{**fields, "command_type": ""})
    made.refresh_from_db()
    assert (made.is_enabled, made.command_type, made.command_by) == (True, "", None)


def test_who_may_only_look_changes_nothing(sign_in: SignIn, fleet: Fleet) -> None:
    fleet()
    made = judged()
    looks = sign_in("compliance.view_policy")
    page = text(looks, made.get_absolute_url())
    assert "Your account may not see how devices stand." in page
    assert "Check now" not in page
    for name in ("check", "retry", "edit"):
        url = reverse(f"admin:compliance_policy_{name}", args=[made.pk])
        assert looks.post(url).status_code == 403
    assert looks.get(reverse(ADD)).status_code == 403
    assert sign_in().get(reverse(LIST)).status_code == 403


# --- What is shown


def test_the_list_and_the_page_count_verdicts(admin: Client, fleet: Fleet) -> None:
    fleet(3, passcode_present=True)
    fleet(2, passcode_present=False)
    fleet(1)
    made = judged()
    counts.keep()
    row = admin.get(reverse(LIST)).context["cl"].result_list[0]
    assert dict(row.counts) == {"complies": 3, "violates": 2, "unknown": 1}
    context = admin.get(made.get_absolute_url()).context
    assert [row.reasons for row in context["violating"]] == [["No passcode is set"]] * 2
    today = context["days"][-1]
    assert (today.complies, today.violates, today.unknown) == (
        "50.00%",
        "33.33%",
        "16.67%",
    )


def test_verdicts_can_be_filtered_and_searched(admin: Client, fleet: Fleet) -> None:
    fleet(3, passcode_present=True)
    fleet(2, passcode_present=False)
    made = judged()
    url = reverse("admin:compliance_standing_changelist")

    def found(**query: Any) -> int:
        return int(admin.get(url, query).context["cl"].result_count)

    assert found() == 5
    assert found(state="violates") == 2
    assert found(state="violates", q="SERIAL0004") == 1
    assert found(policy__id__exact=made.pk, state="complies") == 3
    assert found(q="nobody has this") == 0
    row = Standing.objects.first()
    assert row
    answer = admin.get(reverse("admin:compliance_standing_change", args=[row.pk]))
    assert answer.url.endswith("?tab=compliance")  # type: ignore[attr-defined]


def test_a_device_shows_how_it_stands(admin: Client, fleet: Fleet) -> None:
    [channel] = fleet(1, passcode_present=False)
    url = f"{channel.enrollment.device.get_absolute_url()}?tab=compliance"
    assert "No policy is for this device" in text(admin, url)
    judged()
    page = text(admin, url)
    assert "No passcode is set" in page
    assert "violates" in page


def test_the_overview_counts_devices_that_violate_a_policy(
    admin: Client, fleet: Fleet
) -> None:
    fleet(2, passcode_present=False)
    fleet(1, passcode_present=True)
    judged()
    judged("Another")
    overview = admin.get(reverse("admin:index")).context
    [tile] = [each for each in overview["numbers"] if "policy" in each.words]
    assert (tile.count, tile.tone) == (2, "bad")
    assert admin.get(tile.url).context["cl"].result_count == 2
    bars = overview["policies"]
    assert [bar.words for bar in bars] == ["Another", "Passcodes"]
    assert admin.get(bars[0].url).context["cl"].result_count == 2


def test_empty_pages_say_what_to_do(admin: Client) -> None:
    for name in ("policy", "standing", "action"):
        page = text(admin, reverse(f"admin:compliance_{name}_changelist"))
        assert "Add a policy" in page or "See the policies" in page


def test_the_page_shows_how_far_a_check_has_come(admin: Client, fleet: Fleet) -> None:
    fleet(2, passcode_present=False)
    made = policy()
    admin.post(reverse("admin:compliance_policy_check", args=[made.pk]))
    live = reverse("admin:commands_live")
    key = f"policy:{made.pk}"
    drawn = admin.get(live, {"of": key}).json()[key]
    assert "0 of 2 devices" in drawn
    assert 'data-open="1"' in drawn
    assert not sweeps.go_on()
    drawn = admin.get(live, {"of": key}).json()[key]
    assert "2 violate" in drawn
    assert 'data-open="0"' in drawn


# --- Groups that ask for verdicts


def test_a_policy_that_would_hang_on_itself_is_refused(admin: Client) -> None:
    made = policy()
    smart = DeviceGroup.objects.create(
        name="Those that do not",
        conditions=asked(("compliance", "violates", str(made.pk))),
    )
    url = reverse("admin:compliance_policy_edit", args=[made.pk])
    answer = post(admin, url, name=made.name, supervised="on", groups=[smart.pk])
    assert "hang on itself" in answer.content.decode()  # type: ignore[attr-defined]
    assert not made.groups.exists()
    tag = Tag.objects.create(name="stale")
    tagged = DeviceGroup.objects.create(
        name="Tagged", conditions=asked(("tag", "has_not", str(tag.pk)))
    )
    fields = {"supervised": "on", "tag": tag.pk, "groups": [tagged.pk]}
    answer = post(admin, reverse(ADD), **fields)
    assert "hang on itself" in answer.content.decode()  # type: ignore[attr-defined]
    answer = post(admin, reverse(ADD), **{**fields, "groups": [smart.pk]})
    assert answer.status_code == 302  # type: ignore[attr-defined]


def test_deleting_a_policy_takes_its_tag_off(admin: Client, fleet: Fleet) -> None:
    from compliance import actions

    fleet(2, passcode_present=False)
    tag = Tag.objects.create(name="no passcode")
    made = judged(tag=tag, grace_hours=0)
    actions.plan()
    assert tag.devices.count() == 2
    url = reverse("admin:compliance_policy_delete", args=[made.pk])
    page = text(admin, url)
    assert "Passcodes" in page
    assert admin.post(url, {"post": "yes"}).status_code == 302
    assert not Policy.objects.exists()
    assert not Action.objects.exists()
    assert tag.devices.count() == 0


# --- What it costs


@pytest.mark.parametrize("page", ["list", "page", "standings", "actions", "overview"])
def test_pages_cost_the_same_for_a_few_devices_as_for_many(
    admin: Client, fleet: Fleet, page: str
) -> None:
    made = policy(emails=["it@corp.example"], grace_hours=0)
    urls = {
        "list": reverse(LIST),
        "page": made.get_absolute_url(),
        "standings": reverse("admin:compliance_standing_changelist"),
        "actions": reverse("admin:compliance_action_changelist"),
        "overview": reverse("admin:index"),
    }

    def statements(devices: int, name: str) -> int:
        from compliance import actions

        fleet(devices, passcode_present=False)
        judged(name)
        sweeps.begin()
        while sweeps.go_on():
            pass
        actions.plan()
        admin.get(urls[page])
        with CaptureQueriesContext(connection) as captured:
            admin.get(urls[page])
        return len(captured)

    few = statements(2, "One")
    assert statements(20, "Two") <= few
    assert few <= 30
    assert Device.objects.count() == 22


def test_a_policy_ends_nobodys_management_without_the_right_to_erase(
    sign_in: SignIn, fleet: Fleet
) -> None:
    fleet()
    Enrollment.objects.update(profile_identifier="org.example.mdm")
    rights = ("compliance.add_policy", "compliance.view_policy")
    orders = ("commands.add_command", "commands.order_destructive")
    fields = {"supervised": "on", "command_type": "RemoveProfile"}
    fields["command_json"] = '{"Identifier": "org.example.mdm"}'
    post(sign_in(*rights, *orders), reverse(ADD), **fields)
    assert not Policy.objects.exists()
    post(sign_in(*rights, *orders, "commands.erase_device"), reverse(ADD), **fields)
    assert Policy.objects.exists()
