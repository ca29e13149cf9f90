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
from retrodict.encode.families.truncated import Truncated
from retrodict.encode.features import Scaling, list_categories
from retrodict.encode.networks.schedule import Index, take
from retrodict.errors import OptionError
from retrodict.graph.rows import Integers
from retrodict.plan.dependencies import Dependencies, mark_bounded
from retrodict.plan.supports import is_count

REAL, CATEGORICAL, COUNT = range(3)
# A new family is a row here: what makes it, called with nothing.
REAL_FAMILIES: dict[str, Callable[[], Conditional]] = {
    "normal": Normal,
    "mixture": Mixture,
    "truncated": Truncated,
    "spline": Spline,
}
# Those that take a number, of components or of bins, which may follow the name: "mixture:12".
NUMBERED: dict[str, Callable[[int], Conditional]] = {"mixture": Mixture, "truncated": Truncated, "spline": Spline}
MOST_NUMBERED = 1000
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
    ``"normal"``, ``"mixture"``, ``"truncated"`` or ``"spline"``; a number may follow the last three.
    Raises `OptionError` for another name.
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


def suit_family(real: str | Conditional, *, is_normal: bool, bounded: bool = False) -> str | Conditional:
    """Return the family that ``"auto"`` stands for, and any other as it is.

    That is a mixture, unless conditionals are known to be normal or have to be; a truncated one where some are
    ``bounded``.

    >>> suit_family("auto", is_normal=False), suit_family("auto", is_normal=True), suit_family("spline", is_normal=True)
    ('mixture', 'normal', 'spline')
    """
    if real != AUTO:
        return real
    if is_normal:
        return "normal"
    return "truncated" if bounded else "mixture"


def read_family(real: str | Conditional) -> Conditional:
    """Return the family of real numbers of this name, or as it is given; raise `OptionError` for another name.

    A number after a colon is that of components or bins.

    >>> read_family("mixture:12").n_parameters, read_family("normal").n_parameters
    (36, 2)
    """
    if not isinstance(real, str):
        return real
    name, colon, number = real.partition(":")
    if name not in REAL_FAMILIES:
        raise OptionError(f"the family {real!r} does not exist", remedy=f"Choose one of {', '.join(REAL_FAMILIES)}.")
    if not colon:
        return REAL_FAMILIES[name]()
    if name not in NUMBERED or not number.isdecimal() or not 1 <= int(number) <= MOST_NUMBERED:
        raise OptionError(
            f"the family {real!r} cannot be read",
            remedy=f"Only {', '.join(NUMBERED)} take a number, of components or bins, from 1 to {MOST_NUMBERED}: "
            "'mixture:12'.",
        )
    return NUMBERED[name](int(number))


def is_named(name: object) -> bool:
    """Return whether this is the name of a family, with a number or without.

    >>> is_named("spline:16"), is_named("spline:16.5"), is_named(None)
    (True, False, False)
    """
    try:
        return isinstance(name, str) and read_family(name) is not None
    except OptionError:
        return False


def name_family(family: str | Conditional) -> str | None:
    """Return the name of a family, with its number; None for one that is no family of this package.

    >>> name_family(Mixture(12)), name_family(Spline(16)), name_family("auto")
    ('mixture:12', 'spline:16', 'auto')
    """
    if isinstance(family, str):
        return family
    kinds: dict[type, str] = {Normal: "normal", Mixture: "mixture", Truncated: "truncated", Spline: "spline"}
    name = kinds.get(type(family))
    number = getattr(family, "components", getattr(family, "bins", None))
    return name if name is None or number is None else f"{name}:{number}"


def _make_family(kind: int, real: Conditional, dependencies: Dependencies, scaling: Scaling | None) -> Conditional:
    """Return a family for all columns, of which those of its kind will be taken; codes of counts begin at 0."""
    seen = int(dependencies.observed_sizes.sum())
    if isinstance(real, Truncated) and kind == REAL:
        return _set_ends(real, dependencies, scaling)
    if kind == REAL:
        return real
    if kind == CATEGORICAL:
        return Categorical(list_categories(dependencies)[seen:])
    center, spread = (part[seen:] for part in scaling or Scaling.none(int(dependencies.sizes.sum())))
    latents = dependencies.variables[len(dependencies.observed) :]
    most = [v.bounds[1] - v.bounds[0] if is_count(v) and v.bounds is not None else np.inf for v in latents]
    highest = jnp.asarray(np.repeat(most, dependencies.latent_sizes), jnp.float32)
    return Count(1.0 / spread, -center / spread, (highest - center) / spread)


def _set_ends(family: Truncated, dependencies: Dependencies, scaling: Scaling | None) -> Truncated:
    """Return the family that knows where bounded columns end, which have the places 0 and 1, in standard units."""
    seen, bounded = int(dependencies.observed_sizes.sum()), mark_bounded(dependencies)
    center, spread = (np.asarray(part, np.float64)[seen:] for part in scaling or Scaling.none(seen + len(bounded)))
    low, high = np.where(bounded, 0.0, -np.inf), np.where(bounded, 1.0, np.inf)
    return family.between((low - center) / spread, (high - center) / spread)
