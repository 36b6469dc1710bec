"""Fixtures: the identity providers of the tests, running for the whole session."""

from collections.abc import Iterator

import pytest

from .oidc import OIDCProvider
from .saml import SAMLProvider


@pytest.fixture(scope="session")
def oidc_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OIDCProvider]:
    with OIDCProvider(tmp_path_factory.mktemp("oidc")) as provider:
        yield provider


@pytest.fixture(scope="session")
def saml_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SAMLProvider]:
    with SAMLProvider(tmp_path_factory.mktemp("saml")) as provider:
        yield provider
