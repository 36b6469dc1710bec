"""docker-compose.yml, as far as it can be read without Docker."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ..portal import ROOT
from ..settings.test_documented import VARIABLES

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: Mapping[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("web", "worker", "beat", "migrate")
EXAMPLE = (ROOT / "deploy" / "env.example").read_text()
SET = {"PUBLIC_URL": "https://mdm.example.org", "ORGANIZATION": "Example Ltd"}


def filled_in(value: str, given: Mapping[str, str]) -> str:
    """Return ``value`` with ${NAME}, ${NAME:-default} and ${NAME:?error} filled in."""

    def fill(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        assert name in given or kind == ":-", f"{name} has no value"
        return given.get(name) or rest or ""

    return re.sub(r"\$\{(\w+)(?:(:[-?])([^}]*))?\}", fill, value).replace("$$", "$")


def environment(service: str) -> dict[str, str]:
    entries = SERVICES[service].get("environment", {})
    return {name: filled_in(value, SET) for name, value in entries.items()}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image holds, by .dockerignore, with the scripts beside it."""
    folder = tmp_path_factory.mktemp("checkout")
    for line in (ROOT / ".dockerignore").read_text().split():
        source = ROOT / line.removeprefix("!")
        if not line.startswith("!") or not source.exists():
            continue
        target = folder / line.removeprefix("!")
        target.parent.mkdir(exist_ok=True)
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, target)
    (folder / "deploy").mkdir(exist_ok=True)
    shutil.copy(ROOT / "deploy" / "make-secrets.sh", folder / "deploy")
    return folder


@pytest.fixture(scope="module")
def made(checkout: Path) -> Path:
    """The folder of secrets, made by the script."""
    make_secrets(checkout)
    return checkout / "secrets"


def make_secrets(checkout: Path) -> None:
    script = ["sh", str(checkout / "deploy" / "make-secrets.sh")]
    subprocess.run(script, check=True, capture_output=True)


def test_each_secret_is_made_by_the_script(made: Path) -> None:
    files = {Path(secret["file"]) for secret in COMPOSE["secrets"].values()}
    assert {file.name for file in files} == {file.name for file in made.iterdir()}
    assert {str(file.parent) for file in files} == {made.name}
    assert made.stat().st_mode & 0o077 == 0
    password = (made / "database_password").read_text().strip()
    assert f":{password}@database:" in (made / "database_url").read_text()


def test_a_second_run_of_the_script_keeps_what_is_there(
    checkout: Path, made: Path
) -> None:
    before = {file.name: file.read_text() for file in made.iterdir()}
    make_secrets(checkout)
    assert {file.name: file.read_text() for file in made.iterdir()} == before


@pytest.mark.parametrize("service", OURS)
def test_services_are_given_only_what_the_settings_read(service: str) -> None:
    names = {name.removesuffix("_FILE") for name in environment(service)}
    assert names <= {*VARIABLES, "WEB_WORKERS"}


def test_what_the_template_of_nginx_needs_is_given() -> None:
    template = ROOT / "deploy" / "nginx" / "portal.conf.template"
    needed = set(re.findall(r"\$\{(\w+)\}", template.read_text())) - {"NAME"}
    assert needed == set(environment("proxy"))


def test_the_example_sets_what_must_be_set_and_nothing_unknown() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    named = set(re.findall(r"^#?(\w+)=", EXAMPLE, re.MULTILINE))
    assert set(re.findall(r"\$\{(\w+):\?", text)) <= named
    assert named <= set(re.findall(r"\$\{(\w+)", text))


@pytest.fixture(scope="module")
def served(made: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a service, its secrets where the script made them."""
    entries = environment("worker")
    for name, value in entries.items():
        if name.endswith("_FILE"):
            entries[name] = value.replace("/run/secrets", str(made))
    data = tmp_path_factory.mktemp("var")
    return {**entries, "MDM_DATA": str(data), "PATH": os.environ["PATH"]}


def test_the_image_holds_all_that_serves(
    checkout: Path, served: dict[str, str]
) -> None:
    build = {name: served[name] for name in ("MDM_DATA", "PATH")}
    manage(checkout, build | {"MDM_EMBEDDED": "false"}, "collectstatic", "--noinput")
    said = manage(checkout, served, "check", "--deploy", "--fail-level", "WARNING")
    assert "no issues" in said


def manage(checkout: Path, environment: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_image_holds_every_package() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = config["tool"]["importlinter"]["root_packages"]
    kept = (ROOT / ".dockerignore").read_text().split()
    assert {f"!{package}" for package in packages} <= set(kept)


@pytest.mark.parametrize("service", SERVICES)
def test_services_come_back_and_gain_no_privileges(service: str) -> None:
    entry = SERVICES[service]
    lasting = "no" if service == "migrate" else "unless-stopped"
    assert entry["restart"] == lasting
    assert entry["security_opt"] == ["no-new-privileges:true"]
    if service not in ("proxy", "database"):
        assert entry["read_only"]
        assert entry["user"] not in ("root", "0")


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert [name for name, entry in SERVICES.items() if "ports" in entry] == ["proxy"]
    front = {name for name, entry in SERVICES.items() if "front" in entry["networks"]}
    assert front == {"proxy", "web"}


@pytest.mark.parametrize("service", ["worker", "beat"])
def test_celery_understands_its_command(service: str, served: dict[str, str]) -> None:
    words = [filled_in(word, SET) for word in SERVICES[service]["command"]]
    done = subprocess.run(
        [sys.executable, "-m", *words, "--help"],
        cwd=ROOT,
        env=served,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
