"""A stand-in for Bitquery on this machine, for demonstrations and for tests.

It speaks HTTP on loopback. Its token endpoint responds as Ory Hydra does, the server behind
``oauth2.bitquery.io``, and ``/graphql`` responds as ``streaming.bitquery.io`` does. It counts the
requests, and it fails on demand::

    with Sandbox(lifetime=3) as sandbox:
        session.auth = RequestsAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)
        query = {"query": "{ EVM { Blocks { Block { Number } } } }"}
        session.post(sandbox.graphql_endpoint, json=query)
        sandbox.revoke_all()
        assert session.post(sandbox.graphql_endpoint, json=query).ok
        assert sandbox.token_requests == 2

Once the package is installed, pytest has a started one as the fixture ``bitquery_sandbox``.
With the library websockets, ``websocket_endpoint`` serves subscriptions.
"""

from bitquery_auth.sandbox._hydra import AuthMethod
from bitquery_auth.sandbox._messages import Recorded, Subscription
from bitquery_auth.sandbox._sandbox import Sandbox

__all__ = ["AuthMethod", "Recorded", "Sandbox", "Subscription"]
