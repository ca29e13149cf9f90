"""The devices over which the rows of a minibatch are divided: those of all processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from retrodict.train.compiled import TRAINING

Tree = TypeVar("Tree")
AXIS = "rows"
SETTINGS = cast(Any, jax.config)
constrain = cast(Any, jax.lax.with_sharding_constraint)


@dataclass(frozen=True)
class Devices:
    """Devices that have a part of the rows each, and all of everything else.

    What a program computes does not depend on them, only where: JAX makes random numbers of any part of an array from
    the key and the places in it, so that each device draws the rows that it has, the same as one device would draw.
    Only sums over rows are rounded in another order.
    """

    mesh: Mesh

    @property
    def count(self) -> int:
        """The number of devices."""
        return int(self.mesh.size)

    @property
    def _everywhere(self) -> NamedSharding:
        return NamedSharding(self.mesh, PartitionSpec())  # type: ignore[no-untyped-call]

    def divide(self, rows: Tree) -> Tree:
        """Return rows, within a program, each device with a part of them; numbers without an axis stay whole."""
        parts = NamedSharding(self.mesh, PartitionSpec(AXIS))  # type: ignore[no-untyped-call]

        def lay(part: Any) -> Any:
            return constrain(part, parts) if jnp.ndim(part) else part

        found: Tree = jax.tree.map(lay, rows)
        return found

    def unite(self, tree: Tree) -> Tree:
        """Return arrays, within a program, whole on each device."""
        found: Tree = constrain(tree, self._everywhere)
        return found

    def place(self, tree: Tree) -> Tree:
        """Return arrays of this process, the same in every process, whole on each device."""
        found: Tree = jax.tree.map(lambda leaf: self._place(leaf) if eqx.is_array(leaf) else leaf, tree)
        return found

    def take(self, tree: Tree) -> Tree:
        """Return arrays that are whole on each device as those of the first device of this process, not copied."""
        found: Tree = jax.tree.map(lambda leaf: leaf.addressable_data(0), tree)
        return found

    def release(self, tree: Tree) -> Tree:
        """Return arrays as any others, which no device keeps to itself."""
        found: Tree = jax.tree.map(lambda leaf: jax.device_put(np.asarray(leaf)), tree)
        return found

    def run(self, function: Callable[..., Any], *arguments: Any, rows: int) -> Any:
        """Return ``function(*arguments)``, compiled, where the argument of the number ``rows`` is divided."""
        return self.take(TRAINING.run(_run_divided, function, rows, self, *self.place(arguments)))

    def _place(self, array: Any) -> Any:
        if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
            words = self._place(jax.random.key_data(array))
            return jax.random.wrap_key_data(words, impl=jax.random.key_impl(array))
        if jax.process_count() == 1:
            return jax.device_put(array, self._everywhere)
        own: list[Any] = sorted(self._everywhere.addressable_devices, key=lambda device: int(cast(Any, device).id))
        return jax.make_array_from_single_device_arrays(
            array.shape, self._everywhere, [jax.device_put(array, device) for device in own]
        )


def _run_divided(function: Callable[..., Any], rows: int, devices: Devices, *arguments: Any) -> Any:
    laid = (devices.divide(part) if place == rows else part for place, part in enumerate(arguments))
    return devices.unite(function(*laid))


def find_devices() -> Devices | None:
    """Return all devices of all processes; None for one alone, and where ``jax_default_device`` names one.

    >>> find_devices() is None or find_devices().count > 1
    True
    """
    if jax.device_count() == 1 or SETTINGS.jax_default_device is not None:
        return None
    return Devices(Mesh(np.array(jax.devices()), (AXIS,), axis_types=(AxisType.Auto,)))
