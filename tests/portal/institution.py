"""An institution's sign-in for the tests: django-allauth's own OpenID provider, in a process of its own.

    python institution.py FOLDER PORT CALLBACK

It knows one person, and a client that may send people to CALLBACK.  One JSON line says that it answers.
"""

import json
import sys
from pathlib import Path

import django
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings


def main(folder: Path, port: int, callback: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    settings.configure(
        SECRET_KEY="a key of the tests alone, for a provider that lives a minute", ROOT_URLCONF="institution",
        ALLOWED_HOSTS=["127.0.0.1", "localhost"], USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[
            "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
            "django.contrib.messages", "allauth", "allauth.account", "allauth.idp.oidc",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware", "allauth.account.middleware.AccountMiddleware",
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "institution.sqlite")}},
        TEMPLATES=[{
            "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        }],
        AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
        ACCOUNT_EMAIL_VERIFICATION="none", IDP_OIDC_PRIVATE_KEY=pem, LOGGING_CONFIG=None,
    )  # fmt: skip
    django.setup()
    from wsgiref.simple_server import WSGIRequestHandler, make_server

    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    call_command("migrate", verbosity=0)
    from allauth.idp.oidc.models import Client

    get_user_model().objects.create_user("s0001", password="a pass word of the institution")
    client = Client(
        id="comity", name="Comity", scopes="openid\nprofile", redirect_uris=callback, skip_consent=True,
    )  # fmt: skip
    client.set_secret("the secret of the client")
    client.save()

    class Quiet(WSGIRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Nothing."""

    server = make_server("127.0.0.1", port, get_wsgi_application(), handler_class=Quiet)
    print(json.dumps({"institution": f"http://127.0.0.1:{port}"}), flush=True)
    server.serve_forever()


def _addresses() -> list[object]:
    from django.urls import include, path

    return [path("", include("allauth.idp.urls")), path("accounts/", include("allauth.account.urls"))]


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
else:
    urlpatterns = _addresses()
