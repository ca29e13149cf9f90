"""The blocks of a request on several devices: one on each at once, and of several processes each a part of them.

A block is computed as on one device, from the key of its number: results are the same bits on any number of them.
Devices do not speak with each other, so that threads may draw at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import equinox as eqx
import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, PartitionSpec

from retrodict.encode.keys import fold_key, make_key
from retrodict.plan.layout import Floats
from retrodict.posterior.programs import Compiled, Factors
from retrodict.posterior.row_blocks import Request, collect, run_blocks

AXIS = "blocks"
SETTINGS = cast(Any, jax.config)
# A method of `Compiled` that gives one row, or several parts of one, for each row of observed values.
Method = Callable[..., Any]


@dataclass(frozen=True)
class Work:
    """What is computed of each block: ``method(compiled, factors, key, observed)``, a method that is compiled."""

    compiled: Compiled
    method: Method
    factors: Factors

    def run(self, request: Request, seed: int) -> Iterator[tuple[Floats, ...]]:
        """Return the rows of a request block by block, on all devices of this process."""
        mesh, looked = find_mesh(), self._look(request)
        if mesh is None or request.rows <= request.block:
            return run_blocks(request, seed, looked._run_block)
        return looked._run_waves(mesh, request, seed, 0, None)

    def collect(self, request: Request, seed: int) -> tuple[Floats, ...]:
        """Return all rows; each process of several computes a part of them, if these are more than a block."""
        blocks, processes = -(-request.rows // request.block), jax.process_count()
        if processes == 1 or blocks == 1 or SETTINGS.jax_default_device is not None:
            return collect(self.run(request, seed), request.rows)
        each = -(-blocks // processes)
        first = min(each * jax.process_index(), blocks - 1)  # a process too many repeats the last
        own = self._look(request)._run_waves(_span(jax.local_devices()), request, seed, first, first + each, whole=True)
        parts = collect(own, each * request.block)
        gathered = (multihost_utils.process_allgather(part) for part in parts)
        return tuple(np.asarray(part).reshape(-1, *part.shape[2:])[: request.rows] for part in gathered)

    def _look(self, request: Request) -> Work:
        return replace(self, factors=self.compiled.look(self.factors, request.evidence.rows))

    def _run_block(self, key: jax.Array, observed: jax.Array) -> tuple[jax.Array, ...]:
        return _as_tuple(self.method(self.compiled, self.factors, key, observed))

    def _run_waves(
        self, mesh: Mesh, request: Request, seed: int, first: int, last: int | None, *, whole: bool = False
    ) -> Iterator[tuple[Floats, ...]]:
        """Return the rows of the blocks from the first to before the last, as many at once as there are devices.

        With ``whole`` the last block of a request is full, and follows itself where there are no more.
        """
        key, count = make_key(seed), -(-request.rows // request.block)
        arrays, fixed = eqx.partition(self.factors, eqx.is_array)
        numbers = range(first, count if last is None else last)
        for start in range(numbers.start, numbers.stop, mesh.size):
            wave = [min(number, count - 1) for number in range(start, start + mesh.size)]
            words = np.stack([np.asarray(jax.random.key_data(fold_key(key, number))) for number in wave])
            observed = np.stack([request.observe(number) for number in wave])
            constants = mesh, fixed, self.method, str(jax.random.key_impl(key))
            results = self.compiled.programs.run(
                _run_wave, self.compiled, *constants, arrays, jax.device_put(words), jax.device_put(observed)
            )
            for place, number in enumerate(range(start, min(start + mesh.size, numbers.stop))):
                kept = request.block if whole else min(request.block, request.rows - number * request.block)
                yield tuple(np.asarray(result.addressable_shards[place].data)[0, :kept] for result in results)


def _run_wave(
    compiled: Compiled,
    mesh: Mesh,
    fixed: Any,
    method: Method,
    kind: str,
    arrays: Any,
    words: jax.Array,
    observed: jax.Array,
) -> tuple[jax.Array, ...]:
    def run(arrays: Any, words: jax.Array, observed: jax.Array) -> tuple[jax.Array, ...]:
        key = jax.random.wrap_key_data(words[0], impl=kind)
        results = _as_tuple(method.__wrapped__(compiled, eqx.combine(arrays, fixed), key, observed[0]))  # type: ignore[attr-defined]
        return tuple(result[None] for result in results)

    kinds = cast(Any, PartitionSpec)
    one, all_of_it = kinds(AXIS), kinds()
    spread = jax.shard_map(run, mesh=mesh, in_specs=(all_of_it, one, one), out_specs=one, check_vma=False)
    found: tuple[jax.Array, ...] = spread(arrays, words, observed)
    return found


def _as_tuple(found: Any) -> tuple[jax.Array, ...]:
    return tuple(found) if isinstance(found, tuple) else (found,)


def find_mesh() -> Mesh | None:
    """Return the devices of this process; None for one alone, and where ``jax_default_device`` names one."""
    if SETTINGS.jax_default_device is not None or jax.local_device_count() == 1:
        return None
    return _span(jax.local_devices())


def _span(devices: list[Any]) -> Mesh:
    return Mesh(np.array(devices), (AXIS,), axis_types=(AxisType.Auto,))
