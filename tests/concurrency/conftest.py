"""A source whose fetches are held, and one whose token was revoked."""

from functools import partial

import pytest

from bitquery_auth import ClientCredentials
from bitquery_auth.sandbox import Sandbox
from tests.concurrency.crowds import IN_TASKS, IN_THREADS, RequestsAtOnce
from tests.kit.crowd import Callers, HeldSecret, source_with


@pytest.fixture
def secret(sandbox: Sandbox) -> HeldSecret:
    """Holds the fetches of `source`."""
    return HeldSecret(sandbox)


@pytest.fixture
def source(sandbox: Sandbox, secret: HeldSecret) -> ClientCredentials:
    """A source without a token."""
    return source_with(sandbox, secret)


@pytest.fixture
def used(source: ClientCredentials, secret: HeldSecret) -> ClientCredentials:
    """A source that has a token, and whose next fetch is held."""
    secret.release()
    source.token()
    secret.hold()
    return source


@pytest.fixture
def callers(source: ClientCredentials) -> Callers:
    """Counts the callers of `source`."""
    return Callers(source)


@pytest.fixture
def revoked(sandbox: Sandbox) -> ClientCredentials:
    """A source whose token was revoked, and whose fetches are not held."""
    source = sandbox.credentials()
    source.token()
    sandbox.revoke_all()
    return source


@pytest.fixture(params=[*IN_THREADS, *IN_TASKS])
def requests_at_once(request: pytest.FixtureRequest, sandbox: Sandbox) -> RequestsAtOnce:
    """One client, in threads or in tasks of one event loop."""
    return partial((IN_THREADS | IN_TASKS)[request.param], sandbox)
