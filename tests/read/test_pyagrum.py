"""Networks of pyAgrum: structure, labels and tables."""

import numpy as np
import pyagrum
import pytest

import retrodict as rd
from retrodict.errors import SourceError
from tests.exact_discrete import compute_marginals


@pytest.mark.parametrize("text", ["A->B<-C;B->D{x|y|z}", "a[4]->b[3]->c[5];a->c;d[2,6]->c", "x{low|high}->y;x->z;w->z"])
def test_a_network_has_the_posterior_that_pyagrum_finds(text):
    bn = pyagrum.fastBN(text)
    model = rd.from_pyagrum(bn)
    evidence = {name: len(model.states(name)) - 1 for name in model.net.observed}
    inference = pyagrum.LazyPropagation(bn)
    inference.setEvidence(evidence)
    inference.makeInference()
    for name, marginal in compute_marginals(model, evidence).items():
        np.testing.assert_allclose(marginal, inference.posterior(name).toarray(), atol=1e-12)


def test_labels_and_the_observed_set_are_kept():
    model = rd.from_pyagrum(pyagrum.fastBN("x{low|high}->y[2,5]"), observed=["x"])
    assert (model.states("x"), model.states("y")) == (("low", "high"), ("2", "3", "4", "5"))
    assert model.net.observed == ("x",)


def test_independences_are_those_of_pyagrum():
    bn = pyagrum.randomBN(n=12, ratio_arc=1.3)
    net = rd.from_pyagrum(bn).net
    for a in net.names[:6]:
        for b in net.names[6:]:
            rest = [name for name in net.names if name not in (a, b)][::2]
            assert bool(rd.d_separated(net, a, b, given=rest)) == bn.isIndependent(a, b, rest)


@pytest.mark.parametrize("thing", [None, "A->B", pyagrum.MarkovRandomField()])
def test_what_is_no_network_is_refused(thing):
    with pytest.raises(SourceError, match=r"needs a pyagrum\.BayesNet"):
        rd.from_pyagrum(thing)


@pytest.mark.parametrize("ending", ["xmlbif", "bifxml", "uai", "net", "NET"])
def test_files_that_pyagrum_reads(ending, tmp_path):
    """Written by pyAgrum itself; of UAI the names are numbers, in the order of its nodes."""
    bn = pyagrum.fastBN("rain{no|yes}->wet[2]<-tap[3];wet->mud{little|much}")
    written = {"xmlbif": "bifxml", "NET": "net"}.get(ending, ending)
    pyagrum.saveBN(bn, str(tmp_path / f"written.{written}"))
    path = (tmp_path / f"written.{written}").rename(tmp_path / f"model.{ending}")
    model, direct = rd.from_file(path), rd.from_pyagrum(bn)
    names = {name: str(bn.idFromName(name)) if ending == "uai" else name for name in direct.net.names}
    for name in direct.net.names:
        parents = direct.net.parents(name)
        assert set(model.net.parents(names[name])) == {names[parent] for parent in parents}
        mine, own = [names[p] for p in parents], model.net.parents(names[name])
        table = np.moveaxis(direct.table(name), range(len(own)), [own.index(p) for p in mine])
        np.testing.assert_allclose(model.table(names[name]), table, atol=1e-6)
        if ending != "uai":
            assert model.states(name) == direct.states(name)
    assert rd.from_file(path, tables=False) == model.net


@pytest.mark.parametrize(
    ("ending", "text"), [("xmlbif", "<a>"), ("uai", "BAYES 3 x"), ("net", "net { } node a {"), ("net", "")]
)
def test_files_that_nobody_can_read(ending, text, tmp_path):
    path = tmp_path / f"bad.{ending}"
    path.write_text(text)
    with pytest.raises(SourceError):
        rd.from_file(path)
    with pytest.raises(SourceError, match="is not a file"):
        rd.from_file(tmp_path / f"none.{ending}")
