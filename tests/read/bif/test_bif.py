"""BIF files: what they say, against pyAgrum's reader and against what random networks were written from."""

from __future__ import annotations

import gzip

import numpy as np
import pyagrum
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retrodict as rd
from retrodict.models.discrete import DiscreteNetwork
from retrodict.read.bif.bif_reader import from_bif, parse_bif
from tests.models.discrete.test_network import build_random
from tests.processes import ROOT, run_python

DATA = ROOT / "tests" / "data"


def quote(name: object) -> str:
    return '"' + str(name).replace("\\", "\\\\").replace('"', '\\"') + '"'


def write_bif(model: DiscreteNetwork, *, flat: bool = False) -> str:
    """A model as a BIF file, with all names in quotes; tables flat or row by row."""
    net, lines = model.net, ["network n { }"]
    for name in net.names:
        listed = ", ".join(map(quote, model.states(name)))
        lines.append(f"variable {quote(name)} {{ type discrete [ {len(model.states(name))} ] {{ {listed} }}; }}")
    for name in net.names:
        parents, table = net.parents(name), model.table(name)
        bar = f" | {', '.join(map(quote, parents))}" if parents else ""
        lines.append(f"probability ( {quote(name)}{bar} ) {{")
        if flat or not parents:
            numbers = np.moveaxis(table, -1, 0).ravel()
            lines.append("  table " + ", ".join(map(repr, numbers.tolist())) + ";")
        else:
            for row in np.ndindex(*table.shape[:-1]):
                states = ", ".join(quote(model.states(p)[k]) for p, k in zip(parents, row, strict=True))
                lines.append(f"  ({states}) {', '.join(map(repr, table[row].tolist()))};")
        lines.append("}")
    return "\n".join(lines)


def rename(model: DiscreteNetwork, names: list[str]) -> DiscreteNetwork:
    """The same model with other names of variables and states."""
    new = dict(zip(model.net.names, names, strict=False))
    return DiscreteNetwork.from_tables(
        {new[name]: [new[parent] for parent in model.net.parents(name)] for name in model.net.names},
        {new[name]: [f"{names[0]} {state}" for state in model.states(name)] for name in model.net.names},
        {new[name]: model.table(name) for name in model.net.names},
        [new[name] for name in model.net.observed],
    )


def require_equal(first: DiscreteNetwork, second: DiscreteNetwork) -> None:
    assert first.net == second.net
    for name in first.net.names:
        np.testing.assert_allclose(first.table(name), second.table(name), atol=1e-15)


@given(st.integers(0, 10**6), st.booleans())
@settings(max_examples=60)
def test_what_is_written_is_read(seed, flat):
    model = build_random(seed, 5)
    require_equal(parse_bif(write_bif(model, flat=flat), observed=model.net.observed), model)


printable = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=8)


@given(st.lists(printable, min_size=4, max_size=4, unique=True), st.booleans())
@settings(max_examples=60)
def test_any_name_in_quotes_is_read(names, flat):
    model = rename(build_random(7, 4), names)
    require_equal(parse_bif(write_bif(model, flat=flat), observed=model.net.observed), model)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("flat", [False, True])
def test_pyagrum_reads_the_same(tmp_path, seed, flat):
    """Both ways of writing a table, so the order of its numbers is that of another reader."""
    path = tmp_path / "random.bif"
    model = build_random(seed, 6, least_states=2)  # pyAgrum reads no variable with one
    path.write_text(write_bif(model, flat=flat).replace('"', ""))
    theirs = pyagrum.loadBN(str(path))
    ours = from_bif(path, observed=model.net.observed)
    assert {(theirs.variable(a).name(), theirs.variable(b).name()) for a, b in theirs.arcs()} == set(
        ours.net.to_networkx().edges
    )
    require_equal(ours, rd.from_pyagrum(theirs, observed=model.net.observed))


def test_asia_is_the_structure_of_the_zoo():
    asia, known = from_bif(DATA / "asia.bif").net, rd.zoo.asia()
    assert {name: set(asia.parents(name)) for name in asia.names} == {
        name: set(known.parents(name)) for name in known.names
    }
    assert set(asia.observed) == set(known.observed)
    assert asia.variable("tub") == rd.Variable("tub", support="categorical", states=("yes", "no"))


def test_what_the_format_allows_is_read():
    model = from_bif(DATA / "quirks.bif")
    assert model.net.parents("c.1") == ("heart rate", "Fieber-Müller")
    assert model.table("heart rate").tolist() == [0.2, 0.3, 0.5]
    np.testing.assert_allclose(model.table("Fieber-Müller"), [[0.25, 0.75], [1, 0], [0.25, 0.75]])
    np.testing.assert_allclose(model.table("c.1")[:, :, 0], [[0, 0.1], [0.2, 0.3], [0.4, 0.5]])
    assert model.states("Fieber-Müller") == ("<38°", ">=38°")
    assert model.net.observed == ("once",)


def test_observed_variables_can_be_chosen():
    assert from_bif(DATA / "asia.bif", observed=["smoke", "dysp"]).net.observed == ("smoke", "dysp")


def test_a_packed_file_is_read(tmp_path):
    packed = tmp_path / "asia.bif.gz"
    packed.write_bytes(gzip.compress((DATA / "asia.bif").read_bytes()))
    require_equal(from_bif(packed), from_bif(str(DATA / "asia.bif")))


def test_line_ends_and_a_byte_order_mark_change_nothing(tmp_path):
    path = tmp_path / "asia.bif"
    path.write_bytes(b"\xef\xbb\xbf" + (DATA / "asia.bif").read_bytes().replace(b"\n", b"\r\n"))
    require_equal(from_bif(path), from_bif(DATA / "asia.bif"))


@pytest.mark.parametrize("name", ["asia.bif", "quirks.bif"])
def test_the_structure_alone_is_that_of_the_network(name):
    assert from_bif(DATA / name, tables=False) == from_bif(DATA / name).net


NO_TABLES = """
variable a { }  variable b { type discrete [ 2 ] { no, yes }; }  variable c { type discrete [ 2 ] { no, yes }; }
probability (a) { }  probability (b | a) { (1) 0.5, 0.5; }  probability (c | a, b) { table 0.5; }
"""


def test_arrows_are_enough_for_what_asks_for_arrows(tmp_path):
    path = tmp_path / "arrows.bif"
    path.write_text(NO_TABLES)
    net = from_bif(path, tables=False)
    assert net.n_edges == 3
    assert net.variable("b").states == ("no", "yes")
    assert net.variable("a") == rd.Variable("a")
    assert rd.certify(rd.invert(net)).faithful
    assert "<svg" in net.plot().to_svg()
    with pytest.raises(
        rd.errors.SourceError, match=r"does not list the states of 'a'\..* call from_bif\(path, tables=False\)"
    ):
        from_bif(path)


STRUCTURE_ONLY = """
import sys
import retrodict as rd
model = rd.from_bif("tests/data/asia.bif")
assert rd.certify(rd.invert(model)) and rd.compare(model).rows
print(*{name.split(".")[0] for name in sys.modules})
"""


def test_structure_alone_waits_for_nothing_heavy():
    loaded = set(run_python(STRUCTURE_ONLY).split())
    assert not loaded & {"jax", "jaxlib", "numpyro", "networkx", "pyagrum"}
