"""Apple's authority for devices: who signs what a device says before it is enrolled.

The certificate “Apple iPhone Device CA” expired in 2014, and Apple's devices go on
using what it issues, Macs among them: it is known by its key, and its dates are
passed over.
"""

from functools import lru_cache
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.conf import settings

from mdmportal.protocol import cms
from mdmportal.protocol.machineinfo import SignedMachineInfo

PEM: Final = b"""\
-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDxlErJ6rpaGGCty6JNTU5UGWkX
WQdmy5foZppHX0auZ3q1SnNUscsE9r02uAxVOIqEgzFSZfkz4Zd3nCtMJrAlP+ky
qnsIdJTswUs4HWdOCFKUWotZo1zXk/Sg/lWFu0xGl15usndFL2dcvAsYv1m5bIb3
KnV20hlx9CljuSULrwIDAQAB
-----END PUBLIC KEY-----
"""


def is_apples(signed: SignedMachineInfo) -> bool:
    """Whether a device that Apple made signed this, or one that DEVICE_CA_FILE lets."""
    return any(
        cms.is_issued_by(signed.signer, key) for key in _keys(settings.DEVICE_CA_FILE)
    )


@lru_cache(maxsize=4)
def _keys(more: str) -> tuple[cms.PublicKey, ...]:
    apple = load_pem_public_key(PEM)
    assert isinstance(apple, cms.PublicKey)
    if not more:
        return (apple,)
    simulated = cms.public_key(x509.load_pem_x509_certificate(Path(more).read_bytes()))
    return (apple, simulated) if simulated else (apple,)
