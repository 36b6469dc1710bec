"""The Apple Business Manager key in the dashboard."""

import uuid

import pytest
from cryptography import x509
from django.test import Client
from django.urls import reverse

from devices.models import AuditEntry
from enrollment.models import BusinessKey

pytestmark = pytest.mark.django_db

LIST = reverse("admin:enrollment_businesskey_changelist")
ADD = reverse("admin:enrollment_businesskey_add")


def test_an_empty_list_says_what_a_key_is_for(admin: Client) -> None:
    page = admin.get(LIST).content.decode()
    assert "Managed Apple Accounts" in page
    assert ADD in page


def test_a_key_is_made_here_and_its_certificate_uploaded_there(admin: Client) -> None:
    made = admin.post(ADD, {"name": "Corp"}, follow=True)
    key = BusinessKey.objects.get()
    assert made.redirect_chain == [(key.get_absolute_url(), 302)]
    assert "waits for the server UUID" in made.content.decode()
    path = reverse("admin:enrollment_businesskey_certificate", args=[key.pk])
    assert path in made.content.decode()
    certificate = x509.load_pem_x509_certificate(admin.get(path).content)
    assert certificate.public_key() == key.key.public_key()
    server = uuid.uuid4()
    form = {"name": "Corp", "server_uuid": str(server)}
    admin.post(key.get_absolute_url(), form)
    key.refresh_from_db()
    assert key.server_uuid == server
    assert BusinessKey.in_use() == key
    assert "in use" in admin.get(LIST).content.decode()
    assert AuditEntry.objects.filter(action__contains="Business Manager").count() == 2


def test_who_may_not_see_it_gets_no_certificate(sign_in: object, admin: Client) -> None:
    admin.post(ADD, {"name": "Corp"})
    key = BusinessKey.objects.get()
    path = reverse("admin:enrollment_businesskey_certificate", args=[key.pk])
    assert sign_in("devices.view_device").get(path).status_code == 403  # type: ignore[operator]
