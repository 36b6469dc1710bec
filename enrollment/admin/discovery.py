"""The page of the discovery check: what a device of a domain finds."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from ..account import base_url, discovery
from ..account.discovery_check import Asker, Finding, check, snippets
from ..models import EnrollmentProfile, MailDomain, Route

if TYPE_CHECKING:
    from .domain import MailDomainAdmin

FAMILIES = [(value, label) for value, label in Route.Family.choices if value]


def show(request: HttpRequest, model_admin: "MailDomainAdmin", pk: int) -> HttpResponse:
    """Ask the domain as a device would, when told to, and show what was found."""
    domain = get_object_or_404(MailDomain, pk=pk)
    if not model_admin.has_view_permission(request, domain):
        raise PermissionDenied
    family = request.GET.get("family", "")
    families = dict(FAMILIES)
    findings = _findings(domain, family) if family in families else []
    return model_admin.page(
        request,
        "enrollment/discovery.html",
        title=f"Discovery of {domain}",
        domain=domain,
        family=family,
        family_name=families.get(family, ""),
        families=FAMILIES,
        findings=findings,
        is_well=bool(findings) and all(one.is_ok for one in findings),
        snippets=snippets(settings.PUBLIC_URL),
        back=reverse("admin:enrollment_maildomain_change", args=[pk]),
    )


def _findings(domain: MailDomain, family: str) -> list[Finding]:
    way = discovery.find(f"discovery.check@{domain}", family)
    if not isinstance(way, EnrollmentProfile):
        words = "Add a route for such devices, or for all others, to this domain."
        return [Finding(False, "No way in is set up for them here", words)]
    asker = Asker(settings.DISCOVERY_CA_FILE, settings.DISCOVERY_PORT)
    return check(domain.name, family, base_url(way), asker)
