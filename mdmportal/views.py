"""Health: whether the process answers, and whether it can serve."""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse


def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """The process can serve: the database is there, and as the code needs it."""
    try:
        problem = _unready()
    except DatabaseError:
        problem = "the database does not answer"
    if problem:
        return JsonResponse({"ready": False, "problem": problem}, status=503)
    return JsonResponse({"ready": True})


def _unready() -> str:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return "migrations are missing: run manage.py migrate"
    return ""
