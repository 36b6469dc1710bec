"""Make the roles that are missing, and print what each may do."""

from typing import Any

from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand

from ... import roles


class Command(BaseCommand):
    help = (
        "Make those of the roles Owner, Administrator, Help desk and Auditor that "
        "are missing, and print what every role may do. None that is there is changed."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        made = roles.make()
        groups = Group.objects.prefetch_related("permissions__content_type")
        for group in groups.order_by("name"):
            new = " (made now)" if group.name in made else ""
            self.stdout.write(self.style.MIGRATE_HEADING(f"{group.name}{new}"))
            if group.name in roles.ROLES:
                self.stdout.write(roles.ROLES[group.name].words)
            for row in group.permissions.all():
                kind = row.content_type.app_label
                self.stdout.write(f"  {kind}.{row.codename}: {row.name}")
