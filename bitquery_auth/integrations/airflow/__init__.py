"""The auth for Airflow, and its ``HttpOperator`` whose deferred requests carry a token, too.

``HttpHook`` and ``HttpOperator`` take the class `AirflowAuth` itself::

    HttpHook(http_conn_id="bitquery", auth_type=AirflowAuth)

Set the credentials of the application in the environment, as for `bitquery_auth.from_env`, and use
a connection without login. Airflow's ``HttpSensor``, its triggers and its "Test connection" send
the login and password of a connection to its host, as Basic credentials: the client secret would
reach the API. `HttpSensor` has no ``auth_type``, so it sends no token either: write a sensor with
``@task.sensor`` that uses an ``HttpHook``.

A deferred ``HttpOperator`` of Airflow's own ignores the auth. The one of this module does not::

    from bitquery_auth.integrations.airflow import HttpOperator

    HttpOperator(task_id="trades", http_conn_id="bitquery", deferrable=True, ...)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from bitquery_auth.integrations.airflow._auth import AirflowAuth

if TYPE_CHECKING:
    from bitquery_auth.integrations.airflow._deferrable import HttpOperator as HttpOperator
    from bitquery_auth.integrations.airflow._deferrable import HttpTrigger as HttpTrigger
else:
    __all__ = ["AirflowAuth", "HttpOperator", "HttpTrigger"]

    def __getattr__(name: str) -> object:
        """Load what needs Airflow's operators when it is first used."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}._deferrable"), name)
