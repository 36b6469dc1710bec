"""DeviceGroup: devices that belong together, put there by hand or by conditions."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IS_POPUP_VAR, TO_FIELD_VAR
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString

from .. import groups
from ..models import AuditEntry, DeviceGroup
from ..tasks import sweep_group
from . import counting
from .base import Admin, badge
from .conditions import COUNT, Editor, is_edited, new_row
from .group_form import GroupForm
from .joined import joined
from .translation import translate

Member = DeviceGroup.devices.through


def count(request: HttpRequest, model_admin: "DeviceGroupAdmin") -> JsonResponse:
    """Return in words whom the conditions in the address find, as they are edited."""
    model_admin.check_may_look(request)
    editor = Editor.of_form(request.GET)
    wanted = editor.read()
    if wanted is None:
        problems = [
            f"Condition {number}: {row.problem}"
            for number, row in enumerate(editor.rows, start=1)
            if row.problem
        ]
        return JsonResponse({"text": " ".join([*problems, editor.problem]).strip()})
    return JsonResponse({"text": counting.count(wanted)})


def condition(request: HttpRequest, model_admin: "DeviceGroupAdmin") -> HttpResponse:
    """Return the row of a form for a new condition on a field."""
    model_admin.check_may_look(request)
    row = new_row(request.GET.get("field", ""))
    if row is None:
        raise Http404("no such field")
    return render(request, "devices/group/condition.html", {"row": row})


@admin.register(DeviceGroup)
class DeviceGroupAdmin(Admin):
    list_display = ("name", "kind", "description", "count")
    search_fields = ("name", "description")
    custom_urls = (
        ("count/", "devices_devicegroup_count", count),
        ("condition/", "devices_devicegroup_condition", condition),
    )
    empty = (
        "workspaces",
        "There is no group of devices yet",
        "Devices that belong together, such as those of one department. They join by "
        "hand, by the way in they enroll by, by a group their owner is in, or by "
        "conditions on what they are.",
    )
    empty_button = ("admin:devices_devicegroup_add", "Add a group")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeviceGroup]:
        rows: QuerySet[DeviceGroup] = super().get_queryset(request)
        return rows.annotate(number=joined(Member, "devicegroup"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[DeviceGroup], search_term: str
    ) -> tuple[QuerySet[DeviceGroup], bool]:
        """Offer only groups that devices can be put into, where a form puts them."""
        found, duplicates = super().get_search_results(request, queryset, search_term)
        if request.GET.get("model_name") in ("enrollmentprofile", "grouprule"):
            found = found.filter(conditions__isnull=True)
        return found, duplicates

    @admin.display(description="filled", ordering="matched_at")
    def kind(self, group: DeviceGroup) -> SafeString:
        return badge("by conditions", "info") if group.is_smart else badge("by hand")

    @admin.display(description="devices", ordering="number")
    def count(self, group: Any) -> int:
        return int(group.number)

    # --- The page of one

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._edit(request, DeviceGroup())

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        group = self.get_object(request, unquote(object_id))
        if group is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[no-any-return]
        if not self.has_view_or_change_permission(request, group):
            raise PermissionDenied
        if request.method == "POST" and not self.has_change_permission(request, group):
            raise PermissionDenied
        return self._edit(request, group)

    def _edit(self, request: HttpRequest, group: DeviceGroup) -> HttpResponse:
        """Show the form, take it, or do what one of its buttons says."""
        untranslated: list[str] = []
        if is_edited(request.POST):
            editor = Editor.of_form(request.POST)
            form = GroupForm(instance=group, initial=request.POST.dict(), editor=editor)
        elif request.method == "POST":
            form = GroupForm(request.POST, instance=group)
            if form.is_valid():
                return self._saved(request, form)
        else:
            initial = request.GET.dict()
            editor = Editor.of_kept(group.conditions)
            if "from" in request.GET and group.pk is None:
                editor, untranslated = translate(request.GET["from"])
                initial["kind"] = GroupForm.SMART
            form = GroupForm(instance=group, initial=initial, editor=editor)
        return self._show(request, form, untranslated)

    def _saved(self, request: HttpRequest, form: GroupForm) -> HttpResponse:
        is_new = form.instance.pk is None
        with transaction.atomic():
            group = form.save()
            said = {"conditions": form.words} if group.is_smart else {}
            verb = "created" if is_new else "changed"
            AuditEntry.write(request.user, f"group {verb}", group, **said)
            if form.finds_others:
                ask_for_sweep(group)
        respond = self.response_add if is_new else self.response_change
        return respond(request, group)  # type: ignore[no-any-return]

    def response_post_save_add(
        self, request: HttpRequest, obj: DeviceGroup
    ) -> HttpResponse:
        """What was saved is looked at next: who is in it."""
        return redirect("admin:devices_devicegroup_change", obj.pk)

    response_post_save_change = response_post_save_add

    def _show(
        self, request: HttpRequest, form: GroupForm, untranslated: list[str]
    ) -> HttpResponse:
        group = form.instance
        is_new = group.pk is None
        return self.page(
            request,
            "devices/group/form.html",
            **({} if is_new else {"object": group}),
            title="Add a group of devices" if is_new else str(group),
            form=form,
            editor=form.editor,
            untranslated=untranslated,
            counted=self._counted(request, form.editor),
            group=None if is_new else group,
            uses=[] if is_new else groups.uses(group),
            may_look=self.may_look(request),
            may_change=is_new or self.has_change_permission(request, group),
            may_delete=not is_new and self.has_delete_permission(request, group),
            may_order=request.user.has_perm("commands.add_command"),
            is_popup=IS_POPUP_VAR in request.GET or IS_POPUP_VAR in request.POST,
            to_field=request.POST.get(TO_FIELD_VAR, request.GET.get(TO_FIELD_VAR, "")),
        )

    def _counted(self, request: HttpRequest, editor: Editor) -> str:
        """Return whom the conditions find, if the button for that was used."""
        wanted = editor.read() if COUNT in request.POST else None
        return counting.count(wanted) if wanted and self.may_look(request) else ""

    def may_look(self, request: HttpRequest) -> bool:
        """Whether somebody may be told which devices meet conditions."""
        return self.has_view_permission(request) and request.user.has_perm(
            "devices.view_device"
        )

    def check_may_look(self, request: HttpRequest) -> None:
        if not self.may_look(request):
            raise PermissionDenied

    # --- Deleting

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """Say what hangs on a group; its devices are counted, not listed."""
        listed: list[Any] = []
        protected: list[str] = []
        for group in objs:
            used = [f"used by {each}" for each in groups.uses(group)]
            listed += [str(group), used] if used else [str(group)]
            protected += groups.protecting(group)
        members = Member.objects.filter(devicegroup__in=[group.pk for group in objs])
        counts = {"groups": len(objs), "devices that leave them": members.count()}
        return listed, counts, set(), protected

    def delete_model(self, request: HttpRequest, obj: DeviceGroup) -> None:
        super().delete_model(request, obj)
        AuditEntry.write(request.user, "group deleted", str(obj))


def ask_for_sweep(group: DeviceGroup) -> None:
    """Have the group find its devices, once the transaction has committed.

    A broker that is gone delays it only: the hourly sweep finds them.
    """
    pk = group.pk

    def publish() -> None:
        sweep_group.delay(pk)

    transaction.on_commit(publish, robust=True)
