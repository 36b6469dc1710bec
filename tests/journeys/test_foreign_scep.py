"""SCEP clients that no one here wrote enroll with the portal."""

import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mdmportal.protocol import mobileconfig

from ..portal import Portal

CERTMONGER = Path("/usr/lib/certmonger/certmonger-session")

# certmonger wants a bus and a daemon of its own, and the CA's certificate beforehand.
WITH_CERTMONGER = r"""
/usr/lib/certmonger/certmonger-session -n -d 2 &
daemon=$!
trap "kill $daemon" EXIT
until getcert list-cas -s > /dev/null 2>&1; do sleep 0.2; done
getcert add-scep-ca -s -c portal -u "$URL" -N "$PWD/ca.pem"
until getcert list-cas -s -c portal | grep -q thumbprint; do sleep 0.2; done
getcert request -s -c portal -I one -k "$PWD/key.pem" -f "$PWD/cert.pem" \
    -N CN=mine -L "$CHALLENGE" -w -v
getcert list -s
"""


@pytest.fixture
def challenge(portal: Portal) -> str:
    """Take a profile as a device does; return the challenge in it."""
    profile = mobileconfig.read(portal.manage("enrollment_profile"))
    payloads = {one["PayloadType"]: one for one in profile["PayloadContent"]}
    return str(payloads[mobileconfig.SCEP]["PayloadContent"]["Challenge"])


def authority(portal: Portal) -> x509.Certificate:
    with urllib.request.urlopen(f"{portal.url}/scep?operation=GetCACert") as answer:
        return x509.load_der_x509_certificate(answer.read())


def check(portal: Portal, file: Path) -> None:
    """The certificate is ours, and does not have the name that the client asked for."""
    issued = x509.load_pem_x509_certificate(file.read_bytes())
    issued.verify_directly_issued_by(authority(portal))
    assert "mine" not in issued.subject.rfc4514_string()


def scepclient(portal: Portal, challenge: str, folder: Path) -> str:
    done = subprocess.run(
        [
            *("scepclient", "-server-url", f"{portal.url}/scep"),
            *("-challenge", challenge, "-cn", "mine"),
            *("-private-key", "key.pem", "-certificate", "cert.pem"),
        ],
        cwd=folder,
        capture_output=True,
        timeout=120,
    )
    return (done.stdout + done.stderr).decode()


@pytest.mark.skipif(not shutil.which("scepclient"), reason="scepclient is missing")
def test_scepclient_enrolls(portal: Portal, challenge: str, tmp_path: Path) -> None:
    said = scepclient(portal, challenge, tmp_path)
    assert (tmp_path / "cert.pem").exists(), said
    check(portal, tmp_path / "cert.pem")


@pytest.mark.skipif(not shutil.which("scepclient"), reason="scepclient is missing")
def test_scepclient_is_refused_with_a_wrong_challenge(
    portal: Portal, tmp_path: Path
) -> None:
    assert "badRequest" in scepclient(portal, "wrong", tmp_path)
    assert not (tmp_path / "cert.pem").exists()


@pytest.mark.skipif(
    not CERTMONGER.exists() or not shutil.which("dbus-run-session"),
    reason="certmonger is missing",
)
def test_certmonger_enrolls(portal: Portal, challenge: str, tmp_path: Path) -> None:
    pem = authority(portal).public_bytes(Encoding.PEM)
    (tmp_path / "ca.pem").write_bytes(pem)
    done = subprocess.run(
        ["dbus-run-session", "--", "sh", "-euc", WITH_CERTMONGER],
        cwd=tmp_path,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "URL": f"{portal.url}/scep",
            "CHALLENGE": challenge,
        },
        capture_output=True,
        timeout=180,
    )
    assert (tmp_path / "cert.pem").exists(), (done.stdout + done.stderr).decode()
    check(portal, tmp_path / "cert.pem")
