"""The auth for dlt's ``rest_api`` source. dlt's ``RESTClient`` takes `RequestsAuth`."""

from __future__ import annotations

from dlt.sources.helpers.rest_client.auth import AuthConfigBase

from bitquery_auth._auth.requests import RequestsAuth

__all__ = ["DltAuth"]


class DltAuth(RequestsAuth, AuthConfigBase):  # type: ignore[misc, unused-ignore]  # where dlt is not installed
    """A `RequestsAuth` for the configuration of dlt's ``rest_api`` source, with the same arguments.

    ::

        auth = DltAuth(ClientCredentials.from_env())
        rest_api_source({"client": {"base_url": url, "auth": auth}, "resources": ...})

    dlt finds no secrets to resolve or to mask in it. The copies that dlt makes of a configuration
    share its token.
    """

    __is_resolved__ = True  # dlt has nothing to look up for it
    __init__ = RequestsAuth.__init__  # dlt would make one from the fields of the class

    def copy(self) -> DltAuth:
        """Return the auth itself, as every other way of copying does."""
        return self
