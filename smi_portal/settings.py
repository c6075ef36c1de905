"""Settings. The environment is read here and nowhere else.

`DATABASE_URL`, `DATABASE_OWNER_URL`, `SECRET_KEY`, `PORTAL_URL` (docs/operations.md). With `DATABASE_URL` unset
this is the demo: an embedded PostgreSQL and a key made once, both in `.local/`.
"""

import logging
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import environ
import pghistory
import structlog
from csp.constants import NONE, SELF
from django.core.management.utils import get_random_secret_key

from smi_portal import logs

BASE_DIR = Path(__file__).resolve().parent.parent
LOCAL_DIR = BASE_DIR / ".local"
env = environ.Env()
keys = env.ENVIRON  # as they stand: `env` takes a value that begins with $ for the name of another variable

DEMO = not env("DATABASE_URL", default="")


def demo_secret_key() -> str:
    """The demo's key, made at the first use; readable by its owner alone."""
    path = LOCAL_DIR / "secret-key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(get_random_secret_key())
    return path.read_text()


if DEMO:
    from smi_portal import embedded

    LOCAL_DIR.mkdir(exist_ok=True)
    DATABASES = {
        alias: {"ENGINE": "django.db.backends.postgresql", **connection._asdict()}
        for alias, connection in embedded.ensure_running(LOCAL_DIR)._asdict().items()
    }
    SECRET_KEY = keys.get("SECRET_KEY") or demo_secret_key()
    PORTAL_URL = env("PORTAL_URL", default=f"http://127.0.0.1:{env.int('PORT', 8000)}")
else:
    DATABASES = {
        "default": env.db("DATABASE_URL"),
        "owner": env.db("DATABASE_OWNER_URL", default=env("DATABASE_URL")),
    }
    for database in DATABASES.values():
        database["HOST"] = unquote(database["HOST"])  # the folder of a socket is written as %2Frun%2Fpostgresql
    SECRET_KEY = keys["SECRET_KEY"]
    PORTAL_URL = env("PORTAL_URL")

# Former keys: what they signed or encrypted is read on, until it is written again.
SECRET_KEY_FALLBACKS = [key for key in keys.get("SECRET_KEY_FALLBACKS", "").split(",") if key]

# Two names for one database: `default` is the portal's login, `owner` migrates.
DATABASES["default"]["ATOMIC_REQUESTS"] = True
# How long a page or a request to the API waits in the database (accounts/waits.py): also outside a scope.
PAGE_WAITS = {
    "lock_timeout": f"{env.int('LOCK_SECONDS', 3)}s",
    "statement_timeout": f"{env.int('STATEMENT_SECONDS', 20)}s",
    "idle_in_transaction_session_timeout": "60s",
}
if pool_size := env.int("DATABASE_POOL_SIZE", 0):
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
        "min_size": 2,
        "max_size": pool_size,
        "timeout": 10,
    }
    # A connection is tried before it is used: after a restart of PostgreSQL, nobody gets one that has ended.
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"]["OPTIONS"]["options"] = " ".join(f"-c {name}={value}" for name, value in PAGE_WAITS.items())
DATABASE_ROUTERS: list[str] = []
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The server's processes and the threads of each (gunicorn.conf.py); half of all threads may serve downloads at once.
# A download ends when its client takes nothing for STREAM_TIMEOUT seconds, or in all fewer than STREAM_FLOOR bytes for
# each second that it is waited for, once that has taken STREAM_TIMEOUT seconds.
WEB_PROCESSES = env.int("WEB_CONCURRENCY", 1)
WEB_THREADS = env.int("WEB_THREADS", 4)
STREAM_TIMEOUT = env.int("STREAM_TIMEOUT", 60)
STREAM_FLOOR = env.int("STREAM_FLOOR", 8 * 1024)

DEBUG = False
PORTAL_HTTPS = PORTAL_URL.startswith("https")
ALLOWED_HOSTS = [urlsplit(PORTAL_URL).hostname, *(["localhost", "127.0.0.1"] if DEMO else [])]
SECURE_SSL_REDIRECT = PORTAL_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if PORTAL_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PORTAL_HTTPS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PORTAL_HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "smi_portal.refusals.pages.csrf_failure"
# Not `no-referrer`: browsers then send the origin of a form as null, which the CSRF check refuses.
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "style-src": [SELF],
        "script-src": [SELF],  # the passkey ceremony, and the warning before a session ends
        "connect-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],  # the reader's own fonts: without it Chromium refuses local() and asks for others
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
# A form carries text for one device, a batch of the API that of 1,000: nothing the portal accepts comes near these.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200

INSTALLED_APPS = [
    "smi_portal",
    "accounts",
    "inventory",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django.forms",
    "django_filters",
    "pgtrigger",
    "pghistory",
    "procrastinate.contrib.django",
    "django_structlog",
    "django_migration_linter",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "csp",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "accounts.sign_in.tokens.ApiMiddleware",
    "smi_portal.health.HealthMiddleware",
    "accounts.sign_in.session_store.SessionMiddleware",
    "smi_portal.bounds.SlashMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "smi_portal.bounds.BoundsMiddleware",
    "accounts.sign_in.timeouts.TimeoutMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.sign_in.single_sign_on.ProviderMiddleware",
    "accounts.middleware.ActingMiddleware",
    "accounts.middleware.LimitMiddleware",
    "inventory.look_ups.LookUpMiddleware",
    "accounts.middleware.ScopeMiddleware",
    "accounts.sign_in.enrolment.EnrolmentMiddleware",
    "smi_portal.refusals.pages.RefusalMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "smi_portal.urls"
WSGI_APPLICATION = "smi_portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "accounts.navigation.page_frame",
                "accounts.sign_in.timeouts.page_clock",
            ]
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

LANGUAGE_CODE = "en-gb"
FORMAT_MODULE_PATH = ["smi_portal.formats"]
USE_THOUSAND_SEPARATOR = False
USE_I18N = False  # English alone; a language for each thread cost more than half of a page
TIME_ZONE = "Europe/London"

STATIC_URL = "/static/"
STATIC_ROOT = LOCAL_DIR / "static"
STATICFILES_DIRS = [
    ("govuk", BASE_DIR / "node_modules/govuk-frontend/dist/govuk"),
    ("moj", BASE_DIR / "node_modules/@ministryofjustice/frontend/moj"),
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Shared by all processes, as limits of sign-in are counted in it. Nothing drops out before its time: otherwise a flood
# of guesses would wipe out its own limit. The worker removes each hour what has expired.
CACHES = {
    "default": {
        "BACKEND": "accounts.cache.JsonCache",
        "LOCATION": "portal_cache",
        "KEY_FUNCTION": "accounts.cache.hashed_key",
    }
}

# The demo writes its mails to files.
vars().update(env.email_url("EMAIL_URL", default="smtp://localhost:25"))
if DEMO and "EMAIL_URL" not in env.ENVIRON:
    EMAIL_BACKEND, EMAIL_FILE_PATH = "django.core.mail.backends.filebased.EmailBackend", LOCAL_DIR / "mail"
if EMAIL_BACKEND == "django.core.mail.backends.smtp.EmailBackend":
    EMAIL_BACKEND = "accounts.smtp.EmailBackend"
EMAIL_TIMEOUT = 10  # seconds for each answer of the mail server
EMAIL_SECONDS = 30  # for all of an exchange with it
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="SMI portal <noreply@localhost>")

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in {
        "UserAttributeSimilarityValidator": {"user_attributes": ("email", "name")},
        "MinimumLengthValidator": {"min_length": 12},
        "CommonPasswordValidator": {},
        "NumericPasswordValidator": {},
    }.items()
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "dashboard"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "accounts.sign_in.adapter.AccountAdapter"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if PORTAL_HTTPS else "http"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_EMAIL_NOTIFICATIONS = True  # of a changed password, a factor added or removed
# Failed sign-ins, counted by network address, and by account wherever they come from; codes of a second factor alike.
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,200/h/ip,5/5m/key,100/d/key"}
# How many proxies stand before the portal: the address of a visitor is read that far back in X-Forwarded-For.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXIES", 0)
SESSION_ENGINE = "accounts.sign_in.session_store"
# A session ends after so many seconds without an act of its person, and after so many in any case.
SESSION_IDLE_SECONDS = env.int("SESSION_IDLE_SECONDS", 30 * 60)
SESSION_ABSOLUTE_SECONDS = env.int("SESSION_ABSOLUTE_SECONDS", 12 * 3600)
# Whose it was is known for a day longer: a form may be sent on the next morning.
SESSION_COOKIE_AGE = SESSION_ABSOLUTE_SECONDS + 24 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True  # by whichever way it began
# Before somebody signs in, and after a time-out; at most so many of one network address.
SESSION_OF_NOBODY_SECONDS, SESSIONS_OF_NOBODY = 30 * 60, 1000
# Whether everybody needs a second factor (or a passkey); who has none is led to enrol one.
MFA_REQUIRED = env.bool("MFA_REQUIRED", not DEMO)
MFA_ADAPTER = "accounts.sign_in.mfa.FactorAdapter"
MFA_FORMS = {
    "authenticate": "accounts.sign_in.mfa.CodeForm",
    "reauthenticate": "accounts.sign_in.mfa.CodeAgainForm",
    "activate_totp": "accounts.sign_in.mfa.AppForm",
    "add_webauthn": "accounts.sign_in.mfa.PasskeyForm",
    "edit_webauthn": "accounts.sign_in.mfa.PasskeyNameForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "SMI portal"
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PORTAL_HTTPS  # `localhost` of the demo and the tests
ACCOUNT_FORMS = {"login": "accounts.forms.sign_on.SignInForm"}
SOCIALACCOUNT_ADAPTER = "accounts.sign_in.single_sign_on.SocialAdapter"
SOCIALACCOUNT_LOGIN_ON_GET = True  # a link: the content policy lets no form lead to another site
SOCIALACCOUNT_STORE_TOKENS = False
# Whom the portal asks for the records that prove email domains, such as 192.0.2.53 or [2001:db8::53]:5353; empty: the
# resolvers of the machine.
DNS_RESOLVERS = env.list("DNS_RESOLVERS", default=[])
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# The API: closed by default, JSON alone (pages of it would break the content policy), no parameter of its own.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.access.TokenAuthentication",  # first: it says that a missing sign-in is 401, not 403
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.access.DeclaredPermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["inventory.api.bodies.StrictJSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.limits.RateThrottle"],
    "DEFAULT_SCHEMA_CLASS": "inventory.api.naming.Schema",
    "EXCEPTION_HANDLER": "smi_portal.refusals.problems.handle",
    "URL_FORMAT_OVERRIDE": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "SMI portal",
    "DESCRIPTION": "For systems of suppliers, MAPs and the DCC. How it works in words: the guide.",
    "EXTERNAL_DOCS": {"description": "The guide", "url": urljoin(PORTAL_URL, "/help/api/")},
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "COMPONENT_SPLIT_REQUEST": False,
    "COMPONENT_SPLIT_PATCH": False,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "PREPROCESSING_HOOKS": ["inventory.api.description.only_ours"],
    "POSTPROCESSING_HOOKS": ["inventory.api.description.completed"],
}

# History: who and why stand in each row, as `accounts.acting` sets them; the moment is that of the write itself.
PGHISTORY_CONTEXT_FIELD = pghistory.ContextJSONField()
PGHISTORY_CREATED_AT_FUNCTION = "clock_timestamp()"
PGHISTORY_LEVEL = pghistory.Statement
# Migrations hold only tables and data: `migrate` installs the triggers after them.
PGTRIGGER_MIGRATIONS = False

# The DCC service desk: email address, telephone number and page, separated by commas (`smi_portal.service_desk`).
SERVICE_DESK = env(
    "SERVICE_DESK", default="service.desk@dcc.example, 020 7946 0123, https://dcc.example/service-desk" if DEMO else ""
)

# Which items a MAP sees of its devices: an assumption each installation can change (docs/open-questions.md).
MAP_SEES_MPXN = env.bool("MAP_SEES_MPXN", True)
MAP_SEES_SUPPLIER = env.bool("MAP_SEES_SUPPLIER", True)
MAP_SEES_PREVIOUS_SUPPLIER = env.bool("MAP_SEES_PREVIOUS_SUPPLIER", True)
# First installation day from which a MAP ID may be recorded; empty: any day.
MAP_ID_FROM = env("MAP_ID_FROM", default="")

# Requests a minute to the API, of one token or person, and of all of an organisation together; and look-ups of devices
# that found nothing, a UK day, of one token or person, on pages too.
API_RATE = env.int("API_RATE", 600)
API_RATE_OF_ORGANISATION = env.int("API_RATE_OF_ORGANISATION", 1800)
LOOK_UPS_IN_VAIN = env.int("LOOK_UPS_IN_VAIN", 1000)
LOOK_UPS_IN_VAIN_OF_ORGANISATION = env.int("LOOK_UPS_IN_VAIN_OF_ORGANISATION", 3000)

# Answers kept for an Idempotency-Key, of one organisation: how many, and how many bytes as they are stored.
KEPT_ANSWERS, KEPT_ANSWER_BYTES = 10_000, 100 * 1024 * 1024

# For how many days the audit trail keeps reads and sign-ins; empty: for ever, as it keeps changes.
AUDIT_KEEP_SHORT_DAYS = int(days) if (days := env("AUDIT_KEEP_SHORT_DAYS", default="730")) else None

# After how many days without a sign-in memberships are suspended, and after how many each is to be confirmed again; and
# how many days before somebody is told (`smi_portal.checks` compares them).
DORMANT_DAYS, DORMANT_TOLD_DAYS = env.int("DORMANT_DAYS", 90), 14
ACCESS_REVIEW_DAYS, ACCESS_REVIEW_TOLD_DAYS = env.int("ACCESS_REVIEW_DAYS", 365), 30

# Jobs that succeeded leave nothing behind: one runs every minute.
# Several at one time, so that a slow mail server does not hold up what is due by the clock.
PROCRASTINATE_WORKER_DEFAULTS = {"delete_jobs": "successful", "shutdown_graceful_timeout": 10, "concurrency": 4}


DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = True  # of the form that `ApiMiddleware` lets through
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
                logs.masked_line,
            ],
            "foreign_pre_chain": [
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="iso"),
            ],
        }
    },
    "handlers": {
        "json": {
            "formatter": "json",
            **(
                {"class": "logging.FileHandler", "filename": LOCAL_DIR / "portal.log", "delay": True}
                if DEMO
                else {"class": "logging.StreamHandler"}
            ),
        }
    },
    "root": {"handlers": ["json"], "level": env("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        "procrastinate": {"level": "WARNING"},  # else each command lists the tasks, and each minute several lines
    },
}


logging.setLogRecordFactory(logs.MaskedRecord)
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.filter_by_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.format_exc_info,
        logs.masked_event,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
