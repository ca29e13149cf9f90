"""Encoders of series depend on exactly what their patterns say: by derivatives, at every time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import retrodict as rd
from retrodict import zoo
from retrodict.encode.series.named_patterns import ENCODERS, find_patterns
from retrodict.encode.series.series_batch import SeriesBatch
from retrodict.encode.series.series_plan import plan_series
from retrodict.learn.series.series_fit import build_encoder, count_parameters

TIMES, LENGTH, KEYS = 6, 5, 3
BATCH = SeriesBatch(
    {"x": jnp.asarray(np.random.default_rng(0).normal(size=(1, TIMES, KEYS)), jnp.float32)}, jnp.array([LENGTH])
)


def make(kind, order):
    program = zoo.programs.deep_markov(2, KEYS, 4, 4, kind=kind)
    inverse = find_patterns(program.template, order)
    return inverse, build_encoder(program, inverse, BATCH, "gru", (5, 4), jax.random.key(0))


def find_dependence(encoder, name):
    """Which observations (columns) what is prepared for a latent depends on, by time (rows)."""

    def prepare(x):
        return encoder.prepare(SeriesBatch({"x": x}, BATCH.lengths))[name][0]

    moved = jax.jacobian(prepare)(BATCH.values["x"])[..., 0, :, :]
    return np.abs(np.asarray(moved)).sum(axis=(-3, -1) if moved.ndim == 4 else (0, -1)) > 0


def span(first, last):
    """The observations from ``first(t)`` to ``last(t)`` at each time, of those that there are."""
    return np.array([[max(0, first(t)) <= s <= last(t) for s in range(TIMES)] for t in range(LENGTH)])


END = LENGTH - 1
EXPECTED = {
    ("plain", "derived"): span(lambda t: t, lambda t: END),
    ("plain", "past"): span(lambda t: 0, lambda t: t),
    ("plain", "mean-field"): span(lambda t: 0, lambda t: END),
    ("plain", "all"): span(lambda t: 0, lambda t: END),
    ("autoregressive", "derived"): span(lambda t: t - 1, lambda t: END),
    ("static", "derived"): span(lambda t: t, lambda t: END),
}


@pytest.mark.parametrize(("kind", "order"), EXPECTED)
def test_what_is_read_of_the_data_is_what_the_pattern_says(kind, order):
    _, encoder = make(kind, order)
    np.testing.assert_array_equal(find_dependence(encoder, "z")[:LENGTH], EXPECTED[kind, order])


def test_a_latent_of_the_whole_series_reads_all_of_it():
    inverse, encoder = make("static", "derived")
    assert inverse.parents["s"] == ("x[*]",)
    assert find_dependence(encoder, "s").tolist() == [True] * LENGTH + [False]
    assert [plan.name for plan in encoder.plans] == ["s", "z"]


def test_two_layers_read_each_other_as_the_inverse_says():
    _, encoder = make("layered", "derived")
    found = {plan.name: [(single.name, single.lag) for single in plan.latents] for plan in encoder.plans}
    assert found == {"z2": [("z2", 1), ("z1", 1)], "z1": [("z2", 0), ("z1", 1)]}


@pytest.mark.parametrize("order", ENCODERS)
@pytest.mark.parametrize("kind", ["plain", "autoregressive", "static", "layered"])
def test_verdicts_on_named_encoders(kind, order):
    """The derived one is faithful and minimal, all sides are faithful, the others are not."""
    inverse, _ = make(kind, order)
    verdict = rd.certify(inverse)
    assert bool(verdict) == (order in ("derived", "all"))
    assert verdict.minimal == (order == "derived")


@pytest.mark.parametrize("cell", ["gru", "relu"])
def test_capacity_chooses_widths_of_nearly_as_many_parameters(cell):
    program = zoo.programs.deep_markov(3, KEYS, 4, 4)
    for order in ENCODERS:
        inverse = find_patterns(program.template, order)
        encoder = build_encoder(program, inverse, BATCH, cell, rd.Capacity(20_000), jax.random.key(0))
        assert count_parameters(encoder) == pytest.approx(20_000, rel=0.03)


@pytest.mark.parametrize(
    ("text", "schedule", "why"),
    [
        ("z[t] | z[t-1]; x[t] | z[t]", "down t: (z)", "goes up in time"),
        ("a[t]; b[t] | a[t] b[t-1]; x[t] | a[t] b[t]", "(up t: (b); each t: (a))", None),
        ("s; z[t] | z[t-1] s; x[t] | z[t]", "(up t: (z); s)", "what has no time first"),
    ],
)
def test_what_one_pass_upwards_cannot_follow_is_refused(text, schedule, why):
    inverse = rd.invert(rd.Template(text, observed=["x"]), schedule)
    if why is None:
        assert [plan.name for plan in plan_series(inverse)] == ["b", "a"]
        return
    with pytest.raises(rd.errors.OptionError, match=why):
        plan_series(inverse)


def test_names_that_there_are_not_are_refused():
    template = rd.zoo.template("ssm")
    with pytest.raises(rd.errors.OptionError, match="order='future' is no encoder of series"):
        find_patterns(template, "future")
    with pytest.raises(rd.errors.OptionError, match="made for another template"):
        find_patterns(template, rd.invert(rd.zoo.template("two-layers")))
