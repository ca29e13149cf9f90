"""The predicted cost of a training step is that of the encoder that is built."""

import jax
import pytest

from retrodict import fully_connected, invert, mean_field, zoo
from retrodict.encode.build import build_encoder, count_parameters
from retrodict.errors import SizeError
from retrodict.plan.cost import predict_cost
from retrodict.plan.dependencies import Dependencies
from retrodict.plan.unit_groups import UnitGroups, suggest_widths

MODELS = [zoo.binary_tree(4).net, zoo.hmm(20).net, zoo.plate(9), zoo.layers(2, 4, 6), zoo.asia()]
INVERSES = [make(net) for net in MODELS for make in (invert, fully_connected, mean_field)]


@pytest.mark.parametrize("inverse", INVERSES[::4], ids=repr)
def test_a_multiplication_is_a_weight_in_use(inverse):
    """Each weight of the encoder is used once for each simulation; biases are added, not multiplied."""
    encoder = build_encoder(inverse, jax.random.key(0))
    dependencies = Dependencies.of(inverse)
    groups = UnitGroups.of(dependencies, suggest_widths(dependencies))
    outputs = 2 * len(dependencies.latents)
    biases = sum(units * len(groups.sets) for units in groups.units) + 2 * outputs
    assert predict_cost(inverse, batch=1) == 3 * (count_parameters(encoder) - biases)


def test_the_cost_is_in_proportion_to_the_batch():
    inverse = invert(zoo.asia())
    assert predict_cost(inverse, batch=10) == 10 * predict_cost(inverse, batch=1)


def test_what_is_too_large_is_not_predicted():
    with pytest.raises(SizeError, match="not predicted for"):
        predict_cost(invert(zoo.hmm(3000), order="forward"))
