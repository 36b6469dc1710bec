"""Putting: actions of the device list by which devices get a group or a tag."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

from .. import putting
from ..models import AuditEntry, Device, DeviceGroup, Tag
from .base import ids

MOST_IDS = 1000
GROUP, TAG = "devices.change_devicegroup", "devices.change_device"


@dataclass(frozen=True)
class Deed:
    """What is done with devices: ``do`` with the row that is chosen of ``rows``."""

    title: str
    noun: str
    rows: Callable[[], QuerySet[Any]]
    do: Callable[[QuerySet[Device], Any], int]
    done: str
    permission: str
    may_add: bool = False


DEEDS = {
    "group_add": Deed(
        "Add to a group", "group", DeviceGroup.static, putting.put, "added to", GROUP
    ),
    "group_remove": Deed(
        "Remove from a group",
        "group",
        DeviceGroup.static,
        putting.take,
        "removed from",
        GROUP,
    ),
    "tag_add": Deed(
        "Add a tag", "tag", Tag.objects.all, putting.put, "tagged", TAG, True
    ),
    "tag_remove": Deed(
        "Remove a tag", "tag", Tag.objects.all, putting.take, "no longer tagged", TAG
    ),
}


class PutForm(forms.Form):
    """The group or the tag; of tags a new one, too."""

    row: "forms.ModelChoiceField[Any]" = forms.ModelChoiceField(None)
    new = forms.CharField(max_length=50, required=False, label="or a new tag")

    def __init__(self, deed: Deed, data: Any = None, *, may_add: bool) -> None:
        super().__init__(data)
        row: Any = self.fields["row"]
        row.queryset, row.label = deed.rows(), deed.noun.capitalize()
        if may_add:
            row.required = False
        else:
            del self.fields["new"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if "row" in cleaned and not cleaned["row"] and not cleaned.get("new"):
            raise forms.ValidationError("Choose a tag, or give a new one its name.")
        return cleaned

    def chosen(self) -> Any:
        if self.cleaned_data.get("new"):
            return Tag.objects.get_or_create(name=self.cleaned_data["new"])[0]
        return self.cleaned_data["row"]


def put(request: HttpRequest, model_admin: Any, name: str) -> HttpResponse:
    """Ask which group or tag, then do it to all devices that the address names."""
    deed = DEEDS.get(name)
    if deed is None:
        raise Http404("nothing of that name is done")
    if not request.user.has_perms(("devices.view_device", deed.permission)):
        raise PermissionDenied
    devices = chosen(request, model_admin)
    may_add = deed.may_add and request.user.has_perm("devices.add_tag")
    data = request.POST if request.method == "POST" else None
    form = PutForm(deed, data, may_add=may_add)
    if request.method == "POST" and form.is_valid():
        row = form.chosen()
        first = list(devices[:2])  # afterwards a filter may leave others
        count = deed.do(devices, row)
        _tell(request, deed, row, count, first[0] if len(first) == 1 else None)
        back = request.GET.get("list", "")
        return redirect(f"{reverse('admin:devices_device_changelist')}?{back}")
    return model_admin.page(  # type: ignore[no-any-return]
        request,
        "devices/group/put.html",
        title=deed.title,
        deed=deed,
        form=form,
        count=devices.count(),
        has_rows=may_add or deed.rows().exists(),
    )


def _tell(
    request: HttpRequest, deed: Deed, row: Any, count: int, alone: Device | None
) -> None:
    """Say what was done; of one device alone its own history tells it, too."""
    noun = "device" if count == 1 else "devices"
    messages.success(request, f"{count:,} {noun} {deed.done} “{row}”.")
    action = f"{deed.noun} {'added' if deed.do is putting.put else 'removed'}"
    about = {deed.noun: str(row)} if alone else {"devices": count}
    AuditEntry.write(request.user, action, alone or row, **about)


def chosen(request: HttpRequest, model_admin: Any) -> QuerySet[Device]:
    """Return the devices of the address: by id, or all that a list's filters leave."""
    if "list" not in request.GET:
        named = ids(request.GET.get("ids", "").split(","))[:MOST_IDS]
        return Device.objects.filter(pk__in=named)
    return listed(request, model_admin)


def listed(request: HttpRequest, model_admin: Any) -> QuerySet[Device]:
    """Return the devices that the list with the filters of the address shows."""
    listing = copy.copy(request)
    listing.GET = QueryDict(request.GET["list"])
    try:
        found = model_admin.get_changelist_instance(listing).get_queryset(listing)
    except IncorrectLookupParameters as error:
        raise Http404("the list has no such filter") from error
    return Device.objects.filter(pk__in=found.order_by().values("pk"))


def who(request: HttpRequest, queryset: QuerySet[Device]) -> str:
    """Return the part of an address that names the devices an action is for."""
    if request.POST.get("select_across") == "1":
        return urlencode({"list": request.GET.urlencode()})
    named = ",".join(str(pk) for pk in queryset.values_list("pk", flat=True))
    return urlencode({"ids": named})


def _action(name: str, permission: str) -> Any:
    @admin.action(description=f"{DEEDS[name].title}…", permissions=[permission])
    def act(
        model_admin: Any, request: HttpRequest, queryset: QuerySet[Device]
    ) -> HttpResponse:
        page = reverse("admin:devices_device_put", args=[name])
        return redirect(f"{page}?{who(request, queryset)}")

    act.__name__ = name
    return act


ACTIONS = (
    _action("group_add", "group"),
    _action("group_remove", "group"),
    _action("tag_add", "change"),
    _action("tag_remove", "change"),
)
