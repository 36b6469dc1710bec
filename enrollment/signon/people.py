"""People: who it is that a provider vouches for, and what is kept of them.

An e-mail address finds an account only if the provider may speak for its domain. Else
anybody who can name an address at some provider would take over the account here.
"""

import logging

from allauth.account.adapter import get_adapter
from allauth.socialaccount.models import SocialAccount
from django.db import transaction
from django.db.models import QuerySet

from devices.models import AuditEntry, User

from ..models import IdentityProvider, MailDomain
from . import rules
from .claims import Claims, domain_of

log = logging.getLogger(__name__)


class Refused(Exception):
    """The words tell the person why, and what to do next."""


UNKNOWN = (
    "IT has not made an account for you yet. Ask IT to add you, with the e-mail "
    "address that you sign in with."
)
INACTIVE = "Your account is switched off. Ask IT if you think it should not be."
ELSEWHERE = "People of {domain} sign in with {other}. Start again and choose that."
TAKEN = (
    "There is an account with your e-mail address, and {provider} may not open it. Ask "
    "IT to add {domain} as a mail domain of {provider}."
)
UNVERIFIED = (
    "{provider} says that your e-mail address is not verified there, and an account "
    "here has it. Verify it at {provider}, then start again."
)
AMBIGUOUS = "Several accounts have your e-mail address. Ask IT to leave it to one."


def find(provider: IdentityProvider, account: SocialAccount, claims: Claims) -> User:
    """Return the person, linked or made if it must be; or say why not: Refused.

    ``account`` is what the provider calls them: saved if it was here before.
    """
    user = account.user if account.pk else _by_email(provider, claims)
    if user and not user.is_active:
        raise Refused(INACTIVE)
    if not account.pk:
        user = _link(provider, account, claims, user)
    assert user
    return user


def refresh(
    provider: IdentityProvider, user: User, account: SocialAccount, claims: Claims
) -> None:
    """Write down what the provider says of the person now, and apply its rules."""
    account.extra_data = claims.kept()
    account.save(update_fields=["extra_data", "last_login"])
    _refresh_names(provider, user, claims)
    _refresh_account(provider, user, claims)
    rules.apply_roles(provider, user, claims.groups)
    rules.apply_device_groups(user)


# --- Finding


def _by_email(provider: IdentityProvider, claims: Claims) -> User | None:
    """Return whom the e-mail address finds; Refused if the provider may not say so."""
    domain = domain_of(claims.email)
    if other := _who_else_has(provider, domain):
        raise Refused(ELSEWHERE.format(domain=domain, other=other))
    users = list(_with_email(claims.email)[:2])
    if not users:
        return None
    if len(users) > 1:
        raise Refused(AMBIGUOUS)
    [user] = users
    if claims.is_denied:
        raise Refused(UNVERIFIED.format(provider=provider))
    is_ours = provider.domains.filter(name=domain).exists()
    is_staff = user.is_staff or user.is_superuser
    if not is_ours and (is_staff or not claims.is_verified):
        raise Refused(TAKEN.format(provider=provider, domain=domain))
    return user


def _with_email(email: str) -> QuerySet[User]:
    """Return whose address it is, in whichever case.

    Beyond ASCII to the letter: a database takes a dotless i for an i.
    """
    if not email:
        return User.objects.none()
    exact = {"email__iexact" if email.isascii() else "email": email}
    return User.objects.filter(**exact)


def _who_else_has(provider: IdentityProvider, domain: str) -> str:
    """Return the name of another provider with which the domain's people sign in."""
    others = MailDomain.objects.exclude(provider=None).exclude(provider=provider)
    names = others.filter(name=domain).values_list("provider__name", flat=True)
    return names.first() or ""


@transaction.atomic
def _link(
    provider: IdentityProvider,
    account: SocialAccount,
    claims: Claims,
    user: User | None,
) -> User:
    """Tie what the provider calls the person to ``user``, or to a new one."""
    if user is None:
        if not provider.creates_users:
            raise Refused(UNKNOWN)
        user = _make(provider, claims)
    elif not (user.is_staff or user.is_superuser):
        # Somebody may have given an account this address before its holder came:
        # from now on it opens in no other way.
        user.set_unusable_password()
        user.save(update_fields=["password"])
        SocialAccount.objects.filter(user=user).delete()
    account.user, account.extra_data = user, claims.kept()
    account.save()
    return user


def _make(provider: IdentityProvider, claims: Claims) -> User:
    names = [claims.username, claims.email, claims.first_name, "user"]
    user = User(
        username=get_adapter().generate_unique_username(names),
        email=claims.email,
        first_name=claims.first_name,
        last_name=claims.last_name,
    )
    user.set_unusable_password()
    user.save()
    AuditEntry.write(None, "account made by sign-on", user, provider=provider.name)
    return user


# --- Refreshing


def _refresh_names(provider: IdentityProvider, user: User, claims: Claims) -> None:
    said = {"first_name": claims.first_name, "last_name": claims.last_name}
    if _may_have(provider, user, claims):
        said["email"] = claims.email
    changed = {name: text for name, text in said.items() if text}
    for name, text in changed.items():
        setattr(user, name, text)
    user.save(update_fields=list(changed))


def _may_have(provider: IdentityProvider, user: User, claims: Claims) -> bool:
    """Return whether the address may become the user's: no one else's."""
    if _who_else_has(provider, domain_of(claims.email)):
        return False
    return not _with_email(claims.email).exclude(pk=user.pk).exists()


def _refresh_account(provider: IdentityProvider, user: User, claims: Claims) -> None:
    if not (provider.account_attribute or provider.account_pattern):
        return
    account = claims.managed_apple_account(provider)
    if not account:
        log.warning(
            "no Managed Apple Account for user %s: what %s says makes none",
            user.pk,
            provider.code,
        )
    elif account != user.managed_apple_account:
        user.managed_apple_account = account
        user.save(update_fields=["managed_apple_account"])
