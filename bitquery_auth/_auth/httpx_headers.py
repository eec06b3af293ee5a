"""A header that a redirect does not take along, for httpx and httpx2.

httpx removes ``Authorization`` when a redirect leads to another origin, but no other header. It
makes the headers of the next request as a copy, ``Headers(request.headers)``, which copies the
private attribute ``_list``. So the field is kept outside that list, and every view of the headers
shows it, because transports and adapters read headers in all of these ways.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

_VIEWS = (
    "__contains__",
    "__eq__",
    "__getitem__",
    "__iter__",
    "__len__",
    "__repr__",
    "get",
    "get_list",
    "items",
    "keys",
    "multi_items",
    "values",
)


@cache
def uncopied_headers(module: ModuleType) -> Any:
    """Return the class for a family of clients.

    Args:
        module: ``httpx`` or ``httpx2``.
    """
    base: Any = module.Headers

    class UncopiedHeaders(base):  # type: ignore[misc]  # of either family
        """Headers with one more field, which a copy of them does not have."""

        def __init__(self, headers: Any, name: str, value: str) -> None:
            others = base(headers)
            others.pop(name, None)
            super().__init__(others)
            self._field = base({name: value})

        @property
        def raw(self) -> list[tuple[bytes, bytes]]:
            return [*super().raw, *self._field.raw]

        def __setitem__(self, key: str, value: str) -> None:
            self._field.pop(key, None)
            super().__setitem__(key, value)

        def __delitem__(self, key: str) -> None:
            if self._field.pop(key, None) is None:
                super().__delitem__(key)

        def __reduce__(self) -> tuple[Any, ...]:
            return base, (self.raw,)

    def view(name: str) -> Any:
        def read(self: Any, *args: Any, **kwargs: Any) -> Any:
            return getattr(base(self.raw), name)(*args, **kwargs)

        return read

    for name in _VIEWS:
        setattr(UncopiedHeaders, name, view(name))
    return UncopiedHeaders
