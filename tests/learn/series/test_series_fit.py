"""Programs of series learned in one call: every kind, every encoder, every objective; kept, resumed, refused."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import retrodict as rd
from retrodict import zoo
from retrodict.encode.series.named_patterns import find_patterns
from retrodict.encode.series.series_batch import SeriesBatch
from retrodict.learn.series.series_data import read_series
from retrodict.learn.series.series_fit import build_encoder
from retrodict.train.series.series_batches import SeriesSource
from retrodict.train.series.series_bounds import split_bound
from retrodict.train.series.series_pair import SeriesPair
from tests.learn.series.linear_oracle import find_likelihood, simulate

RNG = np.random.default_rng(0)
KEYS = {"x": [RNG.integers(0, 2, (length, 3)).astype(np.uint8) for length in (7, 4, 9, 5, 3, 6)]}
FEW = {"epochs": 2, "quiet": True, "widths": (5, 4)}


def few(**options):
    return rd.SeriesTraining(**{"batch": 3, "held_out": {"x": KEYS["x"][:2]}, **options})


KINDS = [
    ("plain", "mean-field", "elbo"),
    ("autoregressive", "derived", "iwae"),
    ("static", "past", "sequential"),
    ("layered", "all", "elbo"),
]


@pytest.mark.parametrize(
    ("kind", "order", "objective"),
    [*(pytest.param(*each, marks=pytest.mark.slow) for each in KINDS[:-1]), KINDS[-1]],
)
def test_every_kind_is_learned(kind, order, objective):
    program = zoo.programs.deep_markov(2, 3, 4, 4, kind=kind)
    learned = rd.fit_model(program, KEYS, order, objective=objective, training=few(draws=3, annealing=2), **FEW)
    assert len(learned.history.test) == 2
    assert np.isfinite(learned.bound(KEYS)).all()
    assert (learned.log_likelihood(KEYS, 500) > learned.bound(KEYS, 20) - 0.2).all()
    assert bool(learned.certificate) == (order in ("derived", "all"))
    made = learned.generate(4, 2)
    assert set(np.unique(made["x"])) <= {0.0, 1.0}
    assert made["x"].shape == (2, 4, 3)
    rows = learned.infer({"x": KEYS["x"][:2]}, 5)
    assert rows[1]["z" if kind != "layered" else "z1"].shape == (5, 4, 2)
    (means,) = learned.reconstruct({"x": KEYS["x"][:1]})
    assert means["x"].shape == (7, 3)
    assert ((means["x"] > 0) & (means["x"] < 1)).all()


@pytest.mark.slow
def test_volatility_of_several_indices_is_learned_with_an_encoder_that_has_no_name():
    program = zoo.programs.stochastic_volatility(2)
    returns = list(RNG.normal(size=(4, 6, 2)))
    learned = rd.fit_model(program, {"x": returns}, training=few(held_out={"x": returns[:1]}), **FEW)
    assert learned.certificate.minimal
    assert learned.inverse.parents["c"] == ("s", "c[t-1]", "h[t-1]", "x[t-1..T-1]")
    layered = {"s": ["x[*]"], "c[t]": ["s", "c[t-1]", "x[t..T-1]"], "h[t]": ["s", "c[t]", "h[t-1]", "x[t..T-1]"]}
    assert not rd.lint(program.template, layered)  # each layer by itself is not enough
    assert np.isfinite(learned.smc({"x": returns}, 5).log_likelihood).all()


def test_what_is_saved_comes_back(tmp_path):
    program = zoo.programs.deep_markov(2, 3, 4, 4, kind="layered")
    learned = rd.fit_model(program, KEYS, training=few(), **FEW)
    learned.save(tmp_path)
    again = rd.load(tmp_path, zoo.programs.deep_markov(2, 3, 4, 4, kind="layered", seed=5))
    np.testing.assert_array_equal(again.bound(KEYS), learned.bound(KEYS))
    assert again.inverse.parents == learned.inverse.parents
    assert again.history == learned.history
    with pytest.raises(rd.errors.FileError, match="was saved for the template"):
        rd.load(tmp_path, zoo.programs.deep_markov(2, 3, 4, 4))
    with pytest.raises(rd.errors.FileError, match="with other parameters"):
        rd.load(tmp_path, zoo.programs.deep_markov(2, 3, 5, 4, kind="layered"))


def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path):
    program = zoo.programs.deep_markov(2, 3, 4, 4)
    how = {"schedule": "constant", "annealing": 3}
    whole = rd.fit_model(program, KEYS, training=few(**how), **{**FEW, "epochs": 3})
    rd.fit_model(program, KEYS, training=few(**how, folder=tmp_path), **{**FEW, "epochs": 1})
    resumed = rd.fit_model(program, KEYS, training=few(**how, folder=tmp_path), **{**FEW, "epochs": 3})
    np.testing.assert_array_equal(resumed.bound(KEYS), whole.bound(KEYS))
    with pytest.raises(rd.errors.FileError, match="belongs to another run: it has objective"):
        rd.fit_model(program, KEYS, objective="iwae", training=few(**how, draws=2, folder=tmp_path), **FEW)


def test_a_pass_takes_every_series_once_and_annealing_rises():
    data = SeriesBatch({"x": jnp.arange(6.0)[:, None, None]}, jnp.array([3, 1, 2, 5, 4, 6]))
    source = SeriesSource(data, 2, (3, 6), annealing=6, least_weight=0.4)
    given = [source(jax.random.key(0), step) for step in range(6)]
    for first in (0, 3):
        rows = np.concatenate([each.batch.values["x"].ravel() for each in given[first : first + 3]])
        assert sorted(rows.tolist()) == [0, 1, 2, 3, 4, 5]
    assert all(int(each.batch.lengths.max()) <= (3, 6)[int(each.span)] for each in given)
    assert [round(float(each.weight), 6) for each in given] == [0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


def test_padding_changes_nothing():
    """A longest series beside the others, and numbers where there is no time, leave bounds and weights as they are."""
    program = zoo.programs.deep_markov(2, 3, 4, 4, kind="autoregressive")
    batch = read_series(program, KEYS)
    inverse = find_patterns(program.template, "all")
    pair = SeriesPair(program, build_encoder(program, inverse, batch, "gru", (5, 4), jax.random.key(0)))
    dirty = np.where(np.asarray(batch.exists)[..., None], np.asarray(batch.values["x"]), 7)
    split = eqx.filter_jit(lambda batch: split_bound(pair, jax.random.key(0), batch, 2))
    clean_parts, dirty_parts = (
        split(SeriesBatch({"x": jnp.asarray(x, "float32")}, batch.lengths)) for x in (batch.values["x"], dirty)
    )
    for name, values in clean_parts.items():
        np.testing.assert_allclose(dirty_parts[name], values, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "error", "why"),
    [
        ({"data": {"y": KEYS["x"]}}, rd.errors.DataError, "the program observes x"),
        ({"data": {"x": []}}, rd.errors.DataError, "hold no series"),
        ({"data": {"x": [np.zeros((3, 2))]}}, rd.errors.DataError, r"has the shape \(3, 2\), not \(times, 3\)"),
        ({"data": {"x": [np.full((3, 3), np.nan)]}}, rd.errors.DataError, "not finite"),
        ({"objective": "vimco"}, rd.errors.OptionError, "is none for programs of series"),
        ({"objective": "iwae"}, rd.errors.OptionError, "needs two draws or more"),
        ({"network": "lstm"}, rd.errors.OptionError, "network='lstm' does not exist"),
        ({"widths": (3,)}, rd.errors.OptionError, "are not two numbers"),
        ({"training": rd.Training()}, rd.errors.OptionError, r"Give rd.SeriesTraining"),
        ({"conditional": "mixture"}, rd.errors.OptionError, "no meaning for programs of series"),
    ],
)
def test_what_is_wrong_is_said_before_the_first_step(change, error, why):
    asked = {"data": KEYS, **FEW, **change}
    with pytest.raises(error, match=why):
        rd.fit_model(zoo.programs.deep_markov(2, 3, 4, 4), asked.pop("data"), **asked)


@pytest.mark.parametrize("options", [{"least_weight": 2.0}, {"decay": -1.0}, {"annealing": -1}, {"temperature": 0.5}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(rd.errors.OptionError):
        rd.SeriesTraining(**options)


def test_other_programs_take_no_training_of_series():
    with pytest.raises(rd.errors.OptionError, match="is for programs of series"):
        rd.fit_model(zoo.programs.vae(2, 4, (3,)), {"x": np.zeros((8, 4))}, training=rd.SeriesTraining())


@pytest.mark.slow
def test_a_linear_model_is_learned_as_well_as_by_maximum_likelihood():
    """Both figures are those that were asked for: 0.01 nats a step, and 0.01 nats a latent for the encoder."""
    from jax.flatten_util import ravel_pytree
    from scipy.optimize import minimize

    from tests.learn.series.linear_oracle import kalman

    truth = zoo.programs.linear_series(1, 3, seed=5)
    lengths = [20 + 10 * (i % 4) for i in range(200)]
    series = simulate(truth, lengths)
    flat, build = ravel_pytree(truth)
    groups = [np.stack([x for x in series if len(x) == length]) for length in (20, 30, 40, 50)]

    @jax.jit
    @jax.value_and_grad
    def miss(values):
        return -sum(jax.vmap(lambda x: kalman(build(values), x))(group).sum() for group in groups) / sum(lengths)

    best = minimize(
        lambda v: float(miss(v)[0]), flat, jac=lambda v: np.asarray(miss(v)[1], float), method="L-BFGS-B"
    ).fun
    training = rd.SeriesTraining(learning_rate=0.01, held_out={"x": series[:20]})
    learned = rd.fit_model(
        zoo.programs.linear_series(1, 3, seed=0),
        {"x": series},
        epochs=150,
        widths=(32, 32),
        training=training,
        quiet=True,
    )
    exact = find_likelihood(learned.program, series)
    assert -exact.sum() / sum(lengths) - best < 0.01
    assert (exact - learned.bound({"x": series}, 20)).sum() / sum(lengths) < 0.01
