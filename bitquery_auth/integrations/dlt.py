"""The auth for dlt's ``rest_api`` source, which takes none but its own kind; dlt's ``RESTClient`` takes `RequestsAuth`.

::

    rest_api_source({"client": {"base_url": url, "auth": DltAuth(ClientCredentials.from_env())}, "resources": ...})
"""

from __future__ import annotations

from typing import Any

from dlt.sources.helpers.rest_client.auth import AuthConfigBase

from bitquery_auth._errors import conceals
from bitquery_auth._requests_auth import RequestsAuth

__all__ = ["DltAuth"]


class DltAuth(RequestsAuth, AuthConfigBase):  # type: ignore[misc, unused-ignore]  # where dlt is not installed
    """A `RequestsAuth` that dlt takes for one of its own: the same arguments, the same behaviour.

    dlt has nothing to resolve or to mask in it: it has none of the fields in which dlt keeps secrets. The copies
    that dlt makes of a source's configuration have the same token.
    """

    __is_resolved__ = True  # by whoever made it: there is nothing for dlt to look up in its configuration

    @conceals
    def __init__(self, *args: Any, **settings: Any) -> None:
        AuthConfigBase.__init__(self)
        RequestsAuth.__init__(self, *args, **settings)

    def copy(self) -> DltAuth:
        """Give itself, as every other way of copying does."""
        return self
