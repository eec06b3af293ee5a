"""``bitquery-auth token`` and ``bitquery-auth revoke``: the token that is kept between runs."""

from __future__ import annotations

import json as json_module
import sys

from bitquery_auth import StaticToken
from bitquery_auth._cli.exits import OK
from bitquery_auth._cli.surroundings import source
from bitquery_auth._cli.terminal import waiting
from bitquery_auth._errors import ConfigurationError

_LEAST_LIFE = 60.0
"""Seconds that a printed token is good for, if the server lets tokens live that long: it is used elsewhere."""


def token(*, header: bool, json: bool) -> int:
    """Print a valid access token.

    Args:
        header: Print it as a header.
        json: Print it as JSON, with what is known of it.
    """
    kept = source()
    with waiting("asking for a token"):
        given = kept.token()
        if given.expires_in is not None and given.expires_in < _LEAST_LIFE:
            given = kept.renew()
    if header:
        print(f"Authorization: Bearer {given.access_token}")
    elif json:
        members = {
            "access_token": given.access_token,
            "token_type": given.token_type,
            "scope": given.scope,
            "expires_at": None if given.expires_at is None else given.expires_at.isoformat(),
        }
        print(json_module.dumps(members))
    else:
        print(given.access_token)
    return OK


def revoke() -> int:
    """Revoke the token that is kept, and forget it.

    Raises:
        ConfigurationError: the token is a static one.
    """
    kept = source()
    if isinstance(kept, StaticToken):
        raise ConfigurationError(
            "A token from the account page is revoked there: it has no client secret to be revoked with."
        )
    with waiting("revoking the token"):
        revoked = kept.revoke()
    print("The token is revoked." if revoked else "No token was kept: nothing to revoke.", file=sys.stderr)
    return OK
