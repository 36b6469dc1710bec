"""Storage: a simulated device as a file, so that it survives its process.

The file is a property list with the key in clear, readable to its owner alone.
"""

import os
from pathlib import Path
from typing import Any

from mdmportal.protocol import plist

from .channel import Courier
from .device import SimulatedDevice
from .enrollment import Enrollment
from .factory import Factory
from .hardware import MODELS
from .identity import Identity, KeyMaker, new_key
from .managed_account import ManagedAccount
from .signature import Style
from .state import State
from .transport import Transport
from .user import User


def dumps(device: SimulatedDevice) -> bytes:
    """Return all that the device is and keeps; what it was told to do is not kept."""
    with device.lock:
        saved: dict[str, Any] = {
            "ProductName": device.hardware.product_name,
            "Seed": device.unit.seed,
            "Supervised": device.supervised,
            "Automated": device.automated,
            "Style": device.style.value,
            "Bearer": device.bearer,
            "State": device.state.to_plist(),
        }
        if device.made_with:
            saved["Factory"] = device.made_with.to_plist()
        if device.account:
            saved["Account"] = device.account.to_plist()
        if device.enrollment:
            saved["Enrollment"] = device.enrollment.to_plist()
        return plist.dumps(saved)


def loads(
    saved: bytes,
    transport: Transport,
    *,
    courier: Courier | None = None,
    make_key: KeyMaker = new_key,
    factory: Factory | None = None,
) -> SimulatedDevice:
    """Return the device that was saved, listening for pushes again."""
    source = plist.loads(saved)
    device = SimulatedDevice(
        MODELS[source["ProductName"]],
        transport,
        seed=source["Seed"],
        supervised=source["Supervised"],
        automated=source["Automated"],
        courier=courier,
        make_key=make_key,
        factory=factory,
    )
    device.style, device.bearer = Style(source["Style"]), source["Bearer"]
    device.state = State.from_plist(source["State"])
    if "Factory" in source:
        device.made_with = Identity.from_plist(source["Factory"])
    if "Account" in source:
        device.account = ManagedAccount.from_plist(source["Account"])
    if "Enrollment" in source:
        device.enrollment = Enrollment.from_plist(source["Enrollment"])
    for account in device.state.accounts.values():
        device.users[account.short_name] = User(device, account)
    for channel in device.channels:
        if channel.is_open:
            channel.listen()
    return device


def save(device: SimulatedDevice, path: Path) -> None:
    """Write the device to ``path``, whole or not at all."""
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(dumps(device))
    temporary.replace(path)


def load(
    path: Path,
    transport: Transport,
    *,
    courier: Courier | None = None,
    make_key: KeyMaker = new_key,
    factory: Factory | None = None,
) -> SimulatedDevice:
    """Return the device that was saved at ``path``."""
    return loads(
        path.read_bytes(),
        transport,
        courier=courier,
        make_key=make_key,
        factory=factory,
    )
