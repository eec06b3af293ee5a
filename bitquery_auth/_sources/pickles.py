"""The sources that pickles bring: a process has one for equal settings, so that tasks share it.

Example: each task of a Celery or Dask worker brings a pickle of its auth.
"""

from __future__ import annotations

import hashlib
import pickle
from typing import Any

from bitquery_auth._memory import remember
from bitquery_auth._sources.cache import CachingTokenSource, fingerprint

_sources: dict[str, CachingTokenSource] = {}


def unpickle(
    kind: type[CachingTokenSource],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    default_allowed_hosts: tuple[str, ...] | None,
) -> CachingTokenSource:
    """Return the source that a pickle describes: the one of an earlier pickle if they are equal."""
    description = (kind, args, kwargs, default_allowed_hosts)
    try:
        key = hashlib.sha256(pickle.dumps(description)).hexdigest()
    except (pickle.PicklingError, AttributeError, TypeError):  # Airflow's auth may have a lambda
        key = fingerprint("", [kind.__qualname__, *description[1:]])
    source = _sources.get(key)
    if source is None:
        source = kind(*args, **kwargs)
        source.default_allowed_hosts = default_allowed_hosts
        return remember(_sources, key, source)
    return source
