"""What is no template is refused by the name of the dim, with the way out."""

from __future__ import annotations

import numpy as np
import pytest

import retrodict as rd
from retrodict.errors import ProgramError, SizeError
from tests.read.templates import house_programs as house


@pytest.mark.parametrize(
    ("program", "args", "observed", "message"),
    [
        (house.ring, (5,), ["y"], r"'y', 'z' are related along 'z.0' in a way that no template says"),
        (house.lattice, (3,), ["y"], r"'y', 'z' are related along 'rows', 'columns' in a way"),
        (house.matches, (np.array([0, 1, 2, 0]), np.array([1, 2, 3, 3])), ["y"], "along 'player' in a way"),
        (house.eight_schools, (np.ones(2),), ["y"], "sizes of at least 3, where relations differ, and 'schools' has"),
        (house.trend, (5,), ["y"], "tells the indices of 'year' apart.*such as jnp.arange"),
        (house.polynomial, (np.linspace(0, 1, 6), 13), ["y"], "tells the indices of 'b.0' apart"),
        (house.key_as_a_number, (np.array([0, 0, 1, 2, 2]),), ["y"], "tells the indices of 'group' apart"),
        (house.vector_autoregression, (4,), ["y"], "tells the indices of .* apart"),
        (house.volatility, (6,), ["y"], "'y' is related along 't' at all earlier times"),
        (house.two_loops, (), ["z"], "loops of two lengths, 4 and another one at 'w'"),
        (house.vectors, (4,), ["y[1]"], "'y' is observed in some elements only"),
        (house.seasons, (6, np.array([0, 1, 2, 0, 1, 2])), ["x"], "'x', 'effect' are related along 'season' in a way"),
        (house.some_without_parents, (np.array([0, 0, 1, 2]),), ["y"], "along 'row' have a parent along 'group' and"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_refuses_by_name(program, args, observed, message):
    with pytest.raises(ProgramError, match=message):
        rd.from_numpyro(program, *args, observed=observed, template=True)


def test_refuses_arrays_that_are_too_large_to_follow():
    with pytest.raises(SizeError, match=r"an array of the shape \(251, 200\).*at smaller sizes"):
        rd.from_numpyro(house.regression, np.ones((251, 200)), observed=["y"], template=True)


def test_refuses_a_series_that_is_too_short_for_its_lag():
    from tests.read.templates.public_programs import ar2

    with pytest.raises(ProgramError, match="a series of 4 steps does not tell a lag of 2 from sums"):
        rd.from_numpyro(ar2, np.ones(2), 4, observed=["y"], template=True)
