"""Hardware: the models that can be simulated, and the operating system on each."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """One model as it says of itself; ``platform`` in the words of Apple's schema.

    ``product_name`` is the model identifier, ``part`` the order number without region,
    ``capacity`` in GB, ``newest`` the (version, build) it can be updated to.
    """

    platform: str
    product_name: str
    model_name: str
    part: str
    os_version: str
    build_version: str
    newest: tuple[str, str]
    capacity: float
    cellular: bool = False
    apple_silicon: bool = True
    shared: bool = False
    has_battery: bool = True

    @property
    def is_mac(self) -> bool:
        return self.platform == "macOS"

    @property
    def model(self) -> str:
        """What the key Model holds: a Mac gives its identifier, others the part."""
        return self.product_name if self.is_mac else self.part

    @property
    def model_number(self) -> str:
        return f"{self.part}LL/A"

    @property
    def has_user_channels(self) -> bool:
        """Macs and Shared iPads have a channel for each managed user."""
        return self.is_mac or self.shared


IPHONE_16 = Hardware(
    platform="iOS",
    product_name="iPhone17,3",
    model_name="iPhone",
    part="MYEA3",
    os_version="18.1",
    build_version="22B83",
    newest=("18.1.1", "22B91"),
    capacity=128.0,
    cellular=True,
)
IPHONE_SE = Hardware(
    platform="iOS",
    product_name="iPhone14,6",
    model_name="iPhone",
    part="MMX53",
    os_version="17.6.1",
    build_version="21G93",
    newest=("18.1.1", "22B91"),
    capacity=64.0,
    cellular=True,
)
IPAD_AIR = Hardware(
    platform="iOS",
    product_name="iPad14,8",
    model_name="iPad",
    part="MUWC3",
    os_version="18.1",
    build_version="22B83",
    newest=("18.1.1", "22B91"),
    capacity=128.0,
)
IPAD_CELLULAR = Hardware(
    platform="iOS",
    product_name="iPad13,19",
    model_name="iPad",
    part="MQ6J3",
    os_version="17.7",
    build_version="21H16",
    newest=("18.1.1", "22B91"),
    capacity=64.0,
    cellular=True,
)
SHARED_IPAD = Hardware(
    platform="iOS",
    product_name="iPad13,18",
    model_name="iPad",
    part="MPQ03",
    os_version="18.1",
    build_version="22B83",
    newest=("18.1.1", "22B91"),
    capacity=64.0,
    shared=True,
)
MACBOOK_AIR = Hardware(
    platform="macOS",
    product_name="Mac15,12",
    model_name="MacBook Air",
    part="MRXN3",
    os_version="15.1",
    build_version="24B83",
    newest=("15.1.1", "24B91"),
    capacity=494.38,
)
IMAC = Hardware(
    platform="macOS",
    product_name="Mac15,5",
    model_name="iMac",
    has_battery=False,
    part="MQRN3",
    os_version="14.7.1",
    build_version="23H222",
    newest=("15.1.1", "24B91"),
    capacity=494.38,
)
MACBOOK_PRO_INTEL = Hardware(
    platform="macOS",
    product_name="MacBookPro16,1",
    model_name="MacBook Pro",
    part="MVVK2",
    os_version="14.7.1",
    build_version="23H222",
    newest=("15.1.1", "24B91"),
    capacity=1000.24,
    apple_silicon=False,
)
APPLE_TV = Hardware(
    platform="tvOS",
    product_name="AppleTV14,1",
    model_name="Apple TV",
    has_battery=False,
    part="MN893",
    os_version="18.1",
    build_version="22J580",
    newest=("18.1", "22J580"),
    capacity=128.0,
)
VISION_PRO = Hardware(
    platform="visionOS",
    product_name="RealityDevice14,1",
    model_name="Apple Vision Pro",
    part="MQL83",
    os_version="2.1",
    build_version="22N581",
    newest=("2.1.1", "22N591"),
    capacity=256.0,
)

IPHONE, IPAD, MAC = IPHONE_16, IPAD_AIR, MACBOOK_AIR

MODELS = {
    model.product_name: model
    for model in (
        IPHONE_16,
        IPHONE_SE,
        IPAD_AIR,
        IPAD_CELLULAR,
        SHARED_IPAD,
        MACBOOK_AIR,
        IMAC,
        MACBOOK_PRO_INTEL,
        APPLE_TV,
        VISION_PRO,
    )
}
