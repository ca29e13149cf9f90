"""Sources of minibatches: pure functions of a key and the number of a step."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import equinox as eqx
import jax
from jaxtyping import Array, Int, Key

B_co = TypeVar("B_co", covariant=True)
Step = Int[Array, ""] | int


class Source(eqx.Module, Generic[B_co]):
    """A pure function of a key and the number of a step that gives a minibatch (abstract).

    A source is a value: its arrays are inputs of compiled programs, and sources that are otherwise equal share them.
    """

    @abstractmethod
    def __call__(self, key: Key[Array, ""], step: Step) -> B_co:
        """Return the minibatch of a step, counted from 0."""

    def share(self, key: Key[Array, ""], step: Step, steps: int) -> Source[B_co]:
        """Return a source that equals this one for this key and ``steps`` steps from ``step`` on, a multiple of them.

        What these steps share may be computed here, once.
        """
        return self

    def load(self, key: Key[Array, ""], step: int, steps: int) -> Source[B_co]:
        """Return a source that equals this one for ``steps`` steps from ``step`` on, which begin outside of programs.

        What is read from a disk, or made without JAX, is read here, once for each epoch.
        """
        return self


class FreshSimulations(Source[B_co]):
    """Fresh simulations in every step: ``simulate(key, n)`` gives ``batch`` of them."""

    simulate: Callable[[Key[Array, ""], int], B_co] = eqx.field(static=True)
    batch: int = eqx.field(static=True)

    def __call__(self, key: Key[Array, ""], step: Step) -> B_co:
        """Return simulations of a key of this step alone."""
        return self.simulate(jax.random.fold_in(key, step), self.batch)


class Fixed(Source[B_co]):
    """The same minibatch in every step."""

    minibatch: B_co

    def __call__(self, key: Key[Array, ""], step: Step) -> B_co:
        """Return the minibatch."""
        return self.minibatch


class ShuffledRows(Source[Any]):
    """Rows of data in minibatches of ``batch``, shuffled anew in each pass; what does not fill the last is left out.

    >>> import jax.numpy as jnp
    >>> source = ShuffledRows(jnp.arange(5.0)[:, None], batch=2)
    >>> first, second = (source(jax.random.key(0), step)[:, 0].tolist() for step in (0, 1))
    >>> len({*first, *second}), source.passing
    (4, 2)
    """

    rows: Array
    batch: int = eqx.field(static=True)

    @property
    def passing(self) -> int:
        """The number of steps of a pass over the data."""
        return len(self.rows) // self.batch

    def __call__(self, key: Key[Array, ""], step: Step) -> Array:
        """Return the rows of this step, in the order of its pass."""
        return self._shuffle(key, step)(key, step)

    def share(self, key: Key[Array, ""], step: Step, steps: int) -> Source[Array]:
        """Return the source with the order of the pass in which these steps lie, if they lie in one."""
        return self._shuffle(key, step) if self.passing % steps == 0 else self

    def _shuffle(self, key: Key[Array, ""], step: Step) -> _Pass:
        first = step - step % self.passing
        own, _ = jax.random.split(jax.random.fold_in(key, first))
        return _Pass(self.rows, jax.random.permutation(own, len(self.rows)), self.batch)


class _Pass(Source[Array]):
    """Rows in one order, that of one pass."""

    rows: Array
    order: Int[Array, " rows"]
    batch: int = eqx.field(static=True)

    def __call__(self, key: Key[Array, ""], step: Step) -> Array:
        """Return the rows of this step."""
        start = step % (len(self.rows) // self.batch) * self.batch
        return self.rows[jax.lax.dynamic_slice_in_dim(self.order, start, self.batch)]
