"""Airflow's operator and trigger for deferred requests, with a token."""

from __future__ import annotations

from typing import Any

import aiohttp
import requests
from airflow.providers.http.hooks.http import HttpAsyncHook
from airflow.providers.http.operators import http as operators
from airflow.providers.http.triggers import http as triggers

from bitquery_auth.integrations.aiohttp import AiohttpAuth
from bitquery_auth.integrations.airflow._auth import AirflowAuth

__all__ = ["HttpOperator", "HttpTrigger"]


class HttpTrigger(triggers.HttpTrigger):
    """Airflow's `HttpTrigger`, whose request carries a token that is valid when it is sent.

    Its ``auth_type`` is the path of `AirflowAuth` or of a subclass.
    """

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the path of this class, and its arguments."""
        _, arguments = super().serialize()
        return f"{__package__}.{type(self).__name__}", arguments

    async def _get_response(self, hook: HttpAsyncHook) -> requests.Response:
        credentials: list[str] = []
        # The hook makes an auth from the login of its connection. It is not to send these itself.
        hook.auth_type = lambda *login: credentials.extend(login)
        await hook.config()
        auth_type: type[AirflowAuth] = self.auth_type
        auth = AiohttpAuth(auth_type.source(*credentials), allowed_hosts=auth_type.allowed_hosts)
        async with aiohttp.ClientSession(middlewares=(auth,)) as session:
            response = await hook.run(
                session=session,
                endpoint=self.endpoint,
                data=self.data,
                headers=self.headers,
                extra_options=self.extra_options,
            )
            converted: requests.Response = await self._convert_response(response)
            return converted


class HttpOperator(operators.HttpOperator):
    """Airflow's `HttpOperator` with an `AirflowAuth`, whether it is deferred or not.

    Args:
        auth_type: `AirflowAuth` or a subclass.
        options: Those of Airflow's class.
    """

    def __init__(self, *, auth_type: type[AirflowAuth] = AirflowAuth, **options: Any) -> None:
        super().__init__(auth_type=auth_type, **options)

    def defer(self, *, trigger: triggers.HttpTrigger, **options: Any) -> None:
        """Defer with a trigger whose request carries a token."""
        _, arguments = trigger.serialize()
        super().defer(trigger=HttpTrigger(**arguments), **options)
