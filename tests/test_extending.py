"""docs/extending.md is true: what is put into a table there works at every door."""

import re

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import retrodict as rd
from retrodict import zoo
from retrodict.cli.app import complete_order
from retrodict.cli.options import complete_source
from retrodict.encode.families.choice import REAL_FAMILIES
from retrodict.encode.recipe import Recipe
from retrodict.errors import OptionError, OrderError, SourceError
from retrodict.invert.orders import ORDERS
from retrodict.read.formats import FORMATS
from tests.processes import ROOT

PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
TABLES = REAL_FAMILIES, ORDERS, FORMATS


@pytest.fixture(scope="module", autouse=True)
def names():
    """What the examples of the page define; the tables are as before when the tests of this file are done."""
    before, defined = [dict(table) for table in TABLES], {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        exec(compile(block, "extending.md", "exec"), defined)  # noqa: S102
    yield defined
    for table, rows in zip(TABLES, before, strict=True):
        table.clear()
        table.update(rows)


@pytest.mark.parametrize(("table", "name"), [(REAL_FAMILIES, "laplace"), (ORDERS, "levels"), (FORMATS, ".edges")])
def test_each_example_adds_a_row(table, name):
    assert list(table)[-1] == name


def test_the_page_names_files_that_are_there():
    new = {"encode/families/laplace.py", "invert/levels.py", "read/edges.py"}
    found = set(re.findall(r"`retrodict/([\w/]+\.py)`", PAGE))
    assert new < found
    assert all((ROOT / "src" / "retrodict" / path).exists() for path in found - new)
    assert all((ROOT / path).exists() for path in re.findall(r"`(tests/[\w/]+\.py)`", PAGE))


# -- a family ----------------------------------------------------------------------------------------


def program(x=None):
    z = numpyro.sample("z", dist.Normal(0.0, 1.0))
    numpyro.sample("x", dist.Normal(z, 1.0), obs=x)


def test_a_family_is_trained_saved_and_loaded_by_its_name(run, tmp_path):
    asked = ["train", "tree:3", "--conditional", "laplace", "--no-exact", "--steps", "20", "--simulations", "0"]
    status, _, err = run(*asked, "--out", str(tmp_path / "kept"))
    assert status == 0, err
    posterior = rd.load(tmp_path / "kept", zoo.binary_tree(3))
    assert type(posterior.encoder.conditional).__name__ == "Laplace"
    draws = posterior.sample({"x3": 0.0, "x4": 1.0, "x5": 0.0, "x6": 1.0}, n=5)
    assert np.isfinite(draws["x0"]).all()


def test_a_family_serves_a_guide_and_a_model_to_learn(names):
    guide = rd.AutoFaithful(program, conditional="laplace", exact=False)
    guide.setup(jnp.asarray(0.5))
    assert isinstance(guide.parts.encoder.conditional, names["Laplace"])
    learned = rd.fit_model(
        zoo.programs.vae(2, 3, (4,), 0), {"x": np.zeros((8, 3))}, conditional="laplace", epochs=1, quiet=True
    )
    assert isinstance(learned.pair.encoder.conditional, names["Laplace"])


def test_messages_list_the_family():
    with pytest.raises(OptionError, match=r"'lapalce' does not exist\. Choose one of normal, .*laplace"):
        rd.amortize(zoo.binary_tree(2), conditional="lapalce", steps=1)


# -- an order ----------------------------------------------------------------------------------------


def test_an_order_is_one_of_the_orders_everywhere(run):
    model = zoo.binary_tree(3)
    inverse = rd.invert(model, "levels")
    assert inverse.strategy == "levels"
    assert rd.certify(inverse)
    assert "levels" in [row.order for row in rd.compare(model).rows]
    assert Recipe("levels").invert(rd.from_numpyro(program, observed=["x"])).strategy == "levels"
    assert complete_order("lev") == ["levels"]
    status, out, _ = run("invert", "tree:3", "--order", "levels", "--json")
    assert status == 0
    assert '"levels"' in out
    with pytest.raises(OrderError, match=r"'level' does not exist\. Choose one of auto, .*levels"):
        rd.invert(model, "level")


# -- a reader ----------------------------------------------------------------------------------------


def test_a_file_is_read_by_its_ending_everywhere(run, tmp_path, monkeypatch):
    (tmp_path / "a.edges").write_text("z -> x\n\nz -> y\n")
    monkeypatch.chdir(tmp_path)
    assert rd.from_file("a.edges") == rd.BayesNet({"z": [], "x": ["z"], "y": ["z"]}, observed=["x", "y"])
    assert rd.from_file(tmp_path / "a.edges", observed=["y"]).observed == ("y",)
    assert "a.edges" in complete_source("a.")
    status, out, _ = run("invert", "a.edges", "--json")
    assert status == 0
    assert '"z"' in out


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "a.edges"
    path.write_text("z -> x\nz x\n")
    with pytest.raises(SourceError, match=r"line 2 of .*a\.edges is not an edge"):
        rd.from_file(path)
    with pytest.raises(SourceError, match=r"'a\.xml' is not a file that can be read.*\.bif, .*\.edges"):
        rd.from_file("a.xml")
