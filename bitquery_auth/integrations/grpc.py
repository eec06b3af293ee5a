"""The auth for gRPC, of Bitquery's CoreCast streams: call credentials that add the token to each call's metadata.

::

    auth = grpc.metadata_call_credentials(GrpcAuth(ClientCredentials.from_env()))
    channel = grpc.secure_channel("corecast.bitquery.io:443",
        grpc.composite_channel_credentials(grpc.ssl_channel_credentials(), auth))

gRPC does not tell call credentials what became of a call, so a refusal is not answered here: after one that ended
as ``UNAUTHENTICATED`` call the source's ``renew()``, and the next call carries another token.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from urllib.parse import urlsplit

import grpc

from bitquery_auth import _bitquery
from bitquery_auth._auth import Auth
from bitquery_auth._errors import BitqueryAuthError, conceals
from bitquery_auth._flight import run_in_thread
from bitquery_auth._hosts import Origin
from bitquery_auth._token import TokenSource

__all__ = ["GrpcAuth"]


class GrpcAuth(Auth, grpc.AuthMetadataPlugin):  # type: ignore[misc]  # gRPC has no types
    """Puts the token of a source on calls to the hosts that may see it.

    Args:
        source: Where tokens come from.
        allowed_hosts: Hosts that may see the token, as the channel's authority names them. Calls to others go
            without it.
        header_name: The metadata's key.
        scheme: What stands before the token in it; ``""``: nothing.

    Raises:
        ConfigurationError: a setting is missing or wrong; the message names it.
    """

    @conceals
    def __init__(
        self,
        source: TokenSource,
        *,
        allowed_hosts: Iterable[str] = _bitquery.HOSTS,
        header_name: str = "authorization",
        scheme: str = "Bearer",
    ) -> None:
        super().__init__(source, allowed_hosts=allowed_hosts, header_name=header_name.lower(), scheme=scheme)
        self._settings = {name: self._settings[name] for name in ("allowed_hosts", "header_name", "scheme")}

    def __call__(self, context: grpc.AuthMetadataContext, callback: grpc.AuthMetadataPluginCallback) -> None:
        """Give a call's metadata, from a thread of its own: whichever thread gRPC asks on, it goes on at once.

        A call without a token to be had ends as gRPC's own error, with the reason in its details.
        """
        run_in_thread(partial(self._give, context.service_url, callback))

    def _give(self, service_url: str, callback: grpc.AuthMetadataPluginCallback) -> None:
        try:
            parts = urlsplit(service_url)
            key = (parts.scheme, parts.netloc)
            destination = self._destinations.get(key) or self._judge(
                key, Origin.of(parts.scheme, parts.hostname or "", parts.port)
            )
            metadata: tuple[tuple[str, str], ...] = ()
            if destination.is_allowed:
                metadata = ((self._header_name, str(self._header_for(self._source.token()))),)
        except Exception as error:  # noqa: BLE001 - a call whose callback is never called waits for ever
            callback((), error if isinstance(error, BitqueryAuthError) else RuntimeError(type(error).__name__))
        else:
            callback(metadata, None)
