"""Settings of every portal: sessions, forms, sign-in, languages, and what a page may load."""

from pathlib import Path
from typing import Any, Final

from comity.portal.house import House
from comity.portal.projections.place import PROJECTIONS, reading
from comity.portal.themes import PLAIN
from comity.portal.vendored import FOLDER as VENDORED

__all__ = ["CSP", "PROJECTIONS", "base"]

HERE: Final = Path(__file__).resolve().parents[1]
ACCOUNTS: Final = "accounts.sqlite"

CSP: Final[dict[str, list[str]]] = {
    "default-src": ["'none'"],
    "style-src": ["'self'"],
    "script-src": ["'self'"],
    "font-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "connect-src": ["'self'"],
    "form-action": ["'self'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
}
"""What a page may load: its own style, script and pictures. No inline script or style, no nonce, nothing foreign."""

DAY: Final = 86_400
KEPT: Final = 1_500
"""Parts of pages that a process keeps: some thirty megabytes."""


def base(house: House) -> dict[str, Any]:
    """What holds wherever the portal is served."""
    return {
        "SECRET_KEY": house.secret_key,
        "DEBUG": False,
        "ALLOWED_HOSTS": [],
        "ROOT_URLCONF": "comity.portal.urls",
        "INSTALLED_APPS": [
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django.contrib.staticfiles",
            "csp",
            "rules",
            "allauth",
            "allauth.account",
            "allauth.mfa",
            "allauth.socialaccount",
            "allauth.socialaccount.providers.openid_connect",
            "comity.portal.accounts",
            "comity.portal.projections",
            "comity.portal.rooms",
        ],
        "MIDDLEWARE": [
            "django.middleware.security.SecurityMiddleware",
            "csp.middleware.CSPMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.locale.LocaleMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
            "allauth.account.middleware.AccountMiddleware",
            "comity.portal.accounts.gate.SecondFactorGate",
            "comity.portal.rooms.frame.FrameMiddleware",
        ],
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [HERE / "templates"],
                "APP_DIRS": house.theme == PLAIN,
                "OPTIONS": {
                    **_loaders(house),
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                        "comity.portal.rooms.frame.frame",
                    ],
                    "builtins": ["django.templatetags.i18n", "comity.portal.rooms.templatetags.rooms",
                                 "comity.portal.rooms.templatetags.kept"],
                },
            }
        ],
        "CACHES": {"default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": KEPT},
        }},
        **_databases(house),
        **_sign_in(),
        **_institution(house),
        "X_FRAME_OPTIONS": "DENY",
        "SECURE_REFERRER_POLICY": "same-origin",
        "SECURE_CONTENT_TYPE_NOSNIFF": True,
        "SECURE_CROSS_ORIGIN_OPENER_POLICY": "same-origin",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_AGE": DAY // 2,
        "SESSION_EXPIRE_AT_BROWSER_CLOSE": True,
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_FAILURE_VIEW": "comity.portal.rooms.refusals.forged",
        "DATA_UPLOAD_MAX_MEMORY_SIZE": 1_048_576,
        "DATA_UPLOAD_MAX_NUMBER_FIELDS": 400,
        "STATIC_URL": "/static/",
        "STATICFILES_DIRS": [
            ("portal", HERE / "static" / "portal"),
            *([("vendor", house.path / VENDORED)] if (house.path / VENDORED).is_dir() else []),
        ],
        "STATICFILES_FINDERS": [
            "django.contrib.staticfiles.finders.FileSystemFinder",
            "django.contrib.staticfiles.finders.AppDirectoriesFinder",
        ],
        "STORAGES": {
            "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
            "staticfiles": {"BACKEND": "comity.portal.rooms.files.Named"},
        },
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "USE_I18N": True,
        "LANGUAGE_CODE": "en",
        "LANGUAGES": [("en", "English"), ("fr", "Français")],
        "LOCALE_PATHS": [HERE / "locale"],
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "LOGGING_CONFIG": None,
        "SILENCED_SYSTEM_CHECKS": [],
    }


def _loaders(house: House) -> dict[str, Any]:
    """How templates are read under a theme; the plain one leaves that to Django."""
    if house.theme == PLAIN:
        return {}
    ours = ("comity.portal.themed.ThemedLoader", house.theme, [HERE / "templates"])
    return {"loaders": [
        ("django.template.loaders.cached.Loader", [ours, "django.template.loaders.app_directories.Loader"]),
    ]}  # fmt: skip


def _databases(house: House) -> dict[str, Any]:
    """Accounts are written here; projections are opened so that nothing can be written through them."""
    return {
        "DATABASES": {
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(house.path / ACCOUNTS),
                "CONN_MAX_AGE": None,
                "OPTIONS": {"timeout": 10, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL;"},
            },
            "projections": reading(house),
        },
        "DATABASE_ROUTERS": ["comity.portal.projections.fence.Router"],
    }


def _institution(house: House) -> dict[str, Any]:
    """Sign-in through an institution, where the house has one; its server is where a form may lead."""
    one = house.institution
    if one is None:
        strict = {"DIRECTIVES": CSP}
        return {"CONTENT_SECURITY_POLICY": strict, "SOCIALACCOUNT_PROVIDERS": {}, "INSTITUTION_CLAIM": "sub"}
    app = {
        "provider_id": "institution", "name": one.name, "client_id": one.client_id, "secret": one.secret,
        "settings": {"server_url": one.server, "oauth_pkce_enabled": True},
    }  # fmt: skip
    return {
        "CONTENT_SECURITY_POLICY": {"DIRECTIVES": CSP | {"form-action": ["'self'", one.origin]}},
        "SOCIALACCOUNT_PROVIDERS": {"openid_connect": {"APPS": [app], "SCOPE": ["openid", "profile"]}},
        "INSTITUTION_CLAIM": one.claim,
    }


def _sign_in() -> dict[str, Any]:
    return {
        "AUTH_USER_MODEL": "accounts.Account",
        "AUTHENTICATION_BACKENDS": [
            "comity.portal.permissions.RulesBackend",
            "allauth.account.auth_backends.AuthenticationBackend",
        ],
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.Argon2PasswordHasher"],
        "AUTH_PASSWORD_VALIDATORS": [
            {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
            {
                "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
                "OPTIONS": {"min_length": 12},
            },
            {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
        ],
        "LOGIN_URL": "account_login",
        "LOGIN_REDIRECT_URL": "portfolio",
        "ACCOUNT_LOGOUT_REDIRECT_URL": "register",
        "ACCOUNT_ADAPTER": "comity.portal.accounts.adapter.Adapter",
        "SOCIALACCOUNT_ADAPTER": "comity.portal.accounts.adapter.InstitutionAdapter",
        "ACCOUNT_USER_MODEL_EMAIL_FIELD": "email",
        "ACCOUNT_LOGIN_METHODS": {"username"},
        "ACCOUNT_SIGNUP_FIELDS": ["username*", "password1*"],
        "ACCOUNT_EMAIL_VERIFICATION": "none",
        "ACCOUNT_SESSION_REMEMBER": False,
        "ACCOUNT_REAUTHENTICATION_TIMEOUT": 300,
        "ACCOUNT_REAUTHENTICATION_REQUIRED": True,
        "MFA_SUPPORTED_TYPES": ["webauthn", "totp", "recovery_codes"],
        "MFA_PASSKEY_LOGIN_ENABLED": True,
        "MFA_TOTP_ISSUER": "Comity",
        "MFA_ALLOW_UNVERIFIED_EMAIL": True,
        "EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend",
        "LINK_IS_ENOUGH": False,
    }
