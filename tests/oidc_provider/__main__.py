"""An OpenID Connect provider of its own, as an organisation has one: django-allauth's `idp` app, in its own process.

`python -m tests.oidc_provider PORT FOLDER`: its database and what the test wants of it lie in the folder.
"""

import json
import sys
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings

PORT, FOLDER = int(sys.argv[1]), Path(sys.argv[2])


def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*pem).decode()


settings.configure(
    SECRET_KEY="of the provider alone",
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    ROOT_URLCONF="tests.oidc_provider.urls",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "provider.sqlite3"}},
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "allauth",
        "allauth.account",
        "allauth.idp.oidc",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "allauth.account.middleware.AccountMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # it guards nobody
    ACCOUNT_LOGIN_METHODS={"email"},
    ACCOUNT_SIGNUP_FIELDS=["email*", "password1*"],
    ACCOUNT_EMAIL_VERIFICATION="none",
    ACCOUNT_RATE_LIMITS=False,
    SESSION_COOKIE_NAME="provider_session",  # cookies do not tell ports apart
    CSRF_COOKIE_NAME="provider_csrf",
    LOGIN_URL="account_login",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    IDP_OIDC_PRIVATE_KEY=private_key(),
    IDP_OIDC_ADAPTER="tests.oidc_provider.adapter.Adapter",
    WANTED=FOLDER / "wanted.json",
    USE_TZ=True,
)
django.setup()


def prepare() -> None:
    """Its tables, the portal as a client, and its people."""
    from allauth.account.models import EmailAddress
    from allauth.idp.oidc.models import Client
    from django.contrib.auth.models import User
    from django.core.management import call_command

    wanted = json.loads(settings.WANTED.read_text())
    call_command("migrate", verbosity=0)
    client = Client(id=wanted["client_id"], name="The portal", skip_consent=True)
    client.set_scopes(["openid", "profile", "email"])
    client.set_secret(wanted["secret"])
    client.save()
    for email in wanted["people"]:
        user = User.objects.create_user(username=email, email=email, password=wanted["password"])
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        """Nothing of what it serves is printed."""


prepare()
from django.core.wsgi import get_wsgi_application  # noqa: E402  (settings come first)

make_server("127.0.0.1", PORT, get_wsgi_application(), Server, Quiet).serve_forever()
