"""Real authorization servers on loopback, for tests to run against.

Each is a context manager that starts the server, yields an `AuthorizationServer`, and stops it; one
that this machine cannot run raises `Unavailable`, which says what is missing.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from ._server import AuthorizationServer, Unavailable
from .django_oauth_toolkit import django_oauth_toolkit
from .haproxy import hydra_behind_haproxy
from .hydra import hydra
from .oidc_provider import oidc_provider

SERVERS: Mapping[str, Callable[[], AbstractContextManager[AuthorizationServer]]] = {
    "django-oauth-toolkit": django_oauth_toolkit,
    "oidc-provider": oidc_provider,
    "hydra": hydra,
    "hydra-haproxy": hydra_behind_haproxy,
}

__all__ = ["SERVERS", "AuthorizationServer", "Unavailable"]
