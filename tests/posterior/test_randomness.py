"""A simulator that draws from NumPy is recognized before training, in whatever way it does so."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro import handlers

from retrodict import (
    AmortizedPosterior,
    AutoFaithful,
    BayesNet,
    amortize,
    fit_model,
    from_bif,
    from_numpyro,
    invert,
    zoo,
)
from retrodict.encode.space import Space
from retrodict.errors import ProgramError, SimulationWarning
from retrodict.models.model import Model
from retrodict.posterior.randomness import require_draws_of_key, require_own_randomness
from retrodict.posterior.tables import outside
from tests.processes import ROOT
from tests.quick import quick

NET = BayesNet({"z": [], "x": ["z"]}, observed=["x"])
TABLE = np.random.default_rng(5).normal(size=(1000, 2)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Simulator(Model):
    """A model around a function from a key and n to the columns of z and x."""

    function: Any
    net: BayesNet = NET

    def draw(self, key, n):
        return self.function(key, n)

    def log_conditionals(self, columns):
        raise NotImplementedError

    def redraw(self, key, columns, which):
        drawn = self.function(key, len(columns))
        return jnp.where(np.asarray(which), drawn, columns)


RNG = np.random.default_rng(0)


def add_noise(key, n, noise):
    z = jax.random.normal(key, (n, 1))
    return jnp.concatenate([z, z + noise], axis=-1)


def own_generator(key, n):
    z = RNG.normal(size=(n, 1))
    return jnp.asarray(np.concatenate([z, z + RNG.normal(size=(n, 1))], axis=-1), jnp.float32)


def noise_of_numpy(key, n):
    return add_noise(key, n, 0.05 * RNG.normal(size=(n, 1)))


def one_number_of_numpy(key, n):
    return add_noise(key, n, float(RNG.normal()) + jax.random.normal(jax.random.split(key)[0], (n, 1)))


def noise_of_a_seed(key, n):
    return add_noise(key, n, 0.05 * np.random.default_rng(3).normal(size=(n, 1)))


def counts_of_a_seed(key, n):
    return add_noise(key, n, np.random.default_rng(3).integers(10**6, size=(n, 1)))


def another_key(key, n):
    return add_noise(jax.random.key(7), n, 0.0)


def another_key_for_x(key, n):
    return jnp.concatenate(
        [jax.random.normal(jax.random.key(k), (n, 1)) if k else jax.random.normal(key, (n, 1)) for k in (0, 1)], axis=-1
    )


def first_rows_of_a_table(key, n):
    return jnp.asarray(np.resize(TABLE, (n, 2)))


def callback_with_its_own_generator(key, n):
    drawn = jax.pure_callback(
        lambda: RNG.normal(size=(n, 1)).astype(np.float32), jax.ShapeDtypeStruct((n, 1), jnp.float32)
    )
    return add_noise(key, n, drawn)


FROZEN = {
    own_generator: ("z", "x"),
    noise_of_numpy: ("x",),
    one_number_of_numpy: ("x",),
    noise_of_a_seed: ("x",),
    counts_of_a_seed: ("x",),
    another_key: ("z", "x"),
    another_key_for_x: ("x",),
    first_rows_of_a_table: ("z", "x"),
    callback_with_its_own_generator: ("x",),
}


def rows_of_a_table_by_key(key, n):
    return jnp.asarray(TABLE)[jax.random.randint(key, (n,), 0, len(TABLE))]


def table_of_as_many_rows(key, n):
    return jnp.asarray(TABLE[:64])[jax.random.randint(key, (n,), 0, 64)]


def point_mass(key, n):
    return jnp.concatenate([jnp.full((n, 1), 3.0), 3.0 + jax.random.normal(key, (n, 1))], axis=-1)


def rare_event(key, n):
    z = jax.random.bernoulli(key, 0.0005, (n, 1)).astype(jnp.float32)
    return jnp.concatenate([z, z + jax.random.normal(key, (n, 1))], axis=-1)


def numbered_keys(key, n):
    keys = jax.vmap(partial(jax.random.fold_in, key))(np.arange(n))
    return jax.vmap(lambda own: jax.random.normal(own, (2,)))(keys)


def strata(key, n):
    u = (np.arange(n)[:, None] + jax.random.uniform(key, (n, 1))) / n
    return jnp.concatenate([u, u + jax.random.normal(key, (n, 1))], axis=-1)


def simulate_by_numpy(seeds, n):
    rng = np.random.default_rng(np.asarray(seeds))
    z = rng.normal(size=(n, 1))
    return np.concatenate([z, z + rng.normal(size=(n, 1))], axis=-1).astype(np.float32)


def callback_with_the_key(key, n):
    form = jax.ShapeDtypeStruct((n, 2), jnp.float32)
    return jax.pure_callback(partial(simulate_by_numpy, n=n), form, jax.random.bits(key, (4,)))


SOUND = [
    rows_of_a_table_by_key,
    table_of_as_many_rows,
    point_mass,
    rare_event,
    numbered_keys,
    strata,
    callback_with_the_key,
]


def check(model, rows=1000):
    """What `amortize` checks, without building an encoder."""
    require_own_randomness(model, Space(invert(model)))
    draw = jax.jit(lambda key: model.draw(key, rows))
    require_draws_of_key(draw, jax.random.key(1), draw(jax.random.key(1)), model.layout.names)


@pytest.mark.parametrize("function", FROZEN, ids=lambda function: function.__name__)
@pytest.mark.parametrize("compiled", [False, True])
def test_what_does_not_come_from_the_key_is_refused_by_name(function, compiled):
    if compiled and function is one_number_of_numpy:
        pytest.skip("the one number that all rows share is traced once and for all, as a parameter would be")
    draw = jax.jit(function, static_argnums=1) if compiled else function
    with pytest.raises(ProgramError, match=r"Draw with jax\.random from the key, or .* jax\.pure_callback") as caught:
        check(Simulator(draw))
    if not (compiled and function is noise_of_numpy):
        assert caught.value.variables == FROZEN[function]


@pytest.mark.parametrize("function", SOUND, ids=lambda function: function.__name__)
@pytest.mark.parametrize("compiled", [False, True])
def test_what_comes_from_the_key_is_accepted(function, compiled):
    draw = jax.jit(function, static_argnums=1) if compiled else function
    for rows in (64, 1000):
        check(Simulator(draw), rows)


@pytest.mark.parametrize(
    "model",
    [zoo.binary_tree(3), from_bif(ROOT / "tests" / "data" / "asia.bif"), zoo.programs.implicit_generator()],
    ids=repr,
)
def test_models_of_the_zoo_are_accepted(model):
    require_own_randomness(model, Space(invert(model)))


def test_amortize_refuses_before_it_trains():
    for function in (noise_of_a_seed, another_key):
        with pytest.raises(ProgramError, match=r"draws '.+' once for all steps"):
            amortize(Simulator(function), steps=10**9, quiet=True)


def test_a_simulator_that_takes_its_seed_from_the_key_trains():
    posterior = amortize(Simulator(callback_with_the_key), steps=50, quiet=True)
    assert posterior.sample({"x": 1.0}, 5)["z"].shape == (5,)


def seeded(key, n):
    return jnp.asarray(simulate_by_numpy([int(jax.random.bits(key))], n))


def converted(key, n):
    z = jax.random.normal(key, (n, 1))
    noise = jax.random.normal(jax.random.fold_in(key, 1), (n, 1))
    return jnp.concatenate([z, np.asarray(z) + noise], axis=-1)


def test_what_needs_the_number_of_the_key_is_told_the_remedy():
    for function in (seeded, converted):
        with pytest.raises(ProgramError, match=r"hands what depends on its key to NumPy .* jax\.pure_callback"):
            check(Simulator(function))


OUTSIDE = [own_generator, noise_of_numpy, one_number_of_numpy, seeded, converted]


@pytest.mark.parametrize("function", quick(OUTSIDE, [own_generator, one_number_of_numpy, seeded]))
def test_what_runs_outside_of_jax_is_run_there(function, monkeypatch):
    """Each run by itself, so that a number that a batch shares is drawn anew for each; the posterior is exact."""
    monkeypatch.setattr(outside, "RUNS", 1500)
    with pytest.warns(SimulationWarning, match="it is run 1,500 times outside of JAX"):
        posterior = amortize(Simulator(function), steps=100, quiet=True)
    columns = posterior.runs.take(posterior.runs.training)
    noise = np.std(columns[:, 1] - columns[:, 0])
    draws = posterior.sample({"x": 1.0}, 2000)["z"]
    assert abs(draws.mean() - 1 / (1 + noise**2)) < 0.15
    assert abs(draws.std() / (noise / np.sqrt(1 + noise**2)) - 1) < 0.2


def test_barren_latents_are_drawn_from_the_key_too():
    """z stands below what is observed: only the model's own program draws it, and no encoder is there to train."""

    class Below(Simulator):
        def redraw(self, key, columns, which):
            return columns.at[:, 1].set(columns[:, 0] + RNG.normal(size=len(columns)))

    with pytest.raises(ProgramError, match="draws 'z' once for all steps"):
        amortize(Below(rows_of_a_table_by_key, BayesNet({"x": [], "z": ["x"]}, observed=["x"])), quiet=True)


def test_a_numpyro_program_around_a_generator_of_numpy_is_refused():
    def program():
        z = numpyro.sample("z", dist.Normal(0, 1))
        numpyro.sample("x", dist.Normal(z + RNG.normal(), 1))

    with pytest.raises(ProgramError, match="draws 'x' once for all steps"):
        amortize(from_numpyro(program, observed=["x"]), quiet=True)


def noisy(x=None):
    mean = numpyro.param("mean", jnp.zeros(()))
    z = numpyro.sample("z", dist.Normal(mean, 1))
    numpyro.sample("x", dist.Normal(z + RNG.normal(), 1), obs=x)


def test_learning_and_guides_refuse_such_programs_too():
    with pytest.raises(ProgramError, match="draws 'x' once for all steps"):
        fit_model(noisy, {"x": np.zeros(64)}, quiet=True)
    guide = AutoFaithful(noisy, exact=False)
    with pytest.raises(ProgramError, match="draws 'x' once for all steps"), handlers.seed(rng_seed=0):
        guide(1.0)


def test_calibration_does_not_rank_the_same_truths_again():
    """Of a posterior that was put together by hand."""
    net = BayesNet({"x": [], "z": ["x"]}, observed=["x"])
    posterior = AmortizedPosterior.of(Simulator(own_generator, net), invert(net), None)
    with pytest.raises(ProgramError, match="draws 'x', 'z' once for all steps"):
        posterior.calibration(100, 19)
