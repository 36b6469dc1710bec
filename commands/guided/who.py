"""Who: people to ask for what one may not do oneself."""

from collections.abc import Sequence

from devices.models import User

BACKEND = "django.contrib.auth.backends.ModelBackend"
NAMED = 3


def may(permission: str) -> Sequence[str]:
    """Return the names of some members of staff who have the right."""
    rows = User.objects.with_perm(permission, backend=BACKEND)
    staff = rows.filter(is_staff=True).order_by("is_superuser", "username")
    return [str(one) for one in staff[:NAMED]]
