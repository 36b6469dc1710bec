"""The sign-in page's buttons, one for each identity provider."""

from django import template

from .. import signon

register = template.Library()


@register.simple_tag
def sign_on_buttons(next_url: str | None = "") -> list[dict[str, str]]:
    """Return name and url of each; ``next_url`` is where to go on to."""
    return signon.buttons(next_url or "")
