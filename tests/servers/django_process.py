"""The process of `django_oauth_toolkit.py`: `python django_process.py PORT DATABASE_FILE`."""

# The lint environment may lack these packages, which have no types either.
# mypy: disable-error-code="import-not-found, import-untyped"
# pyright: reportMissingImports=false, reportMissingModuleSource=false, reportArgumentType=false

import json
import sys
from typing import Any

import django
import waitress
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

_DEFAULT_LIFETIME = 3600
_lifetimes: dict[str, int | None] = {}
urlpatterns: list[Any] = []


def _lifetime_of_token(request: Any) -> int:
    return _lifetimes.get(request.client.client_id) or _DEFAULT_LIFETIME


def _configure(database: str) -> None:
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1", "localhost"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": database,
                # Several token requests may write at once: let them queue from their first
                # statement on, as SQLite does not wait for a lock in the middle of a transaction.
                "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
        LOGGING_CONFIG=None,
        # It adds Content-Length, without which no connection can be kept.
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
        # Creating the tables at once, instead of replaying their history, saves most of the start.
        MIGRATION_MODULES={"auth": None, "contenttypes": None, "oauth2_provider": None},
        OAUTH2_PROVIDER={
            "SCOPES": {"api": "", "read": "", "write": ""},
            # oauthlib takes a callable here, which is how a lifetime can belong to one client.
            "EXTRA_SERVER_KWARGS": {"token_expires_in": _lifetime_of_token},
        },
        ROOT_URLCONF=__name__,
        SECRET_KEY="known to every reader of the tests",
        USE_TZ=True,
    )
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)


def _register_client(request: HttpRequest) -> HttpResponse:
    from oauth2_provider.models import get_application_model  # noqa: PLC0415 - after the setup

    client = json.loads(request.body)
    application = get_application_model()
    application.objects.update_or_create(
        client_id=client["client_id"],
        defaults={
            "client_secret": client["client_secret"],
            "hash_client_secret": False,  # hashing takes 0.1 s for each token request
            "client_type": application.CLIENT_CONFIDENTIAL,
            "authorization_grant_type": application.GRANT_CLIENT_CREDENTIALS,
        },
    )
    _lifetimes[client["client_id"]] = client.get("lifetime")
    return HttpResponse(status=204)


def _revoke_all(_: HttpRequest) -> HttpResponse:
    from oauth2_provider.models import get_access_token_model  # noqa: PLC0415 - after the setup

    get_access_token_model().objects.all().delete()
    return HttpResponse(status=204)


def main(port: int, database: str) -> None:
    _configure(database)
    from django.views.decorators.csrf import csrf_exempt  # noqa: PLC0415 - after the setup
    from oauth2_provider import views  # noqa: PLC0415 - after the setup

    urlpatterns.extend(
        [
            path("o/token/", views.TokenView.as_view()),
            path("o/revoke_token/", views.RevokeTokenView.as_view()),
            path("o/introspect/", csrf_exempt(views.IntrospectTokenView.as_view())),
            path("_control/clients", csrf_exempt(_register_client)),
            path("_control/revoke_all", csrf_exempt(_revoke_all)),
        ]
    )
    # Not Django's development server: that one cannot read a body sent in chunks.
    waitress.serve(get_wsgi_application(), host="127.0.0.1", port=port, threads=16, _quiet=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
