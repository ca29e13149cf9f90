"""Every learned program can be amortized as it is: encoders know its supports, and weights are numbers."""

from __future__ import annotations

import numpy as np
import pytest

import retrodict as rd
from tests.zoo.programs import CASES, read


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_programs_can_be_amortized(name):
    model = read(name)
    posterior = rd.amortize(model, steps=50, exact=False, quiet=True)
    data = {pixel: value[0] for pixel, value in model.simulate(1, seed=3).items() if pixel in model.net.observed}
    weighed = posterior.importance(data, 200)
    assert np.isfinite(weighed.log_weights).all()
    assert weighed.ess > 2
