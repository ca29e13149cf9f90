"""Values that nobody changes and that can be copied and sent to another process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Self, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value", covariant=True)


class FrozenMap(Mapping[Key, Value]):
    """A mapping without a way to change it: what ``MappingProxyType`` is, but pickled and copied like a dictionary.

    >>> import copy
    >>> frozen = FrozenMap({"a": 1})
    >>> frozen["a"], copy.deepcopy(frozen) == frozen == {"a": 1}, hasattr(frozen, "__setitem__")
    (1, True, False)
    """

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[Key, Value]) -> None:
        self._items = dict(items)

    def __getitem__(self, key: Key) -> Value:
        return self._items[key]

    def get(self, key: Key, default: Any = None) -> Any:
        """Return the value of a key, or the default: asked a million times, and so without a detour by an error."""
        return self._items.get(key, default)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return repr(self._items)


class Portable:
    """What is pickled and copied without its cached properties: they are computed again when they are asked for.

    Programs compiled by JAX are kept in cached properties, and cannot be sent to another process.
    """

    def __getstate__(self) -> dict[str, Any]:
        kind = type(self)
        return {k: v for k, v in self.__dict__.items() if not isinstance(getattr(kind, k, None), cached_property)}

    def replacing(self, **changes: Any) -> Self:
        """Return a copy with other values of some attributes, nothing computed before taken over."""
        other = object.__new__(type(self))
        for name, value in {**self.__getstate__(), **changes}.items():
            object.__setattr__(other, name, value)
        return other
