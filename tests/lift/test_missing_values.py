"""Missing values: one pattern for all evidence, held against the truth of every pattern of evidence."""

from __future__ import annotations

import itertools
import random

import pytest

import retrodict as rd
from retrodict.errors import GraphError, OptionError
from tests.lift.random_templates import Kind, draw_schedule, draw_template

SERIES = rd.Template("phi; z[t] | z[t-1] phi; y[t] | y[t-1] z[t]", observed=["y"], may_be_missing=["y"])


def test_what_may_be_missing_is_drawn_in_its_turn() -> None:
    lifted = rd.invert(SERIES)
    assert str(lifted.schedule) == "(phi; up t: (z; y))"
    assert lifted.list_rows() == [
        "phi <- y[*]",
        "z[t] <- phi z[t-1] y[t-1..T-1]",
        "y[t] <- phi z[t] y[t-1] y[t+1..T-1]",
    ]
    verdict = rd.certify(lifted)
    assert (verdict.scope, verdict.minimal) == ("for all sizes", True)


def test_it_can_be_asked_for_when_inverting() -> None:
    plain = rd.Template(str(SERIES), observed=["y"])
    assert rd.invert(plain, may_be_missing=["y"]).list_rows() == rd.invert(SERIES).list_rows()


def test_every_pattern_of_evidence_of_a_short_series() -> None:
    lifted = rd.invert(SERIES)
    for gone in itertools.product([False, True], repeat=5):
        missing = [f"y[{t}]" for t, is_gone in enumerate(gone) if is_gone]
        if len(missing) < 5:
            inverse = lifted.at({"t": 5}, missing=missing)
            assert set(inverse.net.observed) == {f"y[{t}]" for t in range(5)} - set(missing)
            assert rd.certify(inverse).faithful


def draw_evidence(rng: random.Random, template: rd.Template, sizes: dict[str, int]) -> list[str]:
    names = template.at(sizes).names
    share = rng.random()
    return [str(n) for n in names if str(n).partition("[")[0] in template.may_be_missing and rng.random() < share]


def require_covered(seed: str, n: int) -> int:
    """Draw templates and evidence: no parent is missing. Return how often there are more than this evidence asks."""
    rng, failed = random.Random(seed), 0  # noqa: S311
    for _ in range(n):
        template = draw_template(rng, Kind(plates=rng.randint(0, 1), timed=rng.random() < 0.7, most_variables=5))
        inner = {relation.parent for relation in template.relations} & set(template.observed)
        if not inner:
            continue
        template = template.allowing_missing(sorted(inner))
        lifted = rd.invert(template, draw_schedule(rng, template))
        sizes = {dim: 6 if dim == "t" else 3 for dim in template.dims}
        missing = draw_evidence(rng, template, sizes)
        if len(missing) == len(template.at(sizes).observed):
            continue
        verdict = rd.certify(lifted.at(sizes, missing))
        assert verdict.n_missing == 0, (str(template), str(lifted.schedule), missing)
        failed += verdict.n_removable > 0
    return failed


def test_random_evidence() -> None:
    assert require_covered("evidence", 40) > 0


@pytest.mark.slow
def test_much_random_evidence() -> None:
    assert require_covered("much evidence", 2000) > 100


def test_missing_leaves_add_no_parents() -> None:
    """Patterns of the crossing without missing values: restricted to what is there, they stay faithful (lemma 0)."""
    crossed = rd.Template("mu; a[i]; b[j]; y[i,j] | mu a[i] b[j]", observed=["y"])
    lifted = rd.invert(crossed, "(mu; turn j: (b); each i: (a))")
    sizes, rng = {"i": 4, "j": 5}, random.Random("leaves")  # noqa: S311
    whole = lifted.at(sizes)
    for _ in range(20):
        kept = [name for name in whole.net.observed if rng.random() < 0.5]
        parents = {n: whole.net.parents(n) for n in whole.net.names if n in kept or not str(n).startswith("y")}
        net = rd.BayesNet(parents, observed=kept)
        informed = rd.invert(net, list(whole.elimination_order))
        for name, needed in informed.parents.items():
            if name not in informed.generative:
                assert set(needed) <= set(whole.parents[name])


def test_wrong_evidence_is_refused() -> None:
    with pytest.raises(OptionError, match=r"'y\[7\]' may not be missing"):
        rd.invert(SERIES).at({"t": 5}, missing=["y[7]"])
    with pytest.raises(GraphError, match=r"'z' is named in may_be_missing=, but not observed"):
        SERIES.allowing_missing(["z"])
