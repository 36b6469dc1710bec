"""Theme: how the dashboard looks, and what its navigation holds."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy

BLUE = {
    "50": "oklch(97% .014 254.604)",
    "100": "oklch(93.2% .032 255.585)",
    "200": "oklch(88.2% .059 254.128)",
    "300": "oklch(80.9% .105 251.813)",
    "400": "oklch(70.7% .165 254.624)",
    "500": "oklch(62.3% .19 259.815)",
    "600": "oklch(50.5% .2 262.5)",
    "700": "oklch(45% .19 264.376)",
    "800": "oklch(40% .17 265.638)",
    "900": "oklch(36% .14 265.522)",
    "950": "oklch(28.2% .091 267.935)",
}


def about(request: HttpRequest) -> dict[str, Any]:
    """Return what every page's template may say of the portal itself."""
    return {
        "simulated": settings.SIMULATED,
        "organization": settings.ORGANIZATION,
        "version": settings.VERSION,
    }


def _may(permission: str) -> Callable[[HttpRequest], bool]:
    """Return the callback that shows an entry to whom its list is open."""

    def check(request: HttpRequest) -> bool:
        return request.user.has_perm(permission)

    return check


def _is_page(name: str, *others: str) -> Callable[[HttpRequest], bool]:
    """Return the callback that marks an entry: on its page and those below it."""

    def check(request: HttpRequest) -> bool:
        path = request.path
        inside = path.startswith(reverse(name))
        return inside and not any(path.startswith(reverse(each)) for each in others)

    return check


def _entry(title: str, icon: str, name: str, permission: str, *others: str) -> Any:
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(name),
        "permission": _may(permission),
        "active": _is_page(name, *others),
    }


def _list(title: str, icon: str, app: str, model: str, *others: str) -> Any:
    """Return the entry of a model's list."""
    name = f"admin:{app}_{model}_changelist"
    return _entry(title, icon, name, f"{app}.view_{model}", *others)


ORDER = "admin:commands_command_order"
USERS = "admin:devices_channel_changelist"
CASES = "admin:commands_case_changelist"

NAVIGATION = [
    {
        "items": [
            {"title": "Overview", "icon": "home", "link": reverse_lazy("admin:index")},
            _list("Devices", "devices", "devices", "device"),
            _entry("Managed users", "group", USERS, "devices.view_device"),
            _entry("Cases", "support", CASES, "devices.view_device"),
            _list("Device groups", "workspaces", "devices", "devicegroup"),
            _list("Tags", "sell", "devices", "tag"),
            _list("Inventory schedules", "update", "devices", "inventoryschedule"),
            _list("Policies", "verified_user", "compliance", "policy"),
        ],
    },
    {
        "title": "On devices",
        "items": [
            _list("Applications", "apps", "devices", "application"),
            _list("Profiles", "description", "devices", "installedprofile"),
            _list("Certificates", "verified", "devices", "installedcertificate"),
        ],
    },
    {
        "title": "Commands",
        "items": [
            _entry("Send a command", "send", ORDER, "commands.add_command"),
            _list("Orders", "receipt_long", "commands", "order"),
            _list("Queue", "inbox", "commands", "delivery"),
            _list("Recurring orders", "event_repeat", "commands", "recurringorder"),
        ],
    },
    {
        "title": "Enrollment",
        "items": [
            _list("Ways in", "qr_code_2", "enrollment", "enrollmentprofile"),
            _list("Mail domains", "alternate_email", "enrollment", "maildomain"),
            _list("Sign-on", "passkey", "enrollment", "identityprovider"),
            _list("Invitations", "mail", "enrollment", "invitation"),
            _list("Enrollments", "history", "devices", "enrollment"),
            _list("Identities", "badge", "devices", "identity"),
            _list("Moving in", "moving", "enrollment", "migrationsource"),
        ],
    },
    {
        "title": "Settings",
        "items": [
            _list(
                "Push certificate", "notifications_active", "apns", "pushcertificate"
            ),
            _list("Apple Business Manager", "storefront", "enrollment", "businesskey"),
            _list("Users", "person", "devices", "user"),
            _list("Roles", "group", "auth", "group"),
            {
                "title": "API tokens",
                "icon": "vpn_key",
                "link": reverse_lazy("admin:api_apitoken_changelist"),
                "active": _is_page("admin:api_apitoken_changelist"),
            },
            _list("Approval rules", "how_to_reg", "commands", "approvalrule"),
        ],
    },
    {
        "title": "Records",
        "items": [
            _list("Audit", "fact_check", "devices", "auditentry"),
            _list("Secrets", "key", "devices", "secret"),
        ],
    },
]

UNFOLD = {
    "SITE_TITLE": "MDM Portal",
    "SITE_HEADER": "MDM Portal",
    "SITE_SUBHEADER": lambda request: about(request)["organization"],
    "SITE_SYMBOL": "devices",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("portal/icon.svg"),
        }
    ],
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "6px",
    "COLORS": {"primary": BLUE},
    "STYLES": [lambda request: static("portal/portal.css")],
    "SCRIPTS": [lambda request: static("portal/portal.js")],
    "DASHBOARD_CALLBACK": "mdmportal.dashboard.show",
    "COMMAND": {"search_callback": "mdmportal.dashboard.find"},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": NAVIGATION,
    },
}
