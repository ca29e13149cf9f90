"""The wiring of masked networks: their paths are the edges of the inverse, no more and no fewer."""

from collections import Counter

import numpy as np
import pytest

from retrodict.errors import WidthError
from retrodict.graph.bayesnet import BayesNet, Variable
from retrodict.graph.rows import Rows
from retrodict.invert import fully_connected, invert, mean_field, reversal
from retrodict.plan.dependencies import Dependencies
from retrodict.plan.unit_groups import UnitGroups, list_subsets
from tests.cases import CASES

INVERSES = {
    "auto": invert,
    "forward": lambda net: invert(net, "forward"),
    "reverse": lambda net: invert(net, "reverse"),
    "reversal": reversal,
    "mean field": mean_field,
    "fully connected": fully_connected,
}
SMALL = [case for case in CASES if len(case.net) <= 40]


@pytest.mark.parametrize("make", INVERSES.values(), ids=INVERSES)
@pytest.mark.parametrize("case", SMALL, ids=str)
def test_the_product_of_the_masks_is_the_adjacency_both_ways(case, make):
    dependencies = Dependencies.of(make(case.net))
    if not dependencies.matrix.any():
        pytest.skip("no inferred latent has a parent")
    least = len({tuple(row) for row in dependencies.matrix.tolist() if any(row)})
    for widths in ([least], [least, 2 * least], [3 * least, least + 1, 2 * least]):
        masks = UnitGroups.of(dependencies, widths).masks
        assert [len(mask) for mask in masks[:-1]] == [width - width % least for width in widths]
        paths = masks[0].astype(np.int64)
        for mask in masks[1:]:
            paths = np.minimum(mask.astype(np.int64) @ paths, 1)
        np.testing.assert_array_equal(paths.astype(bool), dependencies.columns)


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_the_matrix_states_the_parents_of_the_inverse(case):
    inverse = invert(case.net)
    dependencies = Dependencies.of(inverse)
    inputs = dependencies.observed + dependencies.latents
    for row, name in enumerate(dependencies.latents):
        marked = {inputs[column] for column in np.flatnonzero(dependencies.matrix[row])}
        assert marked == set(inverse.parents[name])
    assert set(dependencies.latents).isdisjoint(inverse.generative)


def test_units_are_shared_where_parent_sets_nest():
    """On nested parent sets, as in a fully connected inverse, every unit but those of the largest set is shared."""
    groups = UnitGroups.of(Dependencies.of(fully_connected(CASES[0].net)), [30])
    readers = groups.masks[-1].sum(axis=0)
    assert sorted(set(readers.tolist())) == [1, 2, 3]


def test_a_layer_too_narrow_is_refused_with_the_least_width():
    dependencies = Dependencies.of(invert(CASES[1].net))
    least = len(np.unique(dependencies.matrix, axis=0))
    with pytest.raises(WidthError, match=f"at least {least} wide") as caught:
        UnitGroups.of(dependencies, [least, least - 1])
    assert caught.value.least == least
    assert UnitGroups.of(dependencies, [least, least]).masks


def test_a_variable_of_several_numbers_has_several_columns():
    net = BayesNet(
        {"z": [], "y": ["z"], "x": ["y"]}, observed=["x"], variables=[Variable("z", size=2), Variable("x", size=3)]
    )
    dependencies = Dependencies.of(invert(net))
    assert dependencies.columns.shape == (3, 6)
    first, last = UnitGroups.of(dependencies, [4]).masks
    np.testing.assert_array_equal((last.astype(int) @ first.astype(int)) > 0, dependencies.columns)


def test_every_group_has_the_same_number_of_units_and_none_is_left_out():
    dependencies = Dependencies.of(invert(CASES[1].net))
    assert UnitGroups.of(dependencies, [7, 20, 28]).units == (1, 2, 4)


def test_a_group_is_ready_when_its_last_input_is_drawn():
    dependencies = Dependencies.of(invert(CASES[1].net))
    groups = UnitGroups.of(dependencies, [7])
    steps = dict(zip(dependencies.latents, dependencies.level + 1, strict=True))
    inputs = dependencies.observed + dependencies.latents
    for row, level in zip(groups.sets.to_lists(), groups.level, strict=True):
        assert level == max(steps.get(inputs[i], 0) for i in row)


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_latent_by_latent_no_column_comes_before_its_parents_or_between_those_of_another(case):
    sizes = [Variable(name, size=1 + number % 3) for number, name in enumerate(case.net.latents)]
    net = BayesNet(
        {name: case.net.parents(name) for name in case.net.names}, observed=case.net.observed, variables=sizes
    )
    columns = Dependencies.of(invert(net)).by_column()
    if not columns.latents:
        pytest.skip("no latent is inferred")
    own = columns.by_latent()
    assert own.parents.to_lists() == columns.parents.to_lists()
    assert set(own.level.tolist()) == set(range(own.depth))
    for name in set(own.latents):
        steps = [level for latent, level in zip(own.latents, own.level, strict=True) if latent == name]
        assert steps == list(range(steps[0], steps[0] + len(steps)))
        others = {latent for latent, level in zip(own.latents, own.level, strict=True) if level in steps} - {name}
        assert not others or len(steps) == 1
    several = sum(count for count in Counter(own.latents).values() if count > 1)
    assert own.depth <= columns.depth + several
    seen = len(own.observed)
    for level, row in zip(own.level, own.parents.to_lists(), strict=True):
        assert all(own.level[i - seen] < level for i in row if i >= seen)


@pytest.mark.parametrize("seed", range(20))
def test_subsets_are_found(seed):
    rng = np.random.default_rng(seed)
    parts, wholes = (
        [sorted(rng.choice(6, size=rng.integers(least, 6), replace=False).tolist()) for _ in range(12)]
        for least in (1, 0)
    )
    expected = [[i for i, part in enumerate(parts) if set(part) <= set(whole)] for whole in wholes]
    assert list_subsets(Rows.from_lists(parts), Rows.from_lists(wholes)).to_lists() == expected
