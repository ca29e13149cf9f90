"""The inverses that people write by hand are what their names say."""

import pytest

from retrodict.certificate.certify import certify
from retrodict.invert import fully_connected, mean_field, reversal
from tests.cases import CASES, SMALL_CASES, Case, pick


@pytest.mark.parametrize("case", CASES, ids=str)
def test_reversal_turns_the_edges_round(case: Case) -> None:
    assert all(parents == case.net.children(name) for name, parents in reversal(case.net).parents.items())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_mean_field_sees_the_data_only(case: Case) -> None:
    inverse = mean_field(case.net)
    assert all(parents == case.net.observed for parents in inverse.parents.values())
    assert inverse.depth == 1


@pytest.mark.parametrize("case", SMALL_CASES, ids=str)
def test_fully_connected_sees_everything_before(case: Case) -> None:
    inverse = fully_connected(case.net)
    known = set(case.net.observed)
    for name in inverse.sampling_order:
        assert set(inverse.parents[name]) == known
        known.add(name)
    assert certify(inverse).faithful


def test_reversal_misses_three_of_the_nine_edges_of_figure_1() -> None:
    """Webb et al. 2017, figure 1(b): a third of the needed edges, each with the way that influence takes."""
    inverse = reversal(pick("figure 1").net)
    certificate = certify(inverse)
    assert inverse.n_edges == 6
    assert not certificate
    assert certificate.minimal
    assert [(edge.parent, edge.child, edge.path, edge.drawing) for edge in certificate.missing] == [
        ("x3", "x2", ("x3", "x1", "x0", "x2"), "x3 <- x1 <- x0 -> x2"),
        ("x4", "x2", ("x4", "x1", "x0", "x2"), "x4 <- x1 <- x0 -> x2"),
        ("x2", "x1", ("x2", "x0", "x1"), "x2 <- x0 -> x1"),
    ]


@pytest.mark.parametrize(
    ("name", "faithful"),
    [
        ("chain, end observed", True),
        ("chain, every second observed", False),
        ("hidden Markov model, 8 steps", False),
        ("explaining away", False),
        ("diamond", False),
        ("disconnected", True),
    ],
)
def test_reversal_is_faithful_on_forests_seen_from_below(name: str, faithful: bool) -> None:
    assert certify(reversal(pick(name).net)).faithful is faithful
