"""The forms of signing in, in our words and by our rules."""

from typing import Any

from allauth.account import forms
from allauth.socialaccount.models import SocialAccount
from django.core.exceptions import ValidationError

from devices.models import User

ELSEWHERE = (
    "You sign in with the account of your organisation, and have no password here. "
    "What you forgot or want to change is changed there."
)


def signs_in_elsewhere(user: User) -> bool:
    """Whether only an identity provider lets them in: it alone may take that back."""
    if user.has_usable_password():
        return False
    return bool(SocialAccount.objects.filter(user=user).exists())


class LoginForm(forms.LoginForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        login = self.fields["login"]
        login.label = "User name or e-mail"
        login.widget.attrs.pop("placeholder", None)
        self.fields["password"].widget.attrs.pop("placeholder", None)
        if "remember" in self.fields:
            self.fields["remember"].label = "Stay signed in"


class AddEmailForm(forms.AddEmailForm):  # type: ignore[misc]
    def clean_email(self) -> str:
        """An address says whose account it is: to sign-on, and to devices.

        Who could take another's would be taken for them.
        """
        raise ValidationError("IT keeps your address: ask them to change it.")


class SetPasswordForm(forms.SetPasswordForm):  # type: ignore[misc]
    def clean(self) -> dict[str, Any] | None:
        if signs_in_elsewhere(self.user):
            raise ValidationError(ELSEWHERE)
        cleaned: dict[str, Any] | None = super().clean()
        return cleaned


class ResetPasswordForm(forms.ResetPasswordForm):  # type: ignore[misc]
    users: list[User]

    def clean_email(self) -> str:
        """Send no link to who has no password here; the page says the same to all."""
        email = str(super().clean_email())
        found: list[User] = self.users
        self.users = [user for user in found if not signs_in_elsewhere(user)]
        return email
