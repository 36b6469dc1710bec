"""Platforms: which of Apple's operating systems runs on a product."""

PLATFORMS = (
    ("iPhone", "iOS"),
    ("iPod", "iOS"),
    ("iPad", "iPadOS"),
    ("AppleTV", "tvOS"),
    ("Watch", "watchOS"),
    ("RealityDevice", "visionOS"),
    ("AudioAccessory", "tvOS"),
    ("iMac", "macOS"),
    ("Mac", "macOS"),
    ("VirtualMac", "macOS"),
    ("Xserve", "macOS"),
)


def platform_of(*products: str) -> str:
    """Return the platform of the first ProductName or Model that is known, else ''."""
    for product in products:
        for prefix, platform in PLATFORMS:
            if product.startswith(prefix):
                return platform
    return ""
