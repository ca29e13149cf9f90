"""No edge between elements is missing: found by changing one element and looking at the distributions."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.contrib.control_flow import scan

from retrodict import from_numpyro, zoo
from retrodict.errors import ProgramError
from retrodict.read.jaxpr.rules import need_everything
from retrodict.read.jaxpr.walk import Walk, _compute_when_asked
from tests import law
from tests.read.numpyro.programs import CASES, layered_tree
from tests.read.numpyro.test_structure import graph_of, read

# Where NumPyro's distributions do not show an edge that is counted to be safe: 0 * a, a while loop, a min or max
# in a sort that few draws reach, an index that few draws take.
SAFE_SIDE = {"written_but_not_needed", "while_loop_needs_all", "sorted_values", "mixture", "both_branches"}
QUICK = {"scan_discrete_hmm", "written_into_a_buffer"}
VECTORS = [case for case in CASES if case.graph != case.elements]


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=[] if case.name in QUICK else pytest.mark.slow, id=case.name) for case in VECTORS],
)
def test_the_edges_are_those_that_changes_show(case):
    model = read(case, elementwise=True)
    moves = law.find_moves(model, keep_data=False)
    assert law.find_breaches(model, moves) == []
    if case.name not in SAFE_SIDE:
        seen = {(cause, term) for cause, term in moves if cause != term}
        assert seen == {(parent, name) for name in model.net.names for parent in model.net.parents(name)}


@pytest.mark.parametrize("depth", [2, 4])
def test_a_tree_in_layers_is_the_tree_written_out(depth):
    observed = [f"layer{depth - 1}"]
    net = from_numpyro(layered_tree, depth, observed=observed, elementwise=True).net
    expected = zoo.binary_tree(depth).net
    names = {f"layer{d}[{i}]": f"x{2**d - 1 + i}" for d in range(depth) for i in range(2**d)}
    renamed = {names[name]: {names[parent] for parent in net.parents(name)} for name in net.names}
    assert renamed == graph_of(expected)
    assert {names[name] for name in net.observed} == set(expected.observed)


def test_a_tree_in_layers_read_as_sites_is_a_chain():
    net = from_numpyro(layered_tree, 4, observed=["layer3"]).net
    assert graph_of(net) == {f"layer{d}": {f"layer{d - 1}"} if d else set() for d in range(4)}


def test_the_tree_of_a_program_has_the_density_of_the_zoo():
    exact = zoo.binary_tree(3, seed=1)
    weights = np.zeros(6)
    for name in exact.net.names[1:]:
        weights[int(name[1:]) - 1] = exact.weights[exact.net.parent_rows.pointer[exact.net.index(name)]]
    model = from_numpyro(layered_tree, 3, weights, observed=["layer2"], elementwise=True)
    columns = jax.random.normal(jax.random.key(0), (4, 7))
    np.testing.assert_allclose(
        model.log_conditionals(columns).sum(axis=-1), exact.log_conditionals(columns).sum(axis=-1), rtol=1e-5
    )


def test_a_long_loop_is_read_as_its_chain():
    def chain():
        def step(z, _):
            z = numpyro.sample("z", dist.Normal(z, 1))
            numpyro.sample("x", dist.Normal(z, 1))
            return z, None

        scan(step, 0.0, None, length=60)

    net = from_numpyro(chain, observed=["x"], elementwise=True).net
    assert net.n_edges == 119
    assert net.parents("z[59]") == ("z[58]",)


def test_discrete_sites_can_decide_an_index_of_an_index():
    def program():
        k = numpyro.sample("k", dist.Categorical(jnp.ones((2, 3)) / 3))
        table = numpyro.sample("a", dist.Normal(jnp.zeros((2, 3)), 1))
        numpyro.sample("x", dist.Normal(table[jnp.arange(2), k], 1))

    net = from_numpyro(program, observed=["x"], elementwise=True).net
    assert set(net.parents("x[1]")) == {"k[1]", "a[1,0]", "a[1,1]", "a[1,2]"}


def test_elements_that_cannot_be_told_apart_are_refused(monkeypatch):
    """Were a loop not followed, each step would need all others: that is a refusal, never a wrong graph."""

    def know_nothing(self, equation, operands):
        return _compute_when_asked(equation, operands, need_everything(self.table, equation, operands))

    def program():
        def step(z, _):
            z = numpyro.sample("z", dist.Normal(z, 1))
            return z, None

        numpyro.sample("x", dist.Normal(scan(step, 0.0, None, length=3)[0], 1))

    assert from_numpyro(program, observed=["x"], elementwise=True).net.parents("x") == ("z[2]",)
    monkeypatch.setattr(Walk, "_scan", know_nothing)
    with pytest.raises(ProgramError, match=r"'z\[\d\]', 'z\[\d\]' depend on each other .* cannot be told apart"):
        from_numpyro(program, observed=["x"], elementwise=True)
