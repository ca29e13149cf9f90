"""What is given is a value of the request; a posterior answers what its encoder was built for."""

from __future__ import annotations

import numpy as np
import pytest

from retrodict import BayesNet, LinearGaussian, invert
from retrodict.encode.space import Space
from retrodict.errors import DataError
from retrodict.posterior.observations import Evidence
from tests.posterior.exact import exact_posterior

NET = BayesNet({"z": [], "y": ["z"], "x": ["y"]}, observed=["x", "y"])
MODEL = LinearGaussian.from_weights(NET, {})
LACKING = r"the data lack 'x', for which the encoder was built\. Give a value of each, or amortize"
TOO_MUCH = r"the data hold 'z', for which the encoder was not built\. Leave them out, or amortize"


def test_evidence_is_whatever_data_name() -> None:
    evidence = Evidence.of(Space(invert(NET)), {"y": [1.0, 2.0], "z": [0.0, 3.0]})
    assert evidence.given == ("z", "y")
    assert evidence.rows.tolist() == [[0.0, 1.0], [3.0, 2.0]]
    assert (evidence.batch, len(evidence)) == ((2,), 2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"y": 1.0}, LACKING),
        ({"x": 0.0, "y": 1.0, "z": 2.0}, TOO_MUCH),
        ({"z": 2.0}, "the data lack 'y', 'x', for which the encoder was built"),
    ],
)
def test_other_evidence_is_refused_by_whatever_takes_it(data: dict[str, float], message: str) -> None:
    posterior = exact_posterior(MODEL)
    evidence = posterior.read(data)
    for ask in (
        lambda: posterior.draw(evidence, 5),
        lambda: posterior.sample(data, 5),
        lambda: posterior.stream(data, 5),
        lambda: posterior.log_prob({"z": 0.0}, data),
        lambda: posterior.importance(data, 5),
    ):
        with pytest.raises(DataError, match=message):
            ask()


def test_draws_of_evidence_are_those_of_its_data() -> None:
    posterior, data = exact_posterior(MODEL), {"x": np.zeros(3), "y": np.ones(3)}
    columns = posterior.draw(posterior.read(data), 7, seed=1)
    assert columns.shape == (7, 3, 1)
    np.testing.assert_array_equal(columns[..., 0], posterior.sample(data, 7, seed=1)["z"])
