"""Fuzz: the running portal is asked all sorts of things that its description allows,
and that it does not, by schemathesis.

    python -m tests.api.fuzz [--seconds N] [what ``st run`` takes ...]

Nothing may be answered that the description does not have: no 500 above all.
https://schemathesis.readthedocs.io
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..portal import ROOT, Portal, run_portal

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
)
"""Not that whatever the description allows is accepted: it cannot say it all."""

DEVICES = """
from django.utils import timezone
from devices.models import Channel, Device, DeviceGroup, Enrollment
group = DeviceGroup.objects.create(name="Some")
for number in range(3):
    device = Device.objects.create(
        udid=f"FUZZ-{number}", serial_number=f"FUZZ{number}", platform="iOS",
        name=f"Fuzz {number}", os_version="18.1", is_supervised=True,
    )
    stay = Enrollment.objects.create(
        device=device, state="active", access_rights=8191, enrolled_at=timezone.now()
    )
    Channel.objects.create(enrollment=stay)
    group.devices.add(device)
"""


def run(portal: Portal, token: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Ask the portal; return how that ended, and what was said."""
    st = Path(sys.executable).with_name("st")
    command = [
        *(str(st), "run", f"{portal.url}/api/v1/schema/"),
        *("-H", f"Authorization: Bearer {token}"),
        *("--checks", ",".join(CHECKS)),
        *options,
    ]
    return subprocess.run(command, cwd=portal.folder, capture_output=True, text=True)


def prepare(portal: Portal) -> str:
    """Return a token that may do everything, of a portal with a few devices."""
    portal.manage("shell", "--no-imports", "--command", DEVICES)
    token: bytes = portal.manage("api_token", "fuzz", "--user", portal.admin)
    return token.decode().strip()


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests.api.fuzz")
    parser.add_argument("--seconds", type=int, default=120)
    asked, options = parser.parse_known_args(arguments)
    os.environ["API_RATE"] = ""
    with tempfile.TemporaryDirectory() as folder, run_portal(Path(folder)) as portal:
        token = prepare(portal)
        done = run(portal, token, "--max-time", str(asked.seconds), *options)
        print(done.stdout.replace(token, "…"), done.stderr)
        if done.returncode:
            print(portal.log()[-4000:])
    return done.returncode


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))
