"""``bitquery-auth token`` and ``bitquery-auth revoke``: the token that is kept between runs."""

from __future__ import annotations

import json

from bitquery_auth import StaticToken
from bitquery_auth._cli.exit_codes import OK
from bitquery_auth._cli.messages import print_to_stderr
from bitquery_auth._cli.settings import Settings
from bitquery_auth._errors import ConfigurationError


def token(*, settings: Settings, header: bool, as_json: bool) -> int:
    """Print a valid access token.

    Args:
        settings: The invocation's settings.
        header: Print it as a header.
        as_json: Print it as JSON, with its type, scope and expiry.
    """
    token = settings.source.token()
    if header:
        print(f"Authorization: Bearer {token.access_token}")
    elif as_json:
        members = {
            "access_token": token.access_token,
            "token_type": token.token_type,
            "scope": token.scope,
            "expires_at": None if token.expires_at is None else token.expires_at.isoformat(),
        }
        print(json.dumps(members))
    else:
        print(token.access_token)
    return OK


def revoke(*, settings: Settings) -> int:
    """Revoke the token that is kept, and forget it.

    Raises:
        ConfigurationError: The source is a static token.
    """
    source = settings.source
    if isinstance(source, StaticToken):
        raise ConfigurationError(
            "A token from the account page can only be revoked there: revoking it here needs the "
            "application's id and secret."
        )
    revoked = source.revoke()
    print_to_stderr("The token is revoked." if revoked else "No token was kept.")
    return OK
