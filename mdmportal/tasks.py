"""Tasks of the project itself."""

from celery import shared_task
from django.core.management import call_command


@shared_task
def clear_sessions() -> None:
    """Delete expired sessions: whoever begins to sign in has one."""
    call_command("clearsessions")
