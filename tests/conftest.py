"""Fixtures that all tests share."""

import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from .portal import ROOT, Portal, run_portal
from .providers.fixtures import oidc_provider, saml_provider

__all__ = ["oidc_provider", "saml_provider"]

# How fast a machine is says nothing about the code.
hypothesis.settings.register_profile(
    "any machine",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("any machine")


@pytest.fixture(scope="session")
def project_root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def fixtures_folder() -> Path:
    """The captures of real devices, beside the project; not everybody has them."""
    folder = ROOT.parent / "shared" / "fixtures"
    if not folder.is_dir():
        pytest.skip("the captures of real devices are not here")
    return folder


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The real portal, running: embedded, or served when DATABASE_URL is set."""
    folder = tmp_path_factory.mktemp("portal")
    database, redis = (os.environ.get(n, "") for n in ("DATABASE_URL", "REDIS_URL"))
    with run_portal(folder, database=database, redis=redis) as running:
        yield running


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The tables are made of the models, which is quick: portals run the migrations.

    What a migration puts into a new database is put in here.
    """
    from django.apps import apps

    first_way = importlib.import_module("enrollment.migrations.0002_first_way")
    with django_db_blocker.unblock():
        first_way.add(apps, None)


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    """Limits on sign-in count in the cache, which outlives a test."""
    from django.core.cache import cache

    cache.clear()
