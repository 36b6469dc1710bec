"""An OpenID Connect provider: oidc-provider of npm, installed when first needed."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ..portal import ROOT
from .people import PEOPLE
from .provider import Provider

HERE = Path(__file__).parent
FILES = ("package.json", "package-lock.json")
CACHE = ROOT / "var" / "tests" / "oidc-provider"
CLIENT = {"id": "portal", "secret": "the portal's secret at this provider"}


class OIDCProvider(Provider):
    program = "oidc-provider"

    def command(self) -> Sequence[str]:
        given = {
            "port": self.port,
            "issuer": self.url,
            "client": CLIENT,
            "people": PEOPLE,
        }
        script = shutil.copy(HERE / "oidc.mjs", installed() / f"{self.port}.mjs")
        return ["node", str(script), json.dumps(given)]

    def columns(self) -> dict[str, Any]:
        return {
            "protocol": "openid_connect",
            "server_url": self.url,
            "client_id": CLIENT["id"],
            "client_secret": CLIENT["secret"],
        }


def installed() -> Path:
    """Return the folder with oidc-provider in it; skip the test if it cannot be had."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    lock = HERE / "package-lock.json"
    if _is_current(lock):
        return CACHE
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=CACHE.parent, ignore_cleanup_errors=True
    ) as folder:
        for name in FILES:
            shutil.copy(HERE / name, folder)
        _npm_ci(Path(folder))
        shutil.rmtree(CACHE, ignore_errors=True)
        os.rename(folder, CACHE)
    return CACHE


def _is_current(lock: Path) -> bool:
    kept = CACHE / lock.name
    return kept.exists() and kept.read_bytes() == lock.read_bytes()


def _npm_ci(folder: Path) -> None:
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    if done.returncode:
        words = done.stderr.decode().strip().splitlines()[-1:]
        pytest.skip(f"npm cannot install oidc-provider: {words}")
