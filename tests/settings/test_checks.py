"""``manage.py check --deploy``: silent when all is there, else it names what is not."""

import subprocess
import sys
from pathlib import Path

import pytest

from ..portal import ROOT

COMPLETE = {
    "MDM_EMBEDDED": "false",
    "PUBLIC_URL": "https://mdm.example.org",
    "SECRET_KEY": "q4W9/zLxV0tYh2mJcR7bE5nKpS8dUfA3gXoI1vB6wTyZlMjHkD",
    "FIELD_KEYS": f"{'4b' * 32},{'Aa' * 32}",
    "DATABASE_URL": "postgres://portal:secret@database/portal",
    "REDIS_URL": "redis://redis:6379/0",
    "CLIENT_CERTIFICATE_HEADER": "X-Client-Certificate",
    "TRUSTED_PROXIES": "172.30.0.0/24,10.0.0.1",
}

MISSING = {
    "PUBLIC_URL": "mdm.E002",
    "FIELD_KEYS": "mdm.E003",
    "SECRET_KEY": "mdm.E004",
    "DATABASE_URL": "mdm.E005",
    "REDIS_URL": "mdm.E006",
}
WRONG = {
    "PUBLIC_URL": ("http://mdm.example.org", "mdm.E002"),
    "SECRET_KEY": ("short", "security.W009"),
    "TRUSTED_PROXIES": ("the-proxy", "mdm.E010"),
    "DEVICE_CA_FILE": ("/somewhere/ca.pem", "mdm.E011"),
    "ENROLL_RATE": ("many", "mdm.E012"),
    "API_RATE": ("many", "mdm.E013"),
    "ALLOWED_HOSTS": ("*", "mdm.E008"),
    "APNS_CA_FILE": ("ca.pem", "mdm.W001"),
    "DEBUG": ("true", "security.W018"),
    "SECURE_HSTS_SECONDS": ("0", "security.W004"),
}
"""Variables, each with what is wrong about it, and what the check says then."""


def check(variables: dict[str, str], folder: Path) -> tuple[int, str]:
    """Run the check in an environment of nothing else; return status and output."""
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env={"MDM_DATA": str(folder), **variables},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_complete_environment_has_nothing_to_complain_of(tmp_path: Path) -> None:
    code, output = check(COMPLETE, tmp_path)
    assert output.strip() == "System check identified no issues (3 silenced)."
    assert code == 0


def test_a_served_portal_keeps_no_keys_of_its_own(tmp_path: Path) -> None:
    check(COMPLETE, tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_is_missing_is_named_all_at_once(tmp_path: Path) -> None:
    code, output = check({"MDM_EMBEDDED": "false"}, tmp_path)
    assert code == 1
    for variable, number in MISSING.items():
        assert variable in output
        assert number in output


@pytest.mark.parametrize(
    ("variable", "number"),
    [("MDM_EMBEDDED", "mdm.E001"), ("TRUSTED_PROXIES", "mdm.E007")],
)
def test_what_only_others_make_necessary_is_named(
    tmp_path: Path, variable: str, number: str
) -> None:
    variables = {key: text for key, text in COMPLETE.items() if key != variable}
    code, output = check(variables, tmp_path)
    assert code == 1
    assert number in output
    assert variable in output


@pytest.mark.parametrize("keys", ["4b" * 31, "no" * 32], ids=["short", "not hex"])
def test_what_is_wrong_is_named_all_at_once(tmp_path: Path, keys: str) -> None:
    wrong = {variable: value for variable, (value, _) in WRONG.items()}
    code, output = check({**COMPLETE, **wrong, "FIELD_KEYS": keys}, tmp_path)
    assert code == 1
    assert "mdm.E009" in output
    for variable, (_, number) in WRONG.items():
        assert number in output
        assert variable in output or not number.startswith("mdm.")


def test_secrets_come_from_files_whose_last_newline_does_not_count(
    tmp_path: Path,
) -> None:
    variables = dict(COMPLETE)
    for name in ("SECRET_KEY", "FIELD_KEYS", "DATABASE_URL"):
        (tmp_path / name).write_text(variables.pop(name) + "\n")
        variables[f"{name}_FILE"] = str(tmp_path / name)
    code, output = check(variables, tmp_path)
    assert code == 0, output
    shown = subprocess.run(
        [sys.executable, "-c", SHOW],
        cwd=ROOT,
        env={"MDM_DATA": str(tmp_path), **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "portal"


SHOW = """
from mdmportal import settings
print(settings.DATABASES["default"]["NAME"], end="")
"""
