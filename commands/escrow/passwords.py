"""Passwords: those that the portal makes up, one for each device."""

import secrets

PIN_DIGITS = 6
"""What a Mac asks for that was locked: exactly so many."""
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without what is mistaken for another when it is read aloud: 1, l, i, 0, o."""
GROUPS, GROUP = 4, 5


def pin() -> str:
    return f"{secrets.randbelow(10**PIN_DIGITS):0{PIN_DIGITS}}"


def password() -> str:
    """Return one that a person can type at a Mac's Recovery: 99 bits, low ASCII."""
    groups = (
        "".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS)
    )
    return "-".join(groups)
