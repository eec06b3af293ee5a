"""The views of the Django project that `dot_process.py` serves: toolkit, API and controls."""

# The lint environment may lack these packages, which have no types either.
# mypy: disable-error-code="import-not-found, import-untyped"
# pyright: reportMissingImports=false, reportMissingModuleSource=false

import json
from collections import Counter
from collections.abc import Callable
from threading import Lock

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.models import get_access_token_model, get_application_model
from oauth2_provider.oauth2_backends import get_oauthlib_core
from oauth2_provider.views import RevokeTokenView, TokenView

_counts: Counter[str] = Counter()
_counts_lock = Lock()


def count_requests(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: count the requests to each path before anything looks at them."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        with _counts_lock:
            _counts[request.path] += 1
        return get_response(request)

    return middleware


def api(request: HttpRequest) -> HttpResponse:
    authorization = request.META.get("HTTP_AUTHORIZATION", "")
    if authorization and " " not in authorization:  # a bare token, which the toolkit does not know
        request.META["HTTP_AUTHORIZATION"] = f"Bearer {authorization}"
    valid, _ = get_oauthlib_core().verify_request(request, scopes=[])
    if not valid:
        return HttpResponse(b"Unauthorized", status=401, content_type="text/plain")
    return JsonResponse({"data": {"ok": True}}, json_dumps_params={"separators": (",", ":")})


def clients(request: HttpRequest) -> HttpResponse:
    wanted = json.loads(request.body)
    application = get_application_model()
    application.objects.update_or_create(
        client_id=wanted["client_id"],
        defaults={
            "client_secret": wanted["client_secret"],
            "hash_client_secret": False,  # hashing takes 0.1 s for each token request
            "client_type": application.CLIENT_CONFIDENTIAL,
            "authorization_grant_type": application.GRANT_CLIENT_CREDENTIALS,
        },
    )
    settings.TOKEN_LIFETIMES.pop(wanted["client_id"], None)
    if wanted["lifetime"] is not None:
        settings.TOKEN_LIFETIMES[wanted["client_id"]] = wanted["lifetime"]
    return HttpResponse(status=204)


def revoke_all(request: HttpRequest) -> HttpResponse:
    get_access_token_model().objects.all().delete()
    return HttpResponse(status=204)


def counts(request: HttpRequest) -> HttpResponse:
    with _counts_lock:
        if request.method == "DELETE":
            _counts.clear()
        return JsonResponse(_counts)


urlpatterns = [
    path("o/token/", TokenView.as_view()),
    path("o/revoke_token/", RevokeTokenView.as_view()),
    path("graphql", csrf_exempt(api)),
    path("_control/clients", csrf_exempt(clients)),
    path("_control/revoke_all", csrf_exempt(revoke_all)),
    path("_control/counts", csrf_exempt(counts)),
]
