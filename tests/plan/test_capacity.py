"""Counting parameters from the structure alone agrees with the networks that are built."""

from __future__ import annotations

import itertools

import jax
import pytest

from retrodict import fully_connected, invert, mean_field, reversal, zoo
from retrodict.encode.build import build_encoder, count_parameters
from retrodict.plan.capacity import count_in_use, match_widths
from retrodict.plan.dependencies import Dependencies

TREE, LAYERS = zoo.binary_tree(4).net, zoo.layers(2, 4, 6)
INVERSES = {
    "tree": invert(TREE),
    "tree reversed": reversal(TREE),
    "layers": invert(LAYERS),
    "mean field": mean_field(LAYERS),
    "full": fully_connected(LAYERS),
}


@pytest.mark.parametrize(
    ("name", "kind", "skip"), list(itertools.product(INVERSES, ["shared", "separate"], [True, False]))
)
def test_parameters_are_counted_and_matched(name: str, kind: str, skip: bool) -> None:
    dependencies = Dependencies.of(INVERSES[name])
    widths = match_widths(dependencies, 5000, kind=kind, skip=skip)
    built = count_parameters(build_encoder(INVERSES[name], jax.random.key(0), kind, widths, skip=skip))
    assert count_in_use(dependencies, widths, kind=kind, skip=skip) == built
    assert abs(built - 5000) < 250


def test_a_capacity_that_is_too_small_gives_one_unit_a_group() -> None:
    dependencies = Dependencies.of(INVERSES["full"])
    groups = len({tuple(row) for row in dependencies.parents.to_lists()})
    assert match_widths(dependencies, 1) == (groups, groups)
