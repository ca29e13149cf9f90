"""Widths that give networks of different structure the same number of parameters in use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from retrodict.plan.counts import read_count
from retrodict.plan.dependencies import Dependencies
from retrodict.plan.unit_groups import UnitGroups

# A layer this wide has a unit for every set that can be written out.
MOST_GROUPS = 10**9


@dataclass(frozen=True)
class Capacity:
    """Widths that come nearest to this many parameters in use, so that structures can be compared at equal capacity.

    For the argument ``widths`` of `amortize`, `fit_model` and `AutoFaithful`: two hidden layers of nearly equal width.

    Arguments:
        parameters: number of weights and biases that have an effect; those that a mask switches off do not count.

    Raises: `OptionError` for what is not a positive whole number.

    >>> Capacity(10_000)
    Capacity(parameters=10000)

    """

    parameters: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", read_count("parameters", self.parameters))


def match_widths(
    dependencies: Dependencies, capacity: int, parameters: int = 2, *, kind: str = "shared", skip: bool = True
) -> tuple[int, int]:
    """Return two hidden widths, nearly equal, whose weights and biases in use come nearest to a capacity.

    ``parameters`` is how many numbers a conditional takes: two for normal and for binary ones. Weights that a mask
    switches off are no capacity. One unit in each group is the least.

    >>> from retrodict import invert, zoo
    >>> dependencies = Dependencies.of(invert(zoo.binary_tree(depth=4)))
    >>> count_in_use(dependencies, match_widths(dependencies, 2000), 2)
    1980
    """
    groups = 1 if kind == "separate" else len(_divide(dependencies).sets)
    count = _counter(dependencies, parameters, kind, skip)
    least = 1
    while count(least + 1, least + 1) <= capacity:
        least += 1
    near = [(a, b) for a in (least, least + 1) for b in (least, least + 1)]
    first, second = min(near, key=lambda units: abs(count(*units) - capacity))
    return first * groups, second * groups


def count_in_use(
    dependencies: Dependencies, widths: tuple[int, int], parameters: int = 2, *, kind: str = "shared", skip: bool = True
) -> int:
    """Return the weights and biases in use of a network with two hidden layers of these widths."""
    groups = 1 if kind == "separate" else len(_divide(dependencies).sets)
    return _counter(dependencies, parameters, kind, skip)(widths[0] // groups, widths[1] // groups)


def _counter(dependencies: Dependencies, parameters: int, kind: str, skip: bool) -> Callable[[int, int], int]:
    """Return a function of the units (in each group, if shared) of two layers that counts parameters in use."""
    outputs = parameters * int(dependencies.latent_sizes.sum())
    parents = dependencies.parents
    seen = dependencies.features[parents.index] * dependencies.latent_sizes[parents.sources]
    direct = parameters * int(seen.sum()) + outputs if skip else 0
    if kind == "separate":
        inputs = int(dependencies.features[parents.index].sum())
        latents = len(dependencies.latents)
        return lambda first, second: (
            (inputs + latents) * first + latents * (first + 1) * second + outputs * (second + 1) + direct
        )
    groups = _divide(dependencies)
    columns = int(dependencies.features[groups.sets.index].sum())
    last = parameters * int((groups.readable.lengths * dependencies.latent_sizes).sum())
    return lambda first, second: (
        (columns + len(groups.sets)) * first
        + (len(groups.within.index) * first + len(groups.sets)) * second
        + last * second
        + outputs
        + direct
    )


def _divide(dependencies: Dependencies) -> UnitGroups:
    return UnitGroups.of(dependencies, [MOST_GROUPS])
