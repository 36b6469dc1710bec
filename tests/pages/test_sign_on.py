"""Identity providers and mail domains, set up in the dashboard."""

import base64
import datetime as dt
import json
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from cryptography.hazmat.primitives.serialization import Encoding
from django.test import Client
from django.urls import reverse

from devices.models import AuditEntry, User
from enrollment import tasks
from enrollment.models import EnrollmentProfile, IdentityProvider, MailDomain

from .conftest import SignIn
from .test_push_certificate import NOW, YEAR, certificate, pem

PROVIDERS = "admin:enrollment_identityprovider"
DOMAINS = "admin:enrollment_maildomain"
SECRET = "the secret of this client"
OIDC = {
    "name": "Corp",
    "code": "corp",
    "is_enabled": "on",
    "protocol": "openid_connect",
    "server_url": "https://login.corp.example/",
    "client_id": "portal",
    "secret": SECRET,
    "email_attribute": "email",
    "groups_attribute": "groups",
    "account_pattern": "{email}",
}
SAML = {
    **OIDC,
    "protocol": "saml",
    "entity_id": "https://login.corp.example/metadata",
    "sso_url": "https://login.corp.example/sso",
    "certificate": pem(certificate()).decode(),
}
METADATA = """<?xml version="1.0"?>
<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="urn:corp">
<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
{keys}
<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
 Location="https://login.corp.example/sso"/></IDPSSODescriptor></EntityDescriptor>"""
KEY = """<KeyDescriptor use="signing">
<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{}
</X509Certificate></X509Data></KeyInfo></KeyDescriptor>"""


def post(client: Client, url: str, form: dict[str, Any], **rows: Any) -> str:
    """Send a form with its inline rows; return the page that follows."""
    sent = {**form}
    for prefix, given in {"group_rules": [], "routes": [], **rows}.items():
        sent |= {f"{prefix}-TOTAL_FORMS": len(given), f"{prefix}-INITIAL_FORMS": 0}
        for number, row in enumerate(given):
            sent |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return client.post(url, sent, follow=True).content.decode()


def add(client: Client, form: dict[str, Any], **rows: Any) -> str:
    return post(client, reverse(f"{PROVIDERS}_add"), form, **rows)


def change(client: Client, row: IdentityProvider, **form: Any) -> str:
    url = reverse(f"{PROVIDERS}_change", args=[row.pk])
    return post(client, url, {**OIDC, "secret": "", **form})


@pytest.fixture
def corp(db: None) -> IdentityProvider:
    return IdentityProvider.objects.create(
        name="Corp",
        code="corp",
        protocol="openid_connect",
        server_url="https://login.corp.example",
        client_id="portal",
        client_secret=SECRET.encode(),
    )


# --- Providers


def test_a_provider_is_added_and_its_page_says_what_to_enter_there(
    admin: Client,
) -> None:
    add(admin, OIDC, group_rules=[{"value": "it", "is_staff": "on"}])
    row = IdentityProvider.objects.get()
    assert bytes(row.client_secret).decode() == SECRET
    assert row.group_rules.get().value == "it"
    page = admin.get(reverse(f"{PROVIDERS}_change", args=[row.pk])).content.decode()
    assert "http://127.0.0.1:8000/accounts/oidc/corp/login/callback/" in page
    assert AuditEntry.objects.filter(action="identity provider saved").exists()


def test_the_secret_is_kept_when_none_is_entered_and_never_shown(
    admin: Client, corp: IdentityProvider
) -> None:
    page = change(admin, corp, name="Corporation")
    assert SECRET not in page
    row = IdentityProvider.objects.get()
    assert (row.name, bytes(row.client_secret).decode()) == ("Corporation", SECRET)
    change(admin, corp, secret="another")
    row = IdentityProvider.objects.get()
    assert bytes(row.client_secret) == b"another"


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({**OIDC, "secret": ""}, "Enter the client secret."),
        ({**OIDC, "server_url": ""}, "Enter the issuer"),
        ({**OIDC, "client_id": ""}, "Enter the client ID"),
        ({**OIDC, "server_url": "http://corp.example"}, "must begin with https://"),
        ({**OIDC, "code": "saml"}, "Choose another"),
        ({**OIDC, "account_pattern": "{user}"}, "does not make an address"),
        ({**OIDC, "account_pattern": "{nick}@a.example"}, "does not make an address"),
        ({**SAML, "sso_url": ""}, "unless the metadata"),
        ({**SAML, "certificate": "MII"}, "paste it as PEM"),
        (
            {**SAML, "certificate": pem(certificate(until=NOW - YEAR)).decode()},
            "expired",
        ),
    ],
)
def test_what_cannot_work_is_refused_in_words(
    admin: Client, form: dict[str, Any], problem: str
) -> None:
    assert problem in add(admin, form)
    assert not IdentityProvider.objects.exists()


def test_a_saml_provider_is_told_entity_id_and_acs(
    admin: Client, client: Client
) -> None:
    add(admin, SAML)
    row = IdentityProvider.objects.get()
    page = admin.get(reverse(f"{PROVIDERS}_change", args=[row.pk])).content.decode()
    metadata = "http://127.0.0.1:8000/accounts/saml/corp/metadata/"
    assert metadata in page
    assert "http://127.0.0.1:8000/accounts/saml/corp/acs/" in page
    said = client.get("/accounts/saml/corp/metadata/", headers={"host": "localhost"})
    assert f'entityID="{metadata}"' in said.content.decode()


def test_a_rule_gives_something(admin: Client) -> None:
    page = add(admin, OIDC, group_rules=[{"value": "it"}])
    assert "Choose what the group gives" in page


def test_only_superusers_set_up_providers(
    sign_in: SignIn, corp: IdentityProvider
) -> None:
    rights = ("view", "add", "change", "delete")
    names = [f"enrollment.{right}_identityprovider" for right in rights]
    client = sign_in(*names)
    url = reverse(f"{PROVIDERS}_change", args=[corp.pk])
    assert client.get(url).status_code == 200
    assert client.post(url, OIDC).status_code == 403
    assert client.get(reverse(f"{PROVIDERS}_add")).status_code == 403
    check = reverse(f"{PROVIDERS}_check", args=[corp.pk])
    assert client.get(check).status_code == 403


@pytest.mark.parametrize("how", ["deleted", "another issuer"])
def test_people_are_not_known_to_another_provider_by_the_same_name(
    admin: Client, corp: IdentityProvider, how: str
) -> None:
    ada = User.objects.create_user("ada")
    SocialAccount.objects.create(user=ada, provider="corp", uid="1")
    change(admin, corp, name="Corporation", server_url="https://login.corp.example")
    assert SocialAccount.objects.exists()
    if how == "deleted":
        url = reverse(f"{PROVIDERS}_delete", args=[corp.pk])
        admin.post(url, {"post": "yes"})
    else:
        change(admin, corp, server_url="https://elsewhere.example")
    assert not SocialAccount.objects.exists()
    assert User.objects.filter(pk=ada.pk).exists()


def test_the_sign_in_page_has_a_button_for_each_and_keeps_where_to_go(
    client: Client, corp: IdentityProvider
) -> None:
    page = client.get("/accounts/login/?next=/enroll/devices/").content.decode()
    url = "http://127.0.0.1:8000/accounts/oidc/corp/login/?next=%2Fenroll%2Fdevices%2F"
    assert f'href="{url}"' in page
    assert "Sign in with Corp" in page


# --- Checking


@pytest.fixture
def published() -> Iterator[dict[str, Any]]:
    """A server on loopback that says what ``body`` is; ``url`` is its address."""
    said: dict[str, Any] = {"body": "", "status": 200}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(said["status"])
            self.end_headers()
            self.wfile.write(said["body"].encode())

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    said["url"] = f"http://127.0.0.1:{server.server_port}"
    yield said
    server.shutdown()
    server.server_close()


def discovery(url: str, **changes: str) -> str:
    names = ("authorization", "token", "userinfo")
    found = {f"{name}_endpoint": f"{url}/{name}" for name in names}
    return json.dumps({"issuer": url, "jwks_uri": f"{url}/keys", **found, **changes})


def check(client: Client, row: IdentityProvider) -> str:
    url = reverse(f"{PROVIDERS}_check", args=[row.pk])
    return client.get(url).content.decode()


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (lambda url: discovery(url), 200, "is in order"),
        (lambda url: "<html>", 200, "is not JSON"),
        (lambda url: "[]", 200, "no discovery document"),
        (lambda url: discovery("https://other.example"), 200, "https://other.example"),
        (lambda url: discovery(url, token_endpoint=""), 200, "token_endpoint"),
        (lambda url: "", 404, "status 404"),
        (lambda url: "x" * (2 * 1024 * 1024 + 1), 200, "too large"),
    ],
)
def test_the_check_says_in_words_what_is_wrong_with_openid_connect(
    admin: Client,
    corp: IdentityProvider,
    published: dict[str, Any],
    body: Any,
    status: int,
    words: str,
) -> None:
    published |= {"body": body(published["url"]), "status": status}
    corp.server_url = published["url"]
    corp.save()
    assert words in check(admin, corp)


def test_the_check_says_that_nobody_answers(
    admin: Client, corp: IdentityProvider
) -> None:
    corp.server_url = "http://127.0.0.1:9"
    corp.save()
    assert "127.0.0.1:9 cannot be reached" in check(admin, corp)


def key(until: dt.datetime = NOW + YEAR) -> str:
    der = certificate(until=until).public_bytes(Encoding.PEM).decode()
    return KEY.format("".join(der.splitlines()[1:-1]))


def test_saml_metadata_are_read_when_it_is_saved(
    admin: Client, published: dict[str, Any]
) -> None:
    published["body"] = METADATA.format(keys=key() + key(NOW + 2 * YEAR))
    form = {**SAML, "entity_id": "", "sso_url": "", "certificate": ""}
    page = add(admin, {**form, "metadata_url": published["url"]})
    assert "What its metadata say is in use." in page
    row = IdentityProvider.objects.get()
    assert (row.entity_id, row.sso_url) == ("urn:corp", SAML["sso_url"])
    assert row.certificate.count("BEGIN CERTIFICATE") == 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<html>", "is not SAML metadata"),
        (METADATA.format(keys=""), "There is no certificate"),
        (METADATA.format(keys=KEY.format("MIIC")), "cannot be read"),
        (METADATA.format(keys=key(NOW - YEAR)), "expired on"),
    ],
)
def test_metadata_that_are_no_good_are_not_taken(
    admin: Client, published: dict[str, Any], body: str, words: str
) -> None:
    published["body"] = body
    form = {**SAML, "entity_id": "", "sso_url": "", "certificate": ""}
    page = add(admin, {**form, "metadata_url": published["url"]})
    assert "Its metadata were not taken." in page
    assert words in page
    row = IdentityProvider.objects.get()
    assert row.certificate == ""
    assert words in check(admin, row)
    assert "Sign in with Corp" not in Client().get("/accounts/login/").content.decode()


@pytest.mark.parametrize(("entity", "count"), [("urn:corp", 2), ("urn:other", 1)])
def test_new_certificates_of_the_same_provider_are_taken_by_themselves(
    admin: Client, published: dict[str, Any], entity: str, count: int
) -> None:
    published["body"] = METADATA.format(keys=key())
    add(admin, {**SAML, "metadata_url": published["url"]})
    both = METADATA.format(keys=key() + key(NOW + 2 * YEAR))
    published["body"] = both.replace("urn:corp", entity)
    assert tasks.read_metadata() == count - 1
    row = IdentityProvider.objects.get()
    assert row.certificate.count("BEGIN CERTIFICATE") == count


# --- Mail domains


def test_a_mail_domain_is_kept_in_lower_case_with_its_routes(
    admin: Client, corp: IdentityProvider
) -> None:
    way = EnrollmentProfile.objects.create(name="Own", code="own", kind="byod")
    post(
        admin,
        reverse(f"{DOMAINS}_add"),
        {"name": "@Corp.Example", "provider": corp.pk},
        routes=[{"model_family": "", "way": way.pk}],
    )
    domain = MailDomain.objects.get()
    assert (domain.name, domain.provider) == ("corp.example", corp)
    assert domain.routes.get().way == way


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ada@corp.example", "behind the @"),
        ("corp", "behind the @"),
        ("-corp.example", "behind the @"),
        ("CORP.example", "is there already"),
    ],
)
def test_what_is_no_mail_domain_is_refused(
    admin: Client, name: str, words: str
) -> None:
    MailDomain.objects.create(name="corp.example")
    page = post(admin, reverse(f"{DOMAINS}_add"), {"name": name})
    assert words in page
    assert MailDomain.objects.count() == 1


def test_a_domain_without_a_route_for_all_others_is_warned_of(admin: Client) -> None:
    way = EnrollmentProfile.objects.create(name="Own", code="own", kind="byod")
    page = post(
        admin,
        reverse(f"{DOMAINS}_add"),
        {"name": "corp.example"},
        routes=[{"model_family": "Mac", "way": way.pk}],
    )
    assert "Add a route for all others" in page


def test_only_superusers_choose_the_provider_of_a_domain(
    sign_in: SignIn, corp: IdentityProvider
) -> None:
    client = sign_in("enrollment.view_maildomain", "enrollment.add_maildomain")
    url = reverse(f"{DOMAINS}_add")
    post(client, url, {"name": "corp.example", "provider": corp.pk})
    assert MailDomain.objects.get().provider is None


def test_only_superusers_rename_or_delete_a_domain_that_a_provider_has(
    sign_in: SignIn, corp: IdentityProvider
) -> None:
    domain = MailDomain.objects.create(name="guests.example", provider=corp)
    client = sign_in(
        *(f"enrollment.{may}_maildomain" for may in ("view", "change", "delete"))
    )
    change = reverse(f"{DOMAINS}_change", args=[domain.pk])
    post(client, change, {"name": "corp.example"})
    delete = reverse(f"{DOMAINS}_delete", args=[domain.pk])
    assert client.post(delete, {"post": "yes"}).status_code == 403
    assert MailDomain.objects.get().name == "guests.example"


# --- Behind a proxy, and second factors


def test_behind_a_proxy_saml_is_asked_to_answer_to_the_public_address(
    client: Client, settings: Any, admin: Client
) -> None:
    add(admin, SAML)
    settings.PUBLIC_URL = "https://mdm.corp.example"
    settings.ALLOWED_HOSTS = ["mdm.corp.example"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    proxied = {"host": "mdm.corp.example", "x-forwarded-proto": "https"}
    answer = client.get("/accounts/saml/corp/login/", headers=proxied)
    where = urlsplit(answer.headers["Location"])
    assert where._replace(query="").geturl() == SAML["sso_url"]
    [packed] = parse_qs(where.query)["SAMLRequest"]
    request = zlib.decompress(base64.b64decode(packed), -15).decode()
    acs = "https://mdm.corp.example/accounts/saml/corp/acs/"
    assert f'AssertionConsumerServiceURL="{acs}"' in request
    assert "https://mdm.corp.example/accounts/saml/corp/metadata/" in request


def test_the_first_steps_ask_for_second_factors_and_end_without_a_provider(
    admin: Client,
) -> None:
    context = admin.get(reverse("admin:index")).context
    steps = {check.title: check for check in context["checks"]}
    assert not steps["Two-factor for staff"].done
    assert steps["An identity provider (optional)"].is_optional
    user = User.objects.get(is_superuser=True)
    Authenticator.objects.create(user=user, type="totp", data={})
    context = admin.get(reverse("admin:index")).context
    steps = {check.title: check for check in context["checks"]}
    assert steps["Two-factor for staff"].done


def test_who_is_no_staff_is_led_to_their_devices(client: Client, db: None) -> None:
    User.objects.create_user("ada", password="of this test")
    form = {"login": "ada", "password": "of this test"}
    answer = client.post("/accounts/login/", form)
    assert answer.headers["Location"] == "/enroll/devices/"
