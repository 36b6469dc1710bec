"""The ways in: who may enroll, as what, and the identities issued for it."""

from .authority import CertificateAuthority
from .business import BusinessKey
from .challenge import Challenge, digest, new_token
from .domain import MailDomain, Route
from .invitation import Invitation
from .login import LoginChallenge, LoginFailure
from .migration import MigrationSource, Move
from .ota import OTASession
from .provider import GroupRule, IdentityProvider
from .signin import SignIn
from .way import EnrollmentProfile, new_code

__all__ = [
    "BusinessKey",
    "CertificateAuthority",
    "Challenge",
    "EnrollmentProfile",
    "GroupRule",
    "IdentityProvider",
    "Invitation",
    "LoginChallenge",
    "LoginFailure",
    "MailDomain",
    "MigrationSource",
    "Move",
    "OTASession",
    "Route",
    "SignIn",
    "digest",
    "new_code",
    "new_token",
]
