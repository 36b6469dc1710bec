"""Accounts: who may sign in to the dashboard."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts are made by staff; no one signs up by themselves."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
