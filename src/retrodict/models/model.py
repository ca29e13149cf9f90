"""A generative model: its structure together with a program that simulates and scores it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from retrodict.errors import OptionError
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.frozen import Portable
from retrodict.graph.model_digest import digest_model
from retrodict.graph.names import Name
from retrodict.graph.rows import Mask
from retrodict.plan.counts import read_count, read_seed
from retrodict.plan.layout import Layout
from retrodict.plan.moving import mark_moving

if TYPE_CHECKING:
    import jax

    from retrodict.pictures import Picture


class Group(NamedTuple):
    """The variables behind a value that has a name of its own, in order, and the shape of the value."""

    variables: tuple[Name, ...]
    shape: tuple[int, ...]


class Model(Portable, ABC):
    """A `BayesNet` that can be simulated and scored.

    To subclass:

    - give ``net``, a `BayesNet`;
    - ``draw(key, n)`` returns ``n`` joint draws as the columns of `layout`, and can be compiled by JAX: all that is
      random comes from the key, as what NumPy draws is drawn once, when the function is traced;
    - ``log_conditionals(columns)`` returns log p(v | parents of v) of each variable;
    - ``redraw(key, columns, which)`` draws some variables anew from their conditionals, parents first;
    - ``numbers()`` returns the parameters, if there are any: they tell models of one structure apart on disk.
    """

    net: BayesNet
    # Whether the structure is what somebody said, and not what a program was seen to have.
    assumed: ClassVar[bool] = False

    @cached_property
    def layout(self) -> Layout:
        """Columns of all variables, in topological order."""
        return Layout.of(self.net, self.net.names)

    @property
    def groups(self) -> Mapping[Name, Group]:
        """What data go by: each variable by itself, unless a subclass takes larger values apart into variables."""
        return {name: Group((name,), self.net.variable(name).shape or ()) for name in self.net.names}

    def observing(self, names: Iterable[Name]) -> Self:
        """Return the same model with other observed variables.

        Arguments:
            names: all variables that are observed now; the others are latent.

        Returns: a new model with the same program and numbers, and the structure ``net.observing(names)``.

        Raises: what `BayesNet.observing` raises.

        >>> from retrodict import zoo
        >>> zoo.binary_tree(depth=2).observing(["x2"]).net.latents
        ('x0', 'x1')

        """
        return self.replacing(net=self.net.observing(names))

    def plot(self) -> Picture:
        """Return a picture of the structure, ``net.plot()``; ``.save("model.svg")`` writes it to a file."""
        return self.net.plot()

    def _repr_svg_(self) -> str | None:
        return self.net._repr_svg_()

    @abstractmethod
    def draw(self, key: jax.Array, n: int) -> jax.Array:
        """Return ``n`` joint draws, shape ``(n, layout.width)``."""

    @abstractmethod
    def log_conditionals(self, columns: jax.Array) -> jax.Array:
        """Return log p of each variable given its parents, shape ``(..., number of variables)``, in nats."""

    @abstractmethod
    def redraw(self, key: jax.Array, columns: jax.Array, which: Mask | jax.Array) -> jax.Array:
        """Return the columns with the marked variables drawn anew from p(v | parents of v); marks may be traced."""

    def rules_out(self, columns: jax.Array) -> jax.Array:
        """Return whether values have probability zero where `log_conditionals` is finite, shape ``(...)``.

        Always false by default. Subclasses that bound densities from below, for the sake of gradients, override it.
        """
        import jax.numpy as jnp

        return jnp.zeros(columns.shape[:-1], bool)

    def limit(self, columns: jax.Array, coded: Mask) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Return model columns, and the least and greatest number each may hold where no constants say so.

        Columns of variables that ``coded`` marks hold codes, for which values are returned. Programs whose supports
        depend on other variables override it. Raises `OptionError` by default.
        """
        moving = self.net.to_names(np.flatnonzero(mark_moving(self.net)))
        raise OptionError(
            f"the {type(self).__name__} does not say where the supports of {{names}} end",
            moving,
            remedy="Give Variable(..., bounds=(low, high)), or override Model.limit.",
        )

    def numbers(self) -> Mapping[str, NDArray[Any]]:
        """Return the parameters of the program by name. Empty by default; subclasses override it."""
        return {}

    def digest(self) -> str:
        """Return SHA-256 over the structure and the parameters: what was saved for one model is refused by another.

        Raises: `GraphError` when a name is neither text nor a number nor a tuple of such.

        >>> from retrodict import zoo
        >>> zoo.binary_tree(3, seed=0).digest() == zoo.binary_tree(3, seed=1).digest()
        False
        """
        return digest_model(self.net, self.numbers())

    def simulate(self, n: int = 1000, *, seed: int = 0) -> dict[Name, Any]:
        """Return joint draws of all variables, the observed ones too.

        Arguments:
            n: number of draws. Default 1000.
            seed: the same seed gives the same draws. Default 0.

        Returns: ``{name: array (n, ...)}``.

        Raises: `OptionError` for an ``n`` or a ``seed`` that is out of range.

        >>> from retrodict import zoo
        >>> zoo.binary_tree(depth=3).simulate(5, seed=1)["x6"].shape
        (5,)
        """
        import jax

        return self.layout.unpack(self.draw(jax.random.key(read_seed(seed)), read_count("n", n)))

    def log_joint(self, values: Mapping[Name, Any]) -> jax.Array:
        r"""Return :math:`\log p(z, x) = \sum_i \log p(v_i \mid \mathrm{pa}(v_i))` in nats.

        The result is differentiable in JAX.

        Arguments:
            values: a value of every variable, ``{name: array (*batch, ...)}``.

        Returns: an array of shape ``batch``.

        Raises: `DataError` for missing or extra names.

        >>> from retrodict import zoo
        >>> model = zoo.binary_tree(depth=2)
        >>> round(float(model.log_joint({"x0": 0.0, "x1": 0.0, "x2": 0.0})), 4)  # three standard normals at 0
        -2.7568
        """
        import jax.numpy as jnp

        return self.log_conditionals(self.layout.pack(values, jnp)).sum(axis=-1)
