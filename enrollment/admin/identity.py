"""Identities: renewing some before the portal does by itself."""

from collections import Counter

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from devices.admin.identity import IdentityList
from devices.models import Enrollment, Identity

from .. import renewal

MOST = 500
"""Each has a profile signed for it: more would keep the page waiting."""


@admin.register(Identity)
class IdentityAdmin(IdentityList):
    actions = ("renew",)

    def has_renew_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("commands.add_command")

    @admin.action(description="Renew now", permissions=["renew"])
    def renew(self, request: HttpRequest, queryset: QuerySet[Identity]) -> None:
        """Order the renewal of the stays that these identities belong to."""
        stays = list(
            Enrollment.objects.filter(identities__in=queryset.order_by().values("pk"))
            .select_related("device")
            .distinct()[: MOST + 1]
        )
        if len(stays) > MOST:
            text = f"At most {MOST} at a time: choose fewer."
            self.message_user(request, text, messages.ERROR)
            return
        outcome = renewal.renew(stays, by=request.user)
        parts = [f"{outcome.ordered} renewals ordered."]
        reasons = Counter(reason for _, reason in outcome.refused)
        parts += [f"{count} not: {reason}." for reason, count in reasons.items()]
        level = messages.SUCCESS if outcome.ordered else messages.WARNING
        self.message_user(request, " ".join(parts), level)
