"""Programs read as templates: equal to what is written by hand, and grounded again to what was read."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import retrodict as rd
from retrodict.errors import OptionError
from tests.read.templates.cases import CASES, PUBLIC, Case

FULL = [pytest.param(case, id=case.name) for case in CASES]


@pytest.mark.parametrize("case", FULL)
def test_reads_what_a_person_writes(case: Case):
    model, by_hand = case.model, case.by_hand()
    template = model.template
    assert {v.name: set(v.dims) for v in template.variables} == {v.name: set(v.dims) for v in by_hand.variables}
    assert set(template.relations) == set(by_hand.relations)
    assert set(template.observed) == set(by_hand.observed)
    assert (template.time, set(template.constants)) == (by_hand.time, set(by_hand.constants))
    require_law(model)


def require_law(model: rd.TemplateModel) -> None:
    """The template at the sizes read is the program's net up to names, with more edges where a carry begins alone."""
    net = model.model.net
    ground, instances = model.template.at(model.sizes), model.instances
    assert len(set(instances.values())) == len(net.names)
    present, time = set(instances.values()), model.template.time
    for name in net.names:
        said = {p for p in ground.parents(instances[name]) if p in present}
        read = {instances[parent] for parent in net.parents(name)}
        assert read <= said
        assert ground.is_observed[ground.index(instances[name])] == net.is_observed[net.index(name)]
        if said != read:
            assert is_excused(model, instances[name], said - read, time), (name, said - read)


def is_excused(model: rd.TemplateModel, child: str, extra: set[str], time: str | None) -> bool:
    """A first time may lack what a constant start cancels; a covariate of zero cancels its coefficient."""
    variable, place = child.split("[")[0], child.partition("[")[2].rstrip("]").split(",")
    dims = model.template[variable].dims
    early = time in dims and int(place[dims.index(time)]) < max(1, model.template.max_lag)
    return early or any(
        (np.nan_to_num(model.covariates[r.parent]) == 0).any()
        for r in model.template.relations
        if r.child == variable and r.parent in model.covariates
    )


@pytest.mark.parametrize("case", FULL)
def test_inverts_for_all_sizes_and_for_those_read(case: Case):
    model = case.model
    lifted = rd.invert(model)
    assert rd.certify(lifted)
    assert rd.certify(lifted.at(model.sizes)).faithful


@pytest.mark.parametrize("case", [case for case in CASES if case.name in ("radon_of_a_line", "mace")])
def test_the_model_is_that_of_reading_element_by_element(case: Case):
    net = rd.from_numpyro(case.program, *case.args, observed=[case.observed], elementwise=True).net
    assert case.model.model.net == net


def test_judges_patterns_by_hand_and_orders():
    model = next(case for case in CASES if case.name == "crossed").model
    own = rd.lint(model, {"mu": ["y[*,*]"], "b[j]": ["mu", "y[*,j]"], "a[i]": ["mu", "b[*]", "y[i,*]"]})
    assert not own
    assert own.missing[0].child.startswith("b[")
    lifted = rd.invert(model, "(mu; turn i: (a); each j: (b))")
    assert lifted.parents["b"] == ("mu", "a[*]", "y[*,j]")
    assert str(rd.invert(model).schedule) == "(mu; turn j: (b); each i: (a))"  # 4 people, 3 items
    with pytest.raises(OptionError, match="cannot be asked for a template"):
        rd.invert(model, minimize="depth")


def test_columns_hold_the_values_of_instances():
    model = next(case for case in CASES if case.name == "dawid_skene").model
    row = model.model.draw(jax.random.key(0), 1)[0]
    values = model.model.to_sites(row)
    assert np.array_equal(row[model.columns("beta")], values["beta"])  # a simplex for each annotator and class
    assert model.columns("beta").shape == (3, 3, 3)
    columns = model.columns("y")  # item, annotator, rank: the first annotator stands at two positions
    assert np.array_equal(row[columns[:, 0, :]], values["y"][:, :2])
    assert np.array_equal(row[columns[:, 1:, 0]], values["y"][:, 2:])
    assert (columns[:, 1:, 1] == -1).all()


def test_axes_of_two_elements_are_written_out():
    model = next(case for case in CASES if case.name == "ucbadmit").model
    assert model.sites["z_1"] == "z"
    assert model.names["z_1"].tolist() == ["z[0,1]", "z[1,1]", "z[2,1]"]
    assert model.names["sigma_0"].tolist() == "sigma[0]"
    row = model.model.draw(jax.random.key(0), 1)[0]
    assert np.array_equal(row[model.columns("z_1")], model.model.to_sites(row)["z"][:, 1])


def test_walks_are_drawn_step_by_step_with_the_same_density():
    case = next(case for case in CASES if case.name == "stochastic_volatility")
    assert case.model.sites["s"] == "s_step"
    assert case.model.names["s"].tolist() == [f"s_step[{t}]" for t in range(6)]
    whole = rd.from_numpyro(case.program, *case.args, observed=["r"], elementwise=True)
    values = whole.simulate(3, seed=0)
    steps = {name: value for name, value in values.items() if name != "s"}
    steps |= {f"s_step[{t}]": values["s"][:, t] for t in range(6)}
    assert np.allclose(case.model.model.log_joint(steps), whole.log_joint(values), rtol=1e-5)


def test_reads_programs_that_nobody_here_wrote():
    assert len(PUBLIC) >= 8
    assert len(CASES) >= 20


def test_is_compared_and_reported_at_the_sizes_read(tmp_path):
    model = next(case for case in CASES if case.name == "crossed").model
    assert [row.order for row in rd.compare(model).rows] == [row.order for row in rd.compare(model.model).rows]
    assert "y[0,0]" in rd.write_report(model, tmp_path / "crossed.html").read_text("utf-8")
