"""Which family each column has: categorical, a count, or the family chosen for real numbers."""

from collections.abc import Callable, Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Key

from retrodict.encode.families.conditionals import Columns, Conditional, Normal, Parameters
from retrodict.encode.families.discrete import Categorical, Count
from retrodict.encode.families.mixtures import Mixture
from retrodict.encode.families.splines import Spline
from retrodict.encode.features import Scaling, list_categories
from retrodict.encode.networks.schedule import Index, take
from retrodict.errors import OptionError
from retrodict.graph.rows import Integers
from retrodict.plan.dependencies import Dependencies
from retrodict.plan.supports import is_count

REAL, CATEGORICAL, COUNT = range(3)
# A new family is a row here: what makes it, called with nothing.
REAL_FAMILIES: dict[str, Callable[[], Conditional]] = {
    "normal": Normal,
    "mixture": Mixture,
    "spline": Spline,
}
# The family of real numbers that suits what is trained: see `suit_family`.
AUTO = "auto"


class Mixed(Conditional):
    """Columns of different families, column ``i`` of ``families[which[i]]``.

    Each family is computed for all columns, and the right one is taken.
    """

    families: tuple[Conditional, ...]
    which: Int[Array, " columns"]
    n_parameters: int = eqx.field(static=True)

    def __init__(self, families: Sequence[Conditional], which: Integers) -> None:
        self.families, self.which = tuple(families), jnp.asarray(which, jnp.int32)
        self.n_parameters = max(family.n_parameters for family in families)

    def log_prob(self, parameters: Parameters, values: Columns) -> Columns:
        """Return the log density or probability of each column, in nats."""
        return self._take([family.log_prob(parameters[..., : family.n_parameters], values) for family in self.families])

    def sample(self, key: Key[Array, ""], parameters: Parameters) -> Columns:
        """Return one draw of each column."""
        return self._take([family.sample(key, parameters[..., : family.n_parameters]) for family in self.families])

    def at(self, columns: Index) -> "Mixed":
        """Return the families of these columns alone."""
        return eqx.tree_at(
            lambda mixed: (mixed.families, mixed.which),
            self,
            (tuple(family.at(columns) for family in self.families), take(self.which, columns)),
        )

    def divide(self, columns: Integers) -> list[tuple[Conditional, Integers]]:
        """Return the families of columns, each with its columns by their place in ``columns``."""
        which = np.asarray(self.which)[columns]
        places = [np.flatnonzero(which == number) for number in range(len(self.families))]
        return [(family, place) for family, place in zip(self.families, places, strict=True) if len(place)]

    @property
    def reparameterized(self) -> bool:
        """Whether draws of all families can be differentiated."""
        return all(family.reparameterized for family in self.families)

    def _take(self, by_family: list[Columns]) -> Columns:
        taken = by_family[0]
        for number, found in enumerate(by_family[1:], start=1):
            taken = jnp.where(self.which == number, found, taken)
        return taken


def choose_conditional(
    dependencies: Dependencies, scaling: Scaling | None = None, real: str | Conditional = "normal"
) -> Conditional:
    """Return the family that suits the latents of an encoder.

    Categorical where they have categories, `Count` where they are other whole numbers, else that named ``real``:
    ``"normal"``, ``"mixture"`` or ``"spline"``. Raises `OptionError` for another name.
    """
    family = read_family(real)
    seen = int(dependencies.observed_sizes.sum())
    categories = list_categories(dependencies)[seen:]
    latents = dependencies.variables[len(dependencies.observed) :]
    counted = np.repeat([is_count(variable) for variable in latents], dependencies.latent_sizes)
    which = np.where(categories > 0, CATEGORICAL, np.where(counted, COUNT, REAL))
    present = np.unique(which)
    families = [_make_family(kind, family, dependencies, scaling) for kind in present.tolist()]
    return families[0] if len(families) == 1 else Mixed(families, np.searchsorted(present, which))


def suit_family(real: str | Conditional, *, is_normal: bool) -> str | Conditional:
    """Return the family that ``"auto"`` stands for, and any other as it is.

    That is a mixture, unless conditionals are known to be normal or have to be.

    >>> suit_family("auto", is_normal=False), suit_family("auto", is_normal=True), suit_family("spline", is_normal=True)
    ('mixture', 'normal', 'spline')
    """
    if real != AUTO:
        return real
    return "normal" if is_normal else "mixture"


def read_family(real: str | Conditional) -> Conditional:
    """Return the family of real numbers of this name, or as it is given; raise `OptionError` for another name."""
    if isinstance(real, str) and real not in REAL_FAMILIES:
        raise OptionError(f"the family {real!r} does not exist", remedy=f"Choose one of {', '.join(REAL_FAMILIES)}.")
    return REAL_FAMILIES[real]() if isinstance(real, str) else real


def _make_family(kind: int, real: Conditional, dependencies: Dependencies, scaling: Scaling | None) -> Conditional:
    """Return a family for all columns, of which those of its kind will be taken; codes of counts begin at 0."""
    if kind == REAL:
        return real
    seen = int(dependencies.observed_sizes.sum())
    if kind == CATEGORICAL:
        return Categorical(list_categories(dependencies)[seen:])
    center, spread = (part[seen:] for part in scaling or Scaling.none(int(dependencies.sizes.sum())))
    latents = dependencies.variables[len(dependencies.observed) :]
    most = [v.bounds[1] - v.bounds[0] if is_count(v) and v.bounds is not None else np.inf for v in latents]
    highest = jnp.asarray(np.repeat(most, dependencies.latent_sizes), jnp.float32)
    return Count(1.0 / spread, -center / spread, (highest - center) / spread)
