"""Owner forms: what an owner says when they lock, lose or remove a device of theirs."""

import re

from django import forms
from django.core.exceptions import ValidationError

from .own_devices import Action, Own

WHAT_IT_DOES = {
    "lock": (
        "The screen is locked at once, with your message on it.",
        "It opens again with the device's own passcode. Nothing is deleted.",
    ),
    "lock mac": (
        "The Mac restarts and is locked at once: what is not saved is lost.",
        "It opens only with the six digits you choose here. Write them down: nobody "
        "can tell you them later.",
    ),
    "lost": (
        "The device is locked, and shows your message to whoever finds it.",
        "Nobody can use it, you neither, until Lost Mode ends. IT can ask where it is; "
        "the device shows that it was asked.",
        "You can end Lost Mode here.",
    ),
    "found": (
        "Lost Mode ends, and the device can be used again with its passcode.",
        "If it was located, it says so.",
    ),
    "remove": (
        "The device leaves management, and IT sees it no more.",
        "The settings, apps and accounts that came from work go, with their data. "
        "What you have only in them is lost.",
        "What is yours stays. To get work back you enroll it again.",
    ),
    "remove own": (
        "The device leaves management, and IT sees it no more.",
        "The work account, and every app and document that came from work, are "
        "deleted from it.",
        "What is yours stays. To get work back you enroll it again.",
    ),
}


def consequences(action: Action, own: Own) -> tuple[str, ...]:
    """Return what will happen, in words."""
    if action.name == "lock" and own.is_mac:
        return WHAT_IT_DOES["lock mac"]
    if action.name == "remove" and own.is_own:
        return WHAT_IT_DOES["remove own"]
    return WHAT_IT_DOES[action.name]


class LockForm(forms.Form):
    """The fields are named as the command's keys."""

    Message = forms.CharField(
        label="Message on the screen",
        required=False,
        max_length=200,
        help_text="Such as: Please bring me to the front desk.",
    )
    PhoneNumber = forms.CharField(
        label="Phone number to call", required=False, max_length=40
    )


class LockMacForm(forms.Form):
    Message = forms.CharField(
        label="Message on the screen", required=False, max_length=200
    )
    PIN = forms.CharField(
        label="Six digits that open it again",
        widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "off"}),
        max_length=6,
    )

    def clean_PIN(self) -> str:
        pin = str(self.cleaned_data["PIN"])
        if not re.fullmatch(r"[0-9]{6}", pin):
            raise ValidationError("Six digits, from 0 to 9.")
        return pin


class LostForm(LockForm):
    def clean(self) -> None:
        super().clean()
        if not self.cleaned_data.get("Message") and not self.cleaned_data.get(
            "PhoneNumber"
        ):
            raise ValidationError(
                "Say at least one: a message or a phone number. Else whoever finds "
                "the device cannot help."
            )


FORMS: dict[str, type[forms.Form]] = {
    "lock": LockForm,
    "lost": LostForm,
    "found": forms.Form,
    "remove": forms.Form,
}


def form_of(action: Action, own: Own) -> type[forms.Form]:
    if action.name == "lock" and own.is_mac:
        return LockMacForm
    return FORMS[action.name]
