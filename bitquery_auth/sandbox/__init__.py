"""A stand-in for Bitquery on this machine, for demonstrations and for tests.

It speaks real HTTP on loopback, answers at the token endpoint as Ory Hydra does (the server behind
``oauth2.bitquery.io``) and at ``/graphql`` as ``streaming.bitquery.io`` does, counts what it was
asked, and fails on demand::

    with Sandbox(lifetime=3) as sandbox:
        session.auth = RequestsAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)
        session.post(sandbox.graphql_endpoint, json={"query": "{ EVM { DEXTrades { Block { Time } } } }"})
        sandbox.revoke_all()

Once the package is installed, pytest finds a started one as the fixture ``bitquery_sandbox``.
"""

from bitquery_auth.sandbox._messages import Recorded
from bitquery_auth.sandbox._sandbox import Sandbox

__all__ = ["Recorded", "Sandbox"]
