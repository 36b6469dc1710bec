"""Custom: a command written as a property list, for those who know what they do."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from mdmportal import catalogue
from mdmportal.protocol import plist

from .. import answers, checking, destructive, ordering, words
from ..custom import Written, read
from ..forms import WhenForm
from ..forms.uploads import MAX_UPLOAD
from ..models import Order
from ..targets import Targets
from . import who

EXAMPLE = """\
<plist version="1.0">
<dict>
  <key>Command</key>
  <dict>
    <key>RequestType</key>
    <string>DeviceInformation</string>
    <key>Queries</key>
    <array><string>OSVersion</string></array>
  </dict>
</dict>
</plist>"""


class CustomForm(forms.Form):
    """The property list, typed or uploaded, and that its warnings were read."""

    text = forms.CharField(
        label="Property list",
        required=False,
        strip=False,
        widget=forms.Textarea({"rows": 14, "spellcheck": "false"}),
    )
    file = forms.FileField(label="Or a file", required=False, allow_empty_file=True)
    sure = forms.BooleanField(
        label="I know what I am doing: send it as it is", required=False
    )
    written: Written | None = None

    @property
    def warnings(self) -> list[str]:
        return self.written.warnings if self.written else []

    def clean(self) -> None:
        content = self._content()
        if content is None:
            return
        try:
            self.written = read(content)
        except ValidationError as problem:
            self.add_error("file" if self.cleaned_data["file"] else "text", problem)
            return
        if self.warnings and not self.cleaned_data["sure"]:
            self.add_error("sure", "Tick this to go on in spite of the warnings.")

    def _content(self) -> bytes | None:
        upload, text = self.cleaned_data.get("file"), self.cleaned_data.get("text", "")
        if upload and text.strip():
            self.add_error("file", "Write it or choose a file, not both.")
        elif upload and (upload.size or 0) > MAX_UPLOAD:
            self.add_error("file", "The file is larger than 5 MB.")
        elif upload:
            content: bytes = upload.read()
            return content
        elif text.strip():
            return str(text).encode()
        else:
            self.add_error("text", "Write the command, or choose a file.")
        return None


def custom(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Take a command as it is written, and show who would get it."""
    who.check(request)
    if not request.user.has_perm(destructive.CUSTOM):
        raise PermissionDenied
    targets = who.targets_of(request, model_admin)
    if targets is None:
        return redirect("admin:commands_command_order")
    value = request.GET.get("draft")
    draft = who.draft_of(request, value) if value else None
    is_sent = request.method == "POST"
    data, files = (request.POST, request.FILES) if is_sent else (None, None)
    form = CustomForm(data, files, initial={"text": _text(draft) if draft else ""})
    initial = WhenForm.initial_of(draft) if draft else None
    when = WhenForm(data, count=targets.count, initial=initial)
    right = [form.is_valid(), when.is_valid()] if is_sent else [False]
    done = _draft(request, targets, form, when, draft) if all(right) else None
    return done or _page(request, model_admin, targets, form, when)


def _text(draft: Order) -> str:
    keys = draft.keys
    if draft.repeats_id:  # another may have written it: their secrets are not shown
        keys = answers.without_secrets(keys, files=False)
    command = {"RequestType": draft.request_type, **keys}
    return plist.dumps({"Command": command}).decode()


def _draft(
    request: HttpRequest,
    targets: Targets,
    form: CustomForm,
    when: WhenForm,
    former: Order | None,
) -> HttpResponse | None:
    """Draft the order and return its review; None with the form's errors."""
    written = form.written
    assert written is not None
    try:
        with transaction.atomic():
            order = ordering.draft(
                targets,
                written.request_type,
                written.keys,
                by=request.user,
                is_custom=True,
                **when.values,
            )
            if former:
                ordering.discard(former)
    except (checking.Invalid, ordering.NotAllowed, ordering.TooLate) as problem:
        form.add_error(None, str(problem))
        return None
    return redirect("admin:commands_order_review", order.pk)


def _page(
    request: HttpRequest,
    model_admin: Any,
    targets: Targets,
    form: CustomForm,
    when: WhenForm,
) -> HttpResponse:
    written = form.written
    back, back_to = who.back(request)
    return model_admin.page(  # type: ignore[no-any-return]
        request,
        "commands/custom.html",
        title="A command as a property list",
        targets=targets,
        form=form,
        when=when,
        written=written,
        command=words.title(written.request_type) if written else "",
        example=EXAMPLE,
        release=catalogue.release(),
        another=f"{reverse('admin:commands_command_order')}?{who.scope(request)}",
        back=back,
        back_to=back_to,
    )
