"""Model and encoder are learned together: towards known answers, reproducibly, from where they were stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrodict import (
    Capacity,
    LearnedModel,
    Training,
    fit_model,
    from_numpyro,
    fully_connected,
    invert,
    load,
    zoo,
)
from retrodict.encode.build import count_parameters
from retrodict.encode.recipe import Recipe
from retrodict.errors import DataError, FileError, OptionError, OrderError, ProgramError, RetrodictError
from retrodict.train.loop import TrainingError
from tests.learn import programs

IMAGES = (np.random.default_rng(0).random((200, 9)) < 0.3).astype(np.float32)
SMALL = {"epochs": 2, "training": Training(batch=32), "quiet": True}
FASTER = Training(learning_rate=5e-3)


def draw_factors(n: int) -> np.ndarray:
    truth = programs.factors(seed=1)
    return np.random.default_rng(2).multivariate_normal(np.zeros(4), truth.covariance(), n).astype(np.float32)


@pytest.fixture(scope="module")
def faithful() -> LearnedModel:
    data = {"x": draw_factors(2000)}
    return fit_model(programs.factors(seed=3), data, epochs=60, training=FASTER, seed=0, quiet=True)


def test_the_bound_reaches_the_likelihood_of_a_linear_model(faithful: LearnedModel) -> None:
    data = draw_factors(2000)
    exact = log_likelihood(faithful, data)
    gap = float(exact - faithful.bound({"x": data}, draws=64).mean())
    assert -0.01 < gap < 0.03
    assert abs(exact - float(faithful.log_likelihood({"x": data[:500]}, 200).mean())) < 0.3
    best = programs.log_normal(data.astype(np.float64), np.cov(data.T, bias=True)).mean()
    assert exact > best - 0.05


@pytest.mark.slow
def test_mean_field_stays_below_by_what_it_ignores(faithful: LearnedModel) -> None:
    data = draw_factors(2000)
    program = faithful.program
    apart = fit_model(program, {"x": data}, "mean-field", epochs=60, training=FASTER, quiet=True)
    gap = log_likelihood(apart, data) - float(apart.bound({"x": data}, draws=64).mean())
    assert abs(gap - mean_field_gap(apart.program)) < 0.02
    assert not apart.certificate
    assert faithful.certificate


def log_likelihood(learned: LearnedModel, data: np.ndarray) -> float:
    program: Any = learned.program
    return float(programs.log_normal(data.astype(np.float64), program.covariance()).mean())


def mean_field_gap(program: Any) -> float:
    """KL from the best factorized normal to the posterior, whose precision is I + W'W / s^2, in closed form."""
    weights = np.asarray(program.weights, np.float64)
    precision = np.eye(2) + weights.T @ weights / np.exp(2 * float(program.log_scale))
    return 0.5 * float(np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1])


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["iwae", "symmetric-kl"])
def test_other_objectives_learn_the_linear_model_too(objective: str) -> None:
    data = draw_factors(2000)
    training = Training(draws=4, learning_rate=5e-3)
    learned = fit_model(
        programs.factors(seed=3), {"x": data}, objective=objective, epochs=100, training=training, quiet=True
    )
    best = programs.log_normal(data.astype(np.float64), np.cov(data.T, bias=True)).mean()
    assert log_likelihood(learned, data) > best - 0.1


@pytest.mark.parametrize(
    ("objective", "options"),
    [
        pytest.param("vimco", {"draws": 5}, id="vimco", marks=pytest.mark.slow),
        pytest.param("rws", {"draws": 5}, id="rws", marks=pytest.mark.slow),
        pytest.param("elbo", {"temperature": 0.5}, id="relaxed", marks=pytest.mark.slow),
    ],
)
def test_discrete_latents_are_learned(objective: str, options: dict[str, Any]) -> None:
    truth = zoo.programs.sigmoid_belief_network((3,), pixels=8, seed=5, scale=3.0)
    rows = np.asarray(draw_images(truth, 1500))
    start = zoo.programs.sigmoid_belief_network((3,), pixels=8, seed=6)
    training = Training(learning_rate=1e-2, **options)
    learned = fit_model(start, {"x": rows}, objective=objective, epochs=40, training=training, quiet=True)
    program: Any = learned.program
    exact, true = (float(p.log_likelihood(jnp.asarray(rows)).mean()) for p in (program, truth))
    before = float(start.log_likelihood(jnp.asarray(rows)).mean())
    assert exact > before + 0.5 * (true - before)
    bound = float(learned.bound({"x": rows}, draws=20).mean())
    assert exact - 0.5 < bound <= exact + 0.01


def draw_images(program: eqx.Module, n: int) -> Any:
    return from_numpyro(program, observed=["x"]).simulate(seed=7, n=n)["x"]


# -- what is kept ------------------------------------------------------------------------------------


def list_arrays(learned: LearnedModel) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(eqx.filter(learned.pair, eqx.is_inexact_array))]


def test_a_run_is_kept_in_its_folder_and_no_other_is_mixed_in(tmp_path: Path) -> None:
    def run(images: np.ndarray = IMAGES, batch: int = 32) -> LearnedModel:
        training = Training(batch=batch, folder=tmp_path)
        program = zoo.programs.vae(1, pixels=9, hidden=())
        return fit_model(program, {"x": images}, epochs=2, training=training, quiet=True)

    once, again = run(), run()
    assert once.history == again.history
    for one, other in zip(list_arrays(once), list_arrays(again), strict=True):
        np.testing.assert_array_equal(one, other)
    others: list[dict[str, Any]] = [{"batch": 16}, {"images": IMAGES[:100]}]
    for options in others:
        with pytest.raises(FileError, match="another run"):
            run(**options)


def test_a_learned_model_is_saved_with_its_certificate(tmp_path: Path, faithful: LearnedModel) -> None:
    faithful.save(tmp_path)
    again = load(tmp_path, programs.factors(seed=9))
    data = {"x": draw_factors(10)}
    for one, other in zip(list_arrays(faithful), list_arrays(again), strict=True):
        np.testing.assert_array_equal(one, other)
    assert again.inverse.parents == faithful.inverse.parents
    assert again.certificate
    assert again.infer(data, 3)["z"].shape == (3, 10, 2)
    with pytest.raises(FileError, match="other parameters"):
        load(tmp_path, programs.factors(latents=3))
    with pytest.raises(FileError, match="holds nothing that was saved"):
        load(tmp_path / "elsewhere", programs.factors())
    for source in (faithful.model, 3):
        with pytest.raises(FileError, match=r"model\.safetensors: holds a learned model, which .* cannot load\. Give"):
            load(tmp_path, source)


# -- what a learned model does -----------------------------------------------------------------------


def test_reconstructions_and_draws_have_the_shapes_of_sites(faithful: LearnedModel) -> None:
    data = {"x": draw_factors(200)}
    rebuilt = faithful.reconstruct(data)["x"]
    assert rebuilt.shape == (200, 4)
    assert np.corrcoef(rebuilt.ravel(), data["x"].ravel())[0, 1] > 0.7
    drawn = faithful.generate(2000, seed=1)
    assert drawn["z"].shape == (2000, 2)
    program: Any = faithful.program
    np.testing.assert_allclose(np.cov(drawn["x"].T), program.covariance(), atol=0.6)


def test_structures_are_compared_at_one_capacity() -> None:
    model = from_numpyro(zoo.programs.vae(4, pixels=9, hidden=(8,)), observed=["x"], elementwise=True)
    sizes = {}
    for structure in ("mean-field", "forward", "fully-connected"):
        recipe = Recipe(structure, widths=Capacity(3000))
        sizes[structure] = count_parameters(recipe.build(model, jax.random.key(0)))
    assert max(sizes.values()) - min(sizes.values()) < 200


def test_a_model_that_was_read_is_taken_with_its_own_variables() -> None:
    model = from_numpyro(programs.Mixed(jnp.array([0.2, 1.5, 0.7])), observed=["x"])
    data = {"x": np.random.default_rng(0).normal(size=(60, 3))}
    inverse = invert(model, minimize="depth")
    training = Training(draws=2, batch=32)
    learned = fit_model(model, data, inverse, objective="rws", epochs=1, training=training, quiet=True)
    assert learned.inverse is inverse
    assert set(learned.model.net.names) == {"switch", "z", "unused", "x"}
    assert isinstance(learned.program, programs.Mixed)
    assert not jnp.array_equal(learned.program.weights, jnp.array([0.2, 1.5, 0.7]))


def test_a_function_that_was_read_has_its_parameters_learned() -> None:
    model = from_numpyro(programs.shifted, observed=["x"], elementwise=True)
    data = {"x": np.random.default_rng(0).normal(size=200)}
    read, plain = (fit_model(program, data, **SMALL) for program in (model, programs.shifted))
    assert read.history == plain.history


def test_a_summary_stands_between_the_image_and_the_encoder(tmp_path: Path) -> None:
    def make(seed: int) -> eqx.nn.Sequential:
        keys = jax.random.split(jax.random.key(seed))
        layers = [eqx.nn.Lambda(jnp.ravel), eqx.nn.Linear(9, 5, key=keys[0]), eqx.nn.Lambda(jax.nn.relu)]
        return eqx.nn.Sequential(layers)

    def program() -> programs.Square:
        return programs.Square(zoo.programs.vae(2, pixels=9, hidden=(8,)))

    data = {"x": IMAGES.reshape(-1, 3, 3)}
    learned = fit_model(program(), data, summaries={"x": make(0)}, **SMALL)
    weights = learned.pair.encoder.features.summaries.modules[0].layers[1].weight
    assert not jnp.array_equal(weights, make(0).layers[1].weight)  # it was trained along
    assert learned.certificate
    learned.save(tmp_path)
    again = load(tmp_path, program(), {"x": make(1)})
    for one, other in zip(list_arrays(learned), list_arrays(again), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(FileError, match=r"safetensors: was saved with summaries of .x., .* have to be given"):
        load(tmp_path, program())
    with pytest.raises(OptionError, match="'y' has a summary and is not among the observed sites"):
        fit_model(program(), data, summaries={"y": make(0)}, **SMALL)


@pytest.mark.slow
def test_relaxed_latents_pass_through_a_summarized_encoder() -> None:
    summary = eqx.nn.Linear(9, 4, key=jax.random.key(0))
    program = zoo.programs.bernoulli_vae(3, pixels=9, hidden=(8,))
    training = Training(batch=32, temperature=0.5)
    learned = fit_model(program, {"x": IMAGES}, summaries={"x": summary}, epochs=2, training=training, quiet=True)
    assert np.isfinite(learned.bound({"x": IMAGES})).all()


# -- bad input ---------------------------------------------------------------------------------------

VAE = zoo.programs.vae(2, pixels=9, hidden=(8,))
READ_WITH_ARGUMENTS = from_numpyro(programs.shifted, 2.0, observed=["x"])
BAD: dict[str, tuple[type[RetrodictError], str, Callable[[], Any]]] = {
    "gray": (
        DataError,
        "observations of .x. lie outside of the support of Bernoulli",
        lambda: fit_model(VAE, {"x": IMAGES * 0.5}),
    ),
    "nan": (DataError, "'x'", lambda: fit_model(VAE, {"x": np.where(IMAGES > 0, np.nan, 0)})),
    "size": (DataError, r"\(200, 3, 3\), and not \(n, 9\)", lambda: fit_model(VAE, {"x": IMAGES.reshape(-1, 3, 3)})),
    "empty": (DataError, "no observations", lambda: fit_model(VAE, {"x": IMAGES[:0]})),
    "no data": (DataError, "no data", lambda: fit_model(VAE, {})),
    "no mapping": (DataError, "ndarray", lambda: fit_model(VAE, IMAGES)),  # type: ignore[arg-type]
    "held out": (OptionError, "held_out=0", lambda: fit_model(VAE, {"x": IMAGES}, training=Training(held_out=0.0))),
    "unknown site": (RetrodictError, "'y'", lambda: fit_model(VAE, {"y": IMAGES})),
    "all observed": (OptionError, "nothing to infer", lambda: fit_model(VAE, {"z": np.zeros((5, 2))})),
    "order": (OrderError, "'dense'", lambda: fit_model(VAE, {"x": IMAGES}, "dense")),
    "objective": (OptionError, "'elbows'", lambda: fit_model(VAE, {"x": IMAGES}, objective="elbows")),
    "rate": (OptionError, "learning_rate=0.0", lambda: Training(learning_rate=0.0)),
    "batch": (OptionError, "batch=0", lambda: Training(batch=0)),
    "draws": (OptionError, "draws=0", lambda: Training(draws=0)),
    "patience": (OptionError, "patience=0", lambda: Training(patience=0)),
    "temperature": (OptionError, "temperature", lambda: Training(temperature=-1.0)),
    "schedule": (
        OptionError,
        "'linear' does not exist. Choose one of cosine, constant",
        lambda: Training(schedule="linear"),
    ),
    "too few draws": (OptionError, "draws=1", lambda: fit_model(VAE, {"x": IMAGES}, objective="rws")),
    "arguments": (OptionError, "read with arguments", lambda: fit_model(READ_WITH_ARGUMENTS, {"x": np.ones(5)})),
    "other site": (DataError, "'x' has no data", lambda: fit_model(from_numpyro(VAE, observed=["x"]), {"y": IMAGES})),
    "epochs": (OptionError, "epochs=0", lambda: fit_model(VAE, {"x": IMAGES}, epochs=0)),
    "capacity": (OptionError, "parameters=0", lambda: fit_model(VAE, {"x": IMAGES}, widths=Capacity(0))),
    "other inverse": (
        OptionError,
        "another model",
        lambda: fit_model(VAE, {"x": IMAGES}, fully_connected(zoo.asia())),
    ),
    "discrete": (
        OptionError,
        "vimco",
        lambda: fit_model(zoo.programs.bernoulli_vae(2, pixels=9, hidden=(8,)), {"x": IMAGES}),
    ),
    "nothing to relax": (
        OptionError,
        "no binary",
        lambda: fit_model(VAE, {"x": IMAGES}, training=Training(temperature=0.5)),
    ),
    "no parameters": (ProgramError, "no parameters", lambda: fit_model(programs.without_parameters, {"x": np.ones(9)})),
    "nan parameter": (
        ProgramError,
        "weights",
        lambda: fit_model(
            eqx.tree_at(lambda p: p.weights, programs.factors(), jnp.full((4, 2), jnp.nan)), {"x": np.ones((20, 4))}
        ),
    ),
    "nan density": (ProgramError, "'x'", lambda: fit_model(programs.Broken(jnp.zeros(())), {"x": np.ones(20)})),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_before_the_first_step(name: str) -> None:
    kind, message, act = BAD[name]
    with pytest.raises(kind, match=message):
        act()


def test_a_training_that_breaks_gives_back_the_last_good_parameters() -> None:
    with pytest.raises(TrainingError, match="not finite at step") as caught:
        fit_model(
            programs.Fragile(jnp.array(0.49)),
            {"x": np.full(64, 9.0)},
            epochs=50,
            training=Training(learning_rate=0.1, batch=8),
            quiet=True,
        )
    assert float(caught.value.trained.generator.program.weights) > 0.5
    assert caught.value.variables == ("x",)
