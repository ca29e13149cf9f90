"""`fit_model`: learn a program's parameters and an encoder of its latents from data, in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.recipe import Recipe
from retrodict.encode.space import Space
from retrodict.encode.summaries import Summary
from retrodict.errors import OptionError, ProgramError
from retrodict.files.digest import digest
from retrodict.graph.inverse import Inverse
from retrodict.graph.model_digest import digest_model
from retrodict.graph.names import Name
from retrodict.learn.data import Floats, read_rows, require_data, see_data, split_rows
from retrodict.learn.generator import ProgramGenerator
from retrodict.learn.learned import LearnedModel
from retrodict.learn.programs import as_module, find_broken
from retrodict.learn.resume import Journal
from retrodict.plan.capacity import Capacity
from retrodict.plan.counts import read_count, read_seed
from retrodict.posterior.amortization import build_untrained
from retrodict.posterior.randomness import require_own_randomness
from retrodict.read.numpyro.model import NumpyroModel
from retrodict.read.numpyro.reader import from_numpyro
from retrodict.train.autoencoder import Autoencoder
from retrodict.train.compiled import TRAINING
from retrodict.train.learning import Estimate, judge_by, mark_learned
from retrodict.train.loop import Plan, begin, train
from retrodict.train.objectives.named import LearningObjective, choose_objective
from retrodict.train.objectives.weights import check_draws
from retrodict.train.relaxation import Heated, Temperature, Tempered, relax
from retrodict.train.source import ShuffledRows

LearnedPair = Autoencoder[ProgramGenerator]

# Draws of the encoder when a program is tried out before the first step.
PROBE_ROWS = 64


def fit_model(
    program: Callable[[], Any],
    data: Mapping[str, Any],
    order: str | Sequence[Name] | Inverse = "auto",
    *,
    minimize: str = "edges",
    elementwise: bool = True,
    network: str = "shared",
    widths: Sequence[int] | Capacity | None = None,
    conditional: str = "normal",
    summaries: Mapping[str, Summary] | None = None,
    objective: str = "elbo",
    draws: int = 1,
    temperature: float | Temperature | None = None,
    epochs: int = 100,
    batch: int = 128,
    learning_rate: float = 1e-3,
    schedule: str = "cosine",
    held_out: float | Mapping[str, Any] = 0.1,
    patience: int | None = None,
    folder: str | Path | None = None,
    watch: Callable[[LearnedPair], Mapping[str, float]] = lambda _: {},
    seed: int = 0,
    quiet: bool = False,
) -> LearnedModel:
    r"""Return a generative model learned from data together with an encoder of the structure it asks for.

    ``program`` is an Equinox module that is called without arguments, describes one observation with
    ``numpyro.sample``, and whose floating-point arrays are its parameters; or a function with ``numpyro.param``
    sites. ``data`` holds an array ``(n, *shape of the site)`` for each observed site.

    ``order`` is one of `invert` (``"auto"``, ``"forward"``, ``"reverse"``, ...), a baseline
    (``"mean-field"``, ``"reversal"``, ``"fully-connected"``), or an `Inverse`. With ``elementwise`` each element of
    a site is a variable of its own. ``network``, ``widths`` and ``conditional`` are those of `amortize`;
    ``summaries`` maps observed sites to Equinox modules, trained along, whose features the encoder sees instead.

    ``objective`` is one of ``"elbo"``, ``"iwae"``, ``"rws"``, ``"vimco"``, ``"forward-kl"``, ``"symmetric-kl"``,
    with ``draws`` of the encoder for each observation. With a ``temperature`` binary latents are relaxed in
    training, never in what is reported. Training is by Adam with gradients clipped to norm 10 and a learning rate
    that falls to zero along a cosine, or with the ``schedule`` ``"constant"`` stays. ``held_out`` is a share of the
    data or data of their own: their bound is recorded after each epoch, and ``patience`` epochs without a better one
    end the training, of which the best epoch is kept. With a ``folder``, the state is kept there after each epoch, and
    the same call goes on from it, as does one with more ``epochs``.

    Raises, before the first step, `DataError` for data that do not fit, `ProgramError` for programs that cannot be
    read, have no parameters or draw from NumPy, and `OptionError` for options that do not fit each other, such as
    discrete latents with an objective that differentiates draws; later `TrainingError` where numbers are not finite.

    Sources: Kingma & Welling 2013; Webb et al. 2017, section 1 and 4.

    >>> import numpy as np
    >>> from retrodict import zoo
    >>> images = np.random.default_rng(0).integers(0, 2, (64, 9))
    >>> learned = fit_model(zoo.programs.vae(latents=2, pixels=9, hidden=(8,)), {"x": images}, epochs=2, quiet=True)
    >>> bool(learned.certificate), learned.bound({"x": images[:5]}).shape
    (True, (5,))
    """
    require_data(data)
    seed, patience = read_seed(seed), None if patience is None else read_count("patience", patience)
    epochs, batch, draws = read_count("epochs", epochs), read_count("batch", batch), read_count("draws", draws)
    if not 0 < learning_rate < float("inf"):
        raise OptionError(f"learning_rate={learning_rate} is out of range", remedy="Give a positive number.")
    module = as_module(program)
    _require_finite_parameters(module)
    model = from_numpyro(module, observed=list(data), elementwise=elementwise)  # type: ignore[arg-type]
    recipe = Recipe(order, minimize, network, widths, conditional, summaries).settle(model)
    space = Space(recipe.invert(model))
    _require_inference(space.inverse)
    require_own_randomness(model, space)
    rows, judged = _divide(model, space, data, held_out, seed)
    build_key, learn_key, probe_key = jax.random.split(jax.random.key(seed), 3)
    generator = ProgramGenerator(module, model, space)
    first_key, scale_key = jax.random.split(build_key)
    pair = Autoencoder(generator, build_untrained(model, recipe, first_key, scale_key, observed=jnp.asarray(rows)))
    falling = Temperature(temperature, temperature) if isinstance(temperature, float | int) else temperature
    chosen = _choose_objective(objective, pair, draws, falling)
    learning = Plan.of_epochs(len(rows), epochs, batch, learning_rate, schedule, patience)
    _require_finite_densities(_list_broken(probe_key, pair, Heated(jnp.asarray(rows[:PROBE_ROWS]), None)))
    journal = None
    if folder is not None:
        run = {
            "learning_rate": learning_rate,
            "schedule": schedule,
            "seed": seed,
            "data": digest(rows, judged),
            "objective": objective,
            "draws": draws,
            "temperature": repr(falling),
            "batch": batch,
            "patience": patience,
        }
        journal = Journal(Path(folder), run | _describe(pair, recipe), epochs)
        journal.prepare()
    judge_key, train_key = jax.random.split(learn_key)
    marks = mark_learned(pair)
    pair, history = train(
        pair,
        Estimate(chosen, draws),
        Tempered(ShuffledRows(jnp.asarray(rows), learning.batch), learning.epoch, falling),
        learning,
        train_key,
        learned=marks,
        judge=judge_by(jnp.asarray(judged), judge_key),
        watch=watch,
        blame=partial(_list_broken, probe_key),
        start=journal.read(begin(pair, learning, marks)) if journal else None,
        keep=journal.keep if journal else lambda _: None,
        title="fit_model",
        quiet=quiet,
    )
    return LearnedModel(pair, recipe, history, see_data(space, rows, judged))


def _divide(
    model: NumpyroModel, space: Space, data: Mapping[str, Any], held_out: float | Mapping[str, Any], seed: int
) -> tuple[Floats, Floats]:
    """Return rows to learn from, and rows to judge by."""
    rows = read_rows(model, space, data)
    if isinstance(held_out, Mapping):
        return rows, read_rows(model, space, held_out)
    return split_rows(rows, held_out, seed)


def _choose_objective(name: str, pair: LearnedPair, draws: int, temperature: Temperature | None) -> LearningObjective:
    """Return the objective of this name, which suits the encoder, relaxed if it is to be, and the number of draws."""
    encoder = pair.encoder if temperature is None else relax(pair, temperature.start).encoder
    chosen = choose_objective(name, encoder)
    check_draws(name, draws, chosen.least_draws)
    return chosen


def _require_inference(inverse: Inverse) -> None:
    if inverse.is_generative.all():
        raise OptionError(
            "no latent of the program has an observed descendant: there is nothing to infer",
            remedy="Give data for sites that depend on latents.",
        )


def _require_finite_parameters(module: eqx.Module) -> None:
    broken = find_broken(module)
    if broken:
        raise ProgramError(
            "parameters of the program are no numbers, at " + ", ".join(broken[:5]),
            remedy="Look at how the program sets its first values.",
        )


def _list_broken(key: jax.Array, pair: LearnedPair, batch: Heated) -> tuple[str, ...]:
    """Return the variables whose density is not finite where the encoder draws latents for some rows."""
    finite = np.isfinite(np.asarray(TRAINING.run(_score, pair, key, batch.rows))).all(axis=0)
    return tuple(name for name, good in zip(pair.generator.scored, finite.tolist(), strict=True) if not good)


def _score(pair: LearnedPair, key: jax.Array, rows: jax.Array) -> jax.Array:
    return pair.generator.log_factors(pair.encoder.sample(key, rows), rows)


def _require_finite_densities(broken: tuple[str, ...]) -> None:
    if broken:
        raise ProgramError(
            "before the first step, densities of the program are not finite where the encoder draws, at",
            broken,
            remedy="Look for NaN, logarithms of zero and overflows in the program.",
        )


def _describe(pair: LearnedPair, recipe: Recipe) -> dict[str, Any]:
    """Return what is learned, in values that JSON can hold."""
    inverse = pair.generator.space.inverse
    return {
        "model": digest_model(inverse.net, {}),
        "inverse": inverse.strategy,
        "edges": inverse.n_edges,
        "network": recipe.network,
        "widths": list(recipe.widths) if isinstance(recipe.widths, tuple) else None,
        "conditional": str(recipe.conditional),
        "start": digest(*jax.tree.leaves(eqx.filter(pair, eqx.is_inexact_array))),
    }
