"""Celery: the tasks' app, and the worker and beat that the embedded default runs."""

import os
import threading

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mdmportal.settings")

app = Celery("mdmportal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Else what a thread publishes goes to a default app, which looks for its own broker.
app.set_default()


def start_embedded() -> None:
    """Run a worker and beat as threads of this process; they end with it."""
    worker = app.WorkController(
        app=app,
        pool="solo",
        without_heartbeat=True,
        without_mingle=True,
        without_gossip=True,
        quiet=True,
    )
    threading.Thread(target=worker.start, name="celery worker", daemon=True).start()
    threading.Thread(target=_beat, name="celery beat", daemon=True).start()


def _beat() -> None:
    from celery import beat

    service = beat.Service(app, scheduler_cls=beat.Scheduler)
    service.start(embedded_process=False)
