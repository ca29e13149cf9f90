"""A guide is read as it was written."""

from __future__ import annotations

import pytest
from hypothesis import given

from retrodict.certificate.handwritten import read_guide
from retrodict.invert import invert, reversal
from tests.cases import CASES, Case
from tests.random_models import RandomModel, guided_models


@given(guided_models())
def test_parents_come_back_and_can_be_sampled(guided: tuple[RandomModel, dict[int, list[int]]]) -> None:
    model, guide = guided
    written = {model.names[v]: [model.names[u] for u in above] for v, above in guide.items()}
    inverse = read_guide(model.net, written)
    assert {name: set(above) for name, above in inverse.parents.items()} == {n: set(a) for n, a in written.items()}
    known = set(model.observed_names)
    for name in inverse.sampling_order:
        assert set(written[name]) <= known
        known.add(name)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_reversal_written_by_hand_is_the_reversal(case: Case) -> None:
    """The order that begins furthest down is taken, which is the order of the reversal itself."""
    ours = reversal(case.net)
    theirs = read_guide(case.net, {name: set(above) for name, above in ours.parents.items()})
    assert theirs.parents == ours.parents
    assert theirs.sampling_order == ours.sampling_order


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_inverse_written_by_hand_has_the_same_edges(case: Case) -> None:
    ours = invert(case.net)
    assert read_guide(case.net, dict(ours.parents)).parents == ours.parents
