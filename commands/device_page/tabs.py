"""Tabs: which a device's page has, in which order, and who fills them.

Other apps add theirs by ``add_tab``, in their AppConfig's ``ready``. Only the tab that
is open is gathered.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from devices.models import Device

from .look import Look

FIRST = "overview"

ORDER = (
    FIRST,
    "timeline",
    "compliance",
    "apps",
    "profiles",
    "certificates",
    "provisioning",
    "restrictions",
    "security",
    "secrets",
    "network",
    "location",
    "users",
    "updates",
    "commands",
    "enrollments",
)
"""Tabs of other names come last."""

OF_A_USER = (FIRST, "timeline", "apps", "profiles", "certificates", "commands")
"""Those that a managed user of a device has, too."""


@dataclass(frozen=True)
class Tab:
    name: str
    title: str
    gather: Callable[[Look], Mapping[str, Any]]
    permission: str = ""
    """Who has it sees the tab; '' for everybody who sees the device."""

    @property
    def template(self) -> str:
        return f"devices/device/{self.name}.html"


_TABS: dict[str, Tab] = {}


def add_tab(
    name: str,
    title: str,
    gather: Callable[[Device, Any], Mapping[str, Any]],
    permission: str = "",
) -> None:
    """Add a tab to the page of every device.

    ``gather`` is given the device and the person who looks, and returns what the
    template ``devices/device/<name>.html`` shows. Adding one again replaces it.
    ``permission`` is what one needs to see it.
    """

    def of_look(look: Look) -> Mapping[str, Any]:
        return gather(look.device, look.viewer)

    register(Tab(name, title, of_look, permission))


def register(tab: Tab) -> None:
    """Add one of our own tabs, which see all that the page knows."""
    _TABS[tab.name] = tab


def tabs(viewer: Any, *, of_user: bool = False) -> Mapping[str, Tab]:
    """Return the tabs that ``viewer`` may see by name, in order."""
    places = {name: place for place, name in enumerate(ORDER)}
    names = sorted(_TABS, key=lambda name: (places.get(name, len(ORDER)), name))
    return {
        name: _TABS[name]
        for name in names
        if (not of_user or name in OF_A_USER) and _may_see(viewer, _TABS[name])
    }


def _may_see(viewer: Any, tab: Tab) -> bool:
    return not tab.permission or bool(viewer.has_perm(tab.permission))


def open_tab(name: str, viewer: Any, *, of_user: bool = False) -> Tab:
    """Return the tab of this name, or the first if there is none to be seen."""
    found = tabs(viewer, of_user=of_user)
    return found.get(name) or found[FIRST]
