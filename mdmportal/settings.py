"""Settings: the embedded default, and served mode from the environment.

Every variable is described in docs/settings.md. A variable NAME can come from a file:
NAME_FILE names it. ``manage.py check --deploy`` says in words what is missing.
"""

import os
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.urls import reverse_lazy
from environ.fileaware_mapping import FileAwareMapping

from . import keys
from .theme import UNFOLD  # noqa: F401  # Unfold looks for it here

BASE_DIR = Path(__file__).resolve().parent.parent


class Variables(FileAwareMapping):  # type: ignore[misc]
    def __getitem__(self, name: str) -> str:
        """A file made by a shell ends in a newline, which is no part of a secret."""
        return str(super().__getitem__(name)).strip()


env = environ.FileAwareEnv()
env.ENVIRON = Variables()

VERSION = "0.1.0"

# --- How it runs

EMBEDDED = env.bool("MDM_EMBEDDED", default=True)
"""One process with SQLite, its own worker and simulated devices; else served."""

DATA_DIR = Path(env.str("MDM_DATA", default=str(BASE_DIR / "var")))
CATALOGUE_DIR = Path(env.str("MDM_CATALOGUE", default=str(DATA_DIR / "catalogue")))
"""Where load_schema keeps a newer release of Apple's schema."""

DEBUG = env.bool("DEBUG", default=False)
PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
"""Where devices reach the portal. It is part of what they enroll with: it must last."""

ORGANIZATION = env.str("ORGANIZATION", default="Your organisation")
ORGANIZATION_PHONE = env.str("ORGANIZATION_PHONE", default="")

_public = urlsplit(PUBLIC_URL)
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=[_public.hostname or "", "127.0.0.1", "localhost"]
)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[PUBLIC_URL])
SECURE = _public.scheme == "https"
if not SECURE:  # tried out on loopback; else oauthlib refuses what is not https
    os.environ.setdefault("OAUTHLIB_INSECURE_TRANSPORT", "1")

# --- Secrets

if EMBEDDED:
    SECRET_KEY = env.str("SECRET_KEY", default="") or keys.keep(DATA_DIR / "secret.key")
    FIELD_KEYS = env.list("FIELD_KEYS", default=[]) or [
        keys.keep(DATA_DIR / "field.key")
    ]
else:
    SECRET_KEY = env.str("SECRET_KEY", default="")
    FIELD_KEYS = env.list("FIELD_KEYS", default=[])
"""FIELD_KEYS encrypt secrets in the database; the first writes, all of them read."""

# --- Applications

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.socialaccount.providers.saml",
    "mdmportal.apps.PortalConfig",
    "devices",
    "apns",
    "commands",
    "compliance",
    "enrollment",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "api",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "mdmportal.accounts.SecondFactorMiddleware",
    "mdmportal.zone.ZoneMiddleware",
]

ROOT_URLCONF = "mdmportal.urls"
WSGI_APPLICATION = "mdmportal.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "mdmportal.theme.about",
            ],
        },
    },
]

# --- Database, cache, sessions

_sqlite = f"sqlite:///{DATA_DIR / 'portal.sqlite3'}"
DATABASES = {"default": env.db_url("DATABASE_URL", default=_sqlite)}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["CONN_MAX_AGE"] = None
    DATABASES["default"]["OPTIONS"] = {
        # Readers never wait for the writer; a writer asks for the lock at once
        # and waits, so that a transaction cannot fail half-way for being late.
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    # A connection for each thread, of which a process has one: as good as a pool, and
    # where a pool waits ever longer to try again, this one is back with the database.
    DATABASES["default"]["CONN_MAX_AGE"] = None
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        connect_timeout=5,  # seconds
        tcp_user_timeout=10_000,  # milliseconds
        # What a device's road asks is prepared once: planning it anew took thrice as
        # long as doing it. A pooler between must know prepared statements.
        server_side_binding=True,
        prepare_threshold=2,
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="")
REDIS_TIMEOUTS = {"socket_connect_timeout": 0.5, "socket_timeout": 1}
# Of more entries than that a third is dropped. With Django's 300, who guesses passwords
# for many names from a few addresses would have the counts of it forgotten.
_kept = {"OPTIONS": {"MAX_ENTRIES": 20_000}}
CACHES = {
    # Counts sign-ins, for all processes alike, and needs no Redis to let staff in.
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", **_kept}
    if EMBEDDED
    else {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "portal_cache",
        **_kept,
    }
}

# --- Signing in

AUTH_USER_MODEL = "devices.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
_validators = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_validators}.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
ACCOUNT_ADAPTER = "mdmportal.accounts.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "mdmportal.account_forms.LoginForm",
    "add_email": "mdmportal.account_forms.AddEmailForm",
    "set_password": "mdmportal.account_forms.SetPasswordForm",
    "reset_password": "mdmportal.account_forms.ResetPasswordForm",
}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_ADAPTER = "enrollment.signon.SocialAccountAdapter"
SOCIALACCOUNT_LOGIN_ON_GET = True  # a form may not lead elsewhere: see form-action
STAFF_MFA_REQUIRED = env.bool("STAFF_MFA_REQUIRED", default=False)
"""Staff who sign in with a password need a second factor, too."""
MFA_ALLOW_UNVERIFIED_EMAIL = True  # staff is made by staff, who knows whom it made
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_RATE_LIMITS = {
    # A whole school signs in from behind one address; guessing is stopped by account.
    "login": "300/m/ip",
    "login_failed": "30/m/ip,5/5m/key",
}
# The header in which the proxy says who asks; wrong passwords are counted by it.
ALLAUTH_TRUSTED_CLIENT_IP_HEADER = env.str("CLIENT_ADDRESS_HEADER", default="") or None
LOGIN_URL = reverse_lazy("account_login")
LOGIN_REDIRECT_URL = "/"
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 20  # seconds
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="mdm@localhost")

# --- Protection of browsers

SESSION_COOKIE_SECURE = SECURE
CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_AGE = 12 * 60 * 60
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
SECURE_SSL_REDIRECT = False  # the proxy does; a device must never be redirected
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS of subdomains and its preloading are not ours to decide
    "security.W021",
    "security.W008",  # as said above
]
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=3600 if SECURE else 0)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

MAP_TILES_URL = env.str("MAP_TILES_URL", default="")
MAP_TILES_ATTRIBUTION = env.str("MAP_TILES_ATTRIBUTION", default="")
"""Whose street maps browsers fetch, with {z}, {x} and {y}; none: our own map alone."""
_tiles = urlsplit(MAP_TILES_URL)
_tiles_host = re.sub(r"^[^.]*\{s\}[^.]*", "*", _tiles.netloc)
_tiles_from = [f"{_tiles.scheme}://{_tiles_host}"] if _tiles_host else []

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        # The admin's theme runs on Alpine, which evaluates its attributes.
        "script-src": ["'self'", "'unsafe-eval'", "'unsafe-inline'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:", *_tiles_from],
        "frame-ancestors": ["'none'"],
        # Signing in for a device ends with Apple's scheme, also right after a form.
        "form-action": ["'self'", "apple-remotemanagement-user-login:"],
    }
}

# --- Devices

DATA_UPLOAD_MAX_MEMORY_SIZE = 32 * 1024 * 1024
MAX_DEVICE_BODY = env.int("MAX_DEVICE_BODY", default=20 * 1024 * 1024)
MAX_SCEP_BODY = 256 * 1024
LAST_SEEN_EVERY = env.int("LAST_SEEN_EVERY", default=60)
"""Seconds within which a device that comes again is not written down again."""

INVENTORY_EVERY = env.int("INVENTORY_EVERY", default=24)
"""Hours after which a device is asked again what it is, where no schedule says it."""
HISTORY_DAYS = env.int("HISTORY_DAYS", default=400)
"""Days for which it is known what changed about a device."""
LOCATION_DAYS = env.int("LOCATION_DAYS", default=30)
"""Days for which it is known where lost devices were."""

CLIENT_CERTIFICATE_HEADER = env.str("CLIENT_CERTIFICATE_HEADER", default="")
"""The header in which a trusted proxy hands over the device's certificate."""
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
"""Networks from which CLIENT_CERTIFICATE_HEADER is believed."""

DEVICE_CA_FILE = env.str("DEVICE_CA_FILE", default="")
"""PEM of an authority besides Apple's whose devices may come over the air: simulated
ones. Never when served."""

DISCOVERY_CA_FILE = env.str("DISCOVERY_CA_FILE", default="")
DISCOVERY_PORT = env.int("DISCOVERY_PORT", default=443)
"""Where the discovery check looks for mail domains, and whom it trusts: for tests."""

SCEP_CHALLENGE_LIFE = env.int("SCEP_CHALLENGE_LIFE", default=60 * 60)
IDENTITY_LIFE = env.int("IDENTITY_LIFE", default=2 * 365 * 24 * 60 * 60)
"""Seconds. Renewed in time: an identity that expired can do nothing else."""
RENEW_BEFORE = env.int("RENEW_BEFORE", default=180 * 24 * 60 * 60)
"""Seconds before its end at which an identity is renewed; half its life at most."""

ROTATE_AFTER = env.int("ROTATE_AFTER", default=60 * 60)
"""Seconds after which a secret that somebody was shown is replaced: time to use it."""

# --- Push

APNS_HOST = env.str("APNS_HOST", default="api.push.apple.com")
APNS_PORT = env.int("APNS_PORT", default=443)
APNS_CA_FILE = env.str("APNS_CA_FILE", default="")
"""Roots to trust for APNS_HOST instead of the system's; for the simulator."""
SIMULATED = env.bool("MDM_SIMULATED", default=False)
"""Devices and Apple are simulated: every page says so."""

WEBHOOK_NETWORKS = env.list(
    "WEBHOOK_NETWORKS", default=["127.0.0.0/8", "::1/128"] if SIMULATED else []
)
"""Networks inside of which webhooks may be, besides the internet."""

ENROLL_RATE = env.str("ENROLL_RATE", default="" if SIMULATED else "600/h")
ENROLL_RATE_PER_PERSON = env.str("ENROLL_RATE_PER_PERSON", default="60/h")
"""How often one address, and one person, may begin to enroll; empty for any number."""

# --- API

API_RATE = env.str("API_RATE", default="1200/m")
"""How much one token may ask for, in each process of the web server; '': any number."""

METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
"""What opens /metrics beside API tokens, and nothing else; '': nothing does."""

REST_FRAMEWORK = {
    # Tokens alone. With a browser's session, too, any page could order by it.
    "DEFAULT_AUTHENTICATION_CLASSES": ["api.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["api.permissions.HasRights"],
    "DEFAULT_THROTTLE_CLASSES": ["api.throttling.TokenThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "api.pagination.AfterPagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "api.errors.answer",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "MDM Portal",
    "DESCRIPTION": "Devices, and what they are told. See docs/api.md.",
    "VERSION": "v1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "api.describing.add_refusals",
    ],
    "ENUM_NAME_OVERRIDES": {
        "OrderState": "commands.models.Order.State",
        "RecipientState": "commands.models.Recipient.State",
        "DeliveryState": "commands.models.State",
        "EnrollmentState": "devices.models.Enrollment.State",
    },
}

# --- Tasks

CELERY_BROKER_URL = REDIS_URL or "memory://localhost"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 15 * 60
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker
CELERY_BROKER_TRANSPORT_OPTIONS = (
    # One more try at once and no other: an order must not wait for a lost broker.
    {"max_retries": 1, "interval_start": 0, **REDIS_TIMEOUTS}
    if REDIS_URL
    else {"polling_interval": 0.02}
)
CELERY_TASK_PUBLISH_RETRY = False  # the row is the truth: beat comes by anyway
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE = {
    name: {"task": task, "schedule": seconds, "options": {"expires": seconds}}
    for name, task, seconds in (
        ("push what is due", "apns.tasks.push_due", 5),
        ("wake the silent", "apns.tasks.wake_the_silent", 3600),
        ("read answers", "commands.tasks.read_results", 2),
        ("expire commands", "commands.tasks.expire", 60),
        ("ask what is due", "commands.tasks.ask_inventory", 60),
        ("write orders", "commands.tasks.write_orders", 2),
        ("order what recurs", "commands.tasks.order_recurring", 60),
        ("forget drafts", "commands.tasks.forget_drafts", 3600),
        ("forget changes", "commands.tasks.forget_changes", 3600),
        ("forget locations", "commands.tasks.forget_locations", 3600),
        ("forget applications", "commands.tasks.forget_applications", 3600),
        ("forget scheduled queries", "commands.tasks.forget_scheduled", 3600),
        ("settle secrets", "commands.tasks.settle_secrets", 5),
        ("rotate secrets", "commands.tasks.rotate_secrets", 60),
        ("forget challenges", "enrollment.tasks.forget_challenges", 3600),
        ("renew identities", "enrollment.tasks.renew_identities", 3600),
        ("roll authorities over", "enrollment.tasks.roll_over", 3600),
        ("regroup devices", "devices.tasks.regroup", 5),
        ("sweep smart groups", "devices.tasks.sweep", 3600),
        ("begin policies' sweeps", "compliance.tasks.begin_sweeps", 3600),
        ("sweep by policies", "compliance.tasks.sweep", 10),
        ("act on verdicts", "compliance.tasks.act", 30),
        ("count verdicts", "compliance.tasks.count", 3600),
        ("forget policies' actions", "compliance.tasks.forget_actions", 24 * 3600),
        ("forget browsers' sessions", "mdmportal.tasks.clear_sessions", 24 * 3600),
        ("forget sign-ins", "enrollment.tasks.forget_sign_ins", 3600),
        ("forget logins", "enrollment.tasks.forget_logins", 3600),
        ("enforce sign-in", "enrollment.tasks.enforce_sign_in", 600),
        ("read SAML metadata", "enrollment.tasks.read_metadata", 4 * 3600),
        ("forget keys of orders", "api.tasks.forget_keys", 3600),
    )
}

# --- Pages

LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = "mdmportal.formats"
TIME_ZONE = env.str("TZ", default="UTC")
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = None if EMBEDDED else DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = EMBEDDED
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if EMBEDDED
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# --- Log

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "celery": {"level": "WARNING"},
        "_granian": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},  # a 4xx has its own line, without headers
    },
}

TESTING = "pytest" in sys.modules
if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
