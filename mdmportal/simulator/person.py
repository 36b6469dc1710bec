"""A person: which form on a page leads on, and what they fill in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from .page import Button, Field, Form, Page

TEXTUAL = ("text", "email", "tel", "search", "url", "textarea")
USERNAMES = ("user", "login", "account", "ident", "name", "mail", "email", "upn")
"""Words in the name of a field that asks who one is."""
SAML = ("SAMLResponse", "SAMLRequest")
ASIDE = (
    *("logout", "log out", "signout", "sign out", "cancel", "abort", "deny", "decline"),
    *("language", "i18n", "theme", "search"),
)
"""Words on a form that does not lead to where one wants to go."""


@dataclass(frozen=True)
class Person:
    """Who signs in, and how: ``email`` where a form asks for that, if they differ.

    ``provider`` is part of what the link or button says by which to sign in; '': with
    whatever the first page asks for.
    """

    username: str
    password: str
    email: str = ""
    provider: str = ""


def choose(page: Page, kinds: Sequence[Callable[[Form], bool]]) -> Form | None:
    """The form that leads on, if there is one."""
    forms = [form for form in page.forms if not _is_aside(form)]
    chosen = (form for is_wanted in kinds for form in forms if is_wanted(form))
    return next(chosen, None)


def _is_aside(form: Form) -> bool:
    if form.has("password"):
        return False
    path = urlsplit(form.action).path.casefold()
    led_by = [button.text for button in form.buttons]
    return _leads_aside(path) or (bool(led_by) and all(map(_leads_aside, led_by)))


def _leads_aside(words: str) -> bool:
    return any(word in words.casefold() for word in ASIDE)


def _username(form: Form) -> Field | None:
    """The field that asks who one is."""
    fields = [one for one in form.fields if one.kind in TEXTUAL and not one.fixed]
    for one in fields:
        if one.kind == "email" or any(word in one.name.lower() for word in USERNAMES):
            return one
    return fields[0] if fields and form.has("password") else None


def _has_password(form: Form) -> bool:
    return form.has("password")


def _is_saml(form: Form) -> bool:
    return form.names(*SAML)


def _is_consent(form: Form) -> bool:
    return form.asks_nothing and form.method == "POST"


def _asks_who(form: Form) -> bool:
    return _username(form) is not None


SIGNING_IN = (_has_password, _is_saml)
LEADING_ON = (_has_password, _is_saml, _is_consent, _asks_who)
"""Which form is sent where there are several, the best first."""


def leading(buttons: Sequence[Button]) -> Button:
    """The first button that leads on; a form may be sent without one."""
    leading = (one for one in buttons if not _leads_aside(one.text))
    return next(leading, Button(""))


def fill(form: Form, person: Person, button: Button) -> list[tuple[str, str]]:
    """Return what is sent when ``button`` is pressed: names and values."""
    asked = _username(form)
    pairs = [
        (one.name, _value(one, asked, person))
        for one in form.fields
        if one.is_sent or (one.name and one.required and one.kind == "checkbox")
    ]
    return pairs + ([(button.name, button.value)] if button.name else [])


def _value(one: Field, asked: Field | None, person: Person) -> str:
    if one.kind == "password":
        return person.password
    if one is not asked:
        return one.value
    wants_email = one.kind == "email" or "mail" in one.name.lower()
    return person.email if wants_email and person.email else person.username
