"""Signing in with an identity provider makes, finds and refreshes a person."""

from ..portal import Portal
from ..providers.browser import Browser
from ..providers.oidc import OIDCProvider
from ..providers.saml import SAMLProvider
from .conftest import Arrive, Facts, Run


def test_openid_connect_makes_a_person(
    portal: Portal, corp: OIDCProvider, arrive: Arrive, facts: Facts
) -> None:
    browser = arrive("Corp", corp, "ada")
    assert browser.url == f"{portal.url}/accounts/email/", browser.text
    [ada] = facts(email="ada@corp.example")
    assert ada == {
        "username": "ada",
        "name": "Ada Example",
        "email": "ada@corp.example",
        "apple": "ada@apple.corp.example",
        "staff": False,
        "roles": [],
        "password": False,
        "devices": {},
        "accounts": [
            ["corp", "ada", {"email": "ada@corp.example", "groups": ["everyone"]}]
        ],
        "tokens": 0,
        "audit": ["account made by sign-on"],
    }


def test_saml_makes_a_person(
    portal: Portal, saml: SAMLProvider, arrive: Arrive, facts: Facts
) -> None:
    saml.say("ada", mail="ada@school.example")
    browser = arrive("School", saml, "ada")
    assert browser.url == f"{portal.url}/accounts/email/", browser.text
    [ada] = facts(email="ada@school.example")
    assert (ada["name"], ada["apple"]) == ("Ada Example", "ada@apple.school.example")
    kept = {"email": "ada@school.example", "groups": ["everyone"]}
    assert ada["accounts"] == [["school", "ada", kept]]


def test_the_next_sign_in_refreshes_names_and_address(
    corp: OIDCProvider, arrive: Arrive, facts: Facts
) -> None:
    corp.say("bob")
    arrive("Corp", corp, "bob")
    corp.say("bob", given_name="Robert", email="robert@corp.example")
    arrive("Corp", corp, "bob")
    [bob] = facts(username="bob")
    assert (bob["name"], bob["email"]) == ("Robert Example", "robert@corp.example")
    assert bob["apple"] == "robert@apple.corp.example"
    assert len(bob["accounts"]) == 1


def test_an_account_that_it_made_is_found_by_its_address_and_loses_its_password(
    corp: OIDCProvider, arrive: Arrive, facts: Facts, run: Run
) -> None:
    make = "User.objects.create_user('bobby', 'Bobby@Corp.Example', 'of before')"
    run(f"from devices.models import User; {make}")
    corp.say("bob", sub="bob-2", email="bobby@corp.example")
    arrive("Corp", corp, "bob")
    [bobby] = facts(username="bobby")
    assert bobby["accounts"][0][:2] == ["corp", "bob-2"]
    assert not bobby["password"]


def test_roles_come_and_go_with_the_groups_of_the_provider(
    corp: OIDCProvider, arrive: Arrive, facts: Facts, run: Run
) -> None:
    corp.say("carol", groups=["staff", "helpdesk"])
    arrive("Corp", corp, "carol")
    [carol] = facts(username="carol")
    assert (carol["staff"], carol["roles"]) == (True, ["Help desk"])
    run(
        "from devices.models import User\n"
        "from django.contrib.auth.models import Group\n"
        "role, _ = Group.objects.get_or_create(name='Given by hand')\n"
        "User.objects.get(username='carol').groups.add(role)"
    )
    corp.say("carol", groups="everyone")
    arrive("Corp", corp, "carol")
    [carol] = facts(username="carol")
    assert (carol["staff"], carol["roles"]) == (False, ["Given by hand"])
    changed = "roles changed by sign-on"
    assert carol["audit"] == ["account made by sign-on", changed, changed]


def test_superusers_keep_what_they_have(
    corp: OIDCProvider, arrive: Arrive, facts: Facts, run: Run
) -> None:
    run(
        "from devices.models import User\n"
        "User.objects.create_superuser('root', 'root@corp.example', 'of this test')"
    )
    corp.say("frank", email="root@corp.example", groups=[])
    browser = arrive("Corp", corp, "frank", "/admin/")
    assert browser.status == 200
    [root] = facts(username="root")
    assert (root["staff"], root["password"]) == (True, True)
    assert root["accounts"][0][0] == "corp"


def test_devices_join_and_leave_the_groups_of_their_owner(
    saml: SAMLProvider, arrive: Arrive, facts: Facts, run: Run
) -> None:
    saml.say("dan", mail="dan@school.example", groups=["sales"])
    arrive("School", saml, "dan")
    run(
        "from devices.models import Device, DeviceGroup, User\n"
        "from enrollment.signon import apply_device_groups\n"
        "dan = User.objects.get(email='dan@school.example')\n"
        "phone = Device.objects.create(udid='dan', serial_number='DAN', owner=dan)\n"
        "phone.groups.add(DeviceGroup.objects.create(name='By hand'))\n"
        "apply_device_groups(dan)"
    )
    [dan] = facts(email="dan@school.example")
    assert dan["devices"] == {"DAN": ["By hand", "Sales"]}
    saml.say("dan", mail="dan@school.example", groups=[])
    arrive("School", saml, "dan")
    [dan] = facts(email="dan@school.example")
    assert dan["devices"] == {"DAN": ["By hand"]}


def test_the_managed_apple_account_is_what_the_provider_calls_it(
    portal: Portal,
    oidc_provider: OIDCProvider,
    arrive: Arrive,
    facts: Facts,
) -> None:
    oidc_provider.add_to(portal, "apple", name="Apple", account_attribute="apple")
    email = "grace@apple.example"
    oidc_provider.say("grace", email=email, apple="grace@managed.example")
    arrive("Apple", oidc_provider, "grace")
    [grace] = facts(email=email)
    assert grace["apple"] == "grace@managed.example"
    oidc_provider.say("grace", email=email, apple="no address")
    arrive("Apple", oidc_provider, "grace")
    [grace] = facts(email=email)
    assert grace["apple"] == "grace@managed.example"
    assert "no address" not in portal.log()


def test_the_device_is_sent_straight_to_the_provider_of_its_mail_domain(
    portal: Portal, corp: OIDCProvider, run: Run
) -> None:
    found = run(
        "import json\n"
        "from enrollment.signon import login_url\n"
        "names = ['Ada@CORP.example', 'ada@nowhere.example', 'corp.example']\n"
        "print(json.dumps([login_url(name, '/enroll/x/') for name in names]))"
    )
    page = "/accounts/login/?next=%2Fenroll%2Fx%2F"
    assert found[1:] == [page, page]
    browser = Browser().open(found[0])
    assert browser.url.startswith(f"{corp.url}/sign-in/")
    assert browser.page.forms[0].fields["login"] == "Ada@CORP.example"
