"""The process that `dot.py` starts: `python dot_process.py PORT DATABASE_FILE`."""

# The lint environment may lack these packages, which have no types either.
# mypy: disable-error-code="import-not-found, import-untyped"
# pyright: reportMissingImports=false, reportMissingModuleSource=false, reportArgumentType=false

import sys
from typing import Any

import django
import waitress
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

_DEFAULT_LIFETIME = 3600
_lifetimes: dict[str, int] = {}


def _lifetime_of_token(request: Any) -> int:
    return _lifetimes.get(request.client.client_id, _DEFAULT_LIFETIME)


def main(port: int, database: str) -> None:
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1", "localhost"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": database,
                # Several token requests may write at once: let them queue from their first
                # statement on,
                # as SQLite does not wait for a lock in the middle of a transaction.
                "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
        LOGGING_CONFIG=None,
        # The second adds Content-Length, without which no connection can be kept.
        MIDDLEWARE=["dot_urls.count_requests", "django.middleware.common.CommonMiddleware"],
        # Creating the tables at once, instead of replaying their history, saves most of the start.
        MIGRATION_MODULES={"auth": None, "contenttypes": None, "oauth2_provider": None},
        # The default takes a tenth of a second for each request, on purpose.
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        OAUTH2_PROVIDER={
            "SCOPES": {"api": "", "read": "", "write": ""},
            # oauthlib takes a callable here, which is how a lifetime can belong to one client.
            "EXTRA_SERVER_KWARGS": {"token_expires_in": _lifetime_of_token},
        },
        ROOT_URLCONF="dot_urls",
        SECRET_KEY="known to every reader of the tests",
        TOKEN_LIFETIMES=_lifetimes,
        USE_TZ=True,
    )
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    # Not Django's development server: that one cannot read a body sent in chunks.
    waitress.serve(get_wsgi_application(), host="127.0.0.1", port=port, threads=16, _quiet=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
