"""`fit_model`: learn a program's parameters and an encoder of its latents from data, in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, overload

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.families.choice import suit_family
from retrodict.encode.recipe import Recipe
from retrodict.encode.space import Space
from retrodict.encode.summaries import Summary
from retrodict.encode.trees import list_arrays
from retrodict.errors import OptionError, ProgramError
from retrodict.files.digest import digest
from retrodict.graph.inverse import Inverse
from retrodict.graph.model_digest import digest_model
from retrodict.graph.names import Name
from retrodict.learn.data import Floats, read_rows, require_data, see_data, split_rows
from retrodict.learn.generator import ProgramGenerator, bind
from retrodict.learn.learned import LearnedModel
from retrodict.learn.parameters import as_module
from retrodict.learn.resume import Journal
from retrodict.learn.series.learned_series import LearnedSeries
from retrodict.learn.series.series_fit import fit_series
from retrodict.lift.lifted_inverse import LiftedInverse
from retrodict.models.series_program import SeriesProgram
from retrodict.plan.capacity import Capacity
from retrodict.plan.counts import read_count, read_seed
from retrodict.posterior.randomness import require_own_randomness
from retrodict.posterior.training.untrained import build_untrained
from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.read.numpyro.reader import from_numpyro
from retrodict.train.autoencoder import Autoencoder
from retrodict.train.compiled import TRAINING
from retrodict.train.devices.many_devices import find_devices
from retrodict.train.learning import Estimate, judge_by, mark_learned
from retrodict.train.loop import Plan, begin, train
from retrodict.train.objectives.named import choose_objective, differentiates_draws
from retrodict.train.series.series_training import SeriesTraining
from retrodict.train.source import ShuffledRows
from retrodict.train.temperature import Heated, Temperature, Tempered, relax
from retrodict.train.training import Training

LearnedPair = Autoencoder[ProgramGenerator]

# The number of rows for which a program is tried out before the first step.
PROBE_ROWS = 64
USUAL = Training()


@overload
def fit_model(
    program: SeriesProgram,
    data: Mapping[str, Any],
    order: str | LiftedInverse = "auto",
    *,
    network: str = "auto",
    widths: Sequence[int] | Capacity | None = None,
    objective: str = "elbo",
    epochs: int = 100,
    training: Training | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> LearnedSeries: ...


@overload
def fit_model(
    program: Callable[[], Any] | NumpyroModel,
    data: Mapping[str, Any],
    order: str | Sequence[Name] | Inverse = "auto",
    *,
    network: str = "auto",
    widths: Sequence[int] | Capacity | None = None,
    conditional: str = "auto",
    summaries: Mapping[str, Summary] | None = None,
    objective: str = "elbo",
    epochs: int = 100,
    training: Training | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> LearnedModel: ...


def fit_model(
    program: Callable[[], Any] | NumpyroModel | SeriesProgram,
    data: Mapping[str, Any],
    order: str | Sequence[Name] | Inverse | LiftedInverse = "auto",
    *,
    network: str = "auto",
    widths: Sequence[int] | Capacity | None = None,
    conditional: str = "auto",
    summaries: Mapping[str, Summary] | None = None,
    objective: str = "elbo",
    epochs: int = 100,
    training: Training | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> LearnedModel | LearnedSeries:
    r"""Return a generative model learned from data together with an encoder of the structure it asks for.

    Arguments:
        program: an Equinox module that is called without arguments, describes one observation with
            ``numpyro.sample``, and whose floating-point arrays are its parameters; or a function with
            ``numpyro.param`` sites. Each element of a site is a variable of its own. A model read by `from_numpyro`
            is taken with its own variables. Or a program of series of any length, a `SeriesProgram`.
        data: values of each observed site, ``{site: array (n, *shape of the site)}``; for a program of series
            ``{variable: [array (times, columns) for each series]}``.
        order: an order of `invert` or a baseline by name (``"mean-field"``, ``"reversal"``, ``"fully-connected"``),
            or an `Inverse`, such as ``rd.invert(model, minimize="depth")``. For series ``"derived"``, the inverse of
            the template, ``"mean-field"``, ``"past"``, ``"all"``, or a `LiftedInverse`. Default ``"auto"``.
        network: ``"shared"`` or ``"separate"``, as in `amortize`; for series ``"gru"`` or ``"relu"``, what runs along
            time. Default ``"auto"``: the first of them.
        widths: hidden widths of the encoder, or a `Capacity`; for series the recurrent and the hidden units. Default:
            the library's choice.
        conditional: the family of real latents, as in `amortize`. Default ``"auto"``: normal where the objective
            differentiates draws, else a mixture.
        summaries: ``{observed site: Equinox module}``, trained along, whose features the encoder sees instead.
        objective: ``"elbo"``, ``"iwae"``, ``"rws"``, ``"vimco"``, ``"forward-kl"``, ``"symmetric-kl"`` or
            ``"symmetric-vimco"``; for series ``"elbo"``, ``"iwae"`` or ``"sequential"``.
        epochs: passes over the data.
        training: batch, draws, learning rate, and what else a `Training` says; for series a `SeriesTraining`.
        seed: seed of first weights, simulations, minibatches and draws. Default 0.
        quiet: True shows no progress.

    Returns: the `LearnedModel`; its history has negative bounds in nats. For a program of series a `LearnedSeries`,
        whose history is in nats a step.

    Raises: before the first step, `DataError` for data that do not fit, `ProgramError` for programs that cannot be
        read, have no parameters or draw from NumPy, and `OptionError` for options that do not fit each other, such as
        discrete latents with an objective that differentiates draws; later `TrainingError` where numbers are not
        finite.

    Source: Kingma & Welling 2013; Webb et al. 2017, sections 1 and 4.

    >>> import numpy as np
    >>> from retrodict import zoo
    >>> images = np.random.default_rng(0).integers(0, 2, (64, 9))
    >>> program = zoo.programs.vae(latents=2, pixels=9, hidden=(8,))
    >>> learned = fit_model(program, {"x": images}, epochs=2, quiet=True)
    >>> bool(learned.certificate), learned.bound({"x": images[:5]}).shape
    (True, (5,))
    """
    if isinstance(program, SeriesProgram):
        _require_plain(conditional, summaries)
        chosen = "gru" if network == "auto" else network
        return fit_series(
            program,
            data,
            order,  # type: ignore[arg-type]
            network=chosen,
            widths=widths,
            objective=objective,
            epochs=epochs,
            training=training,
            seed=seed,
            quiet=quiet,
        )
    return _fit_program(
        program,
        data,
        order,  # type: ignore[arg-type]
        "shared" if network == "auto" else network,
        widths,
        conditional,
        summaries,
        objective,
        epochs,
        _require_usual(training),
        seed,
        quiet,
    )


def _fit_program(
    program: Callable[[], Any] | NumpyroModel,
    data: Mapping[str, Any],
    order: str | Sequence[Name] | Inverse,
    network: str,
    widths: Sequence[int] | Capacity | None,
    conditional: str,
    summaries: Mapping[str, Summary] | None,
    objective: str,
    epochs: int,
    training: Training,
    seed: int,
    quiet: bool,
) -> LearnedModel:
    """Return a program of one observation learned from data with its encoder."""
    require_data(data)
    seed, epochs = read_seed(seed), read_count("epochs", epochs)
    module, model = _read_program(program, data)
    family = suit_family(conditional, is_normal=differentiates_draws(objective))
    recipe = Recipe(order, "edges", network, widths, family, summaries).settle(model)
    space = Space(recipe.invert(model), model=model)
    _require_inference(space.inverse)
    require_own_randomness(model, space)
    rows, judged = _divide(model, space, data, training.held_out, seed)
    build_key, learn_key, probe_key = jax.random.split(jax.random.key(seed), 3)
    first_key, scale_key = jax.random.split(build_key)
    encoder = build_untrained(model, recipe, first_key, scale_key, observed=jnp.asarray(rows), by_bounds=True)
    pair = Autoencoder(ProgramGenerator(module, model, space), encoder)
    estimate = _choose_estimate(objective, pair, training)
    blame = partial(_list_broken, probe_key)
    _require_finite_densities(blame(pair, Heated(jnp.asarray(rows[:PROBE_ROWS]), None)))
    run = {"objective": objective, "seed": seed, "data": digest(rows, judged)} | training.describe()
    journal = None
    if training.folder is not None:
        journal = Journal(Path(training.folder), run | _describe(pair, recipe), epochs)
        journal.prepare()
    plan = Plan.of_epochs(
        len(rows), epochs, training.batch, training.learning_rate, training.schedule, training.patience
    )
    judge_key, train_key = jax.random.split(learn_key)
    marks, devices = mark_learned(pair), find_devices()
    learned, history = train(
        pair,
        estimate,
        Tempered(ShuffledRows(jnp.asarray(rows), plan.batch), plan.epoch, Temperature.of(training.temperature)),
        plan,
        train_key,
        learned=marks,
        judge=judge_by(jnp.asarray(judged), judge_key, devices),
        watch=training.watch or (lambda _: {}),
        blame=blame,
        start=journal.read(begin(pair, plan, marks)) if journal else None,
        keep=journal.keep if journal else lambda _: None,
        title="fit_model",
        quiet=quiet,
        devices=devices,
    )
    return LearnedModel(learned, recipe, history, see_data(space, rows, judged))


def _require_plain(conditional: str, summaries: Mapping[str, Summary] | None) -> None:
    if conditional != "auto" or summaries:
        raise OptionError(
            "conditional= and summaries= have no meaning for programs of series",
            remedy="Leave them out: latents are normal, and observations are read by what runs along time.",
        )


def _require_usual(training: Training | None) -> Training:
    if isinstance(training, SeriesTraining):
        raise OptionError("rd.SeriesTraining is for programs of series", remedy="Give rd.Training(...).")
    return USUAL if training is None else training


def _read_program(
    program: Callable[[], Any] | NumpyroModel, data: Mapping[str, Any]
) -> tuple[eqx.Module, NumpyroModel]:
    """Return a program as a module, and as a model; if it is none already, elements of sites are its variables."""
    module = as_module(_take_function(program) if isinstance(program, NumpyroModel) else program)
    _require_finite_parameters(module)
    if isinstance(program, NumpyroModel):
        return module, bind(program, module)
    return module, from_numpyro(module, observed=list(data), elementwise=True)  # type: ignore[call-overload]


def _take_function(model: NumpyroModel) -> Callable[[], Any]:
    called = model.program
    if called.args or called.kwargs:
        raise OptionError(
            f"the model of {called.name!r} was read with arguments, and a program to be learned has none",
            remedy="Read a program without arguments, such as a module that holds them as fields.",
        )
    return called.function


def _divide(
    model: NumpyroModel, space: Space, data: Mapping[str, Any], held_out: float | Mapping[str, Any], seed: int
) -> tuple[Floats, Floats]:
    """Return rows to learn from, and rows to judge by."""
    rows = read_rows(model, space, data)
    if isinstance(held_out, Mapping):
        return rows, read_rows(model, space, held_out)
    return split_rows(rows, held_out, seed)


def _choose_estimate(name: str, pair: LearnedPair, training: Training) -> Estimate:
    """Return the objective of this name, which suits the encoder, relaxed if it is to be, and the number of draws."""
    falling = Temperature.of(training.temperature)
    encoder = pair.encoder if falling is None else relax(pair, falling.start).encoder
    return Estimate(choose_objective(name, encoder), training.draws)


def _require_inference(inverse: Inverse) -> None:
    if inverse.is_generative.all():
        raise OptionError(
            "no latent of the program has an observed descendant: there is nothing to infer",
            remedy="Give data for sites that depend on latents.",
        )


def _require_finite_parameters(module: eqx.Module) -> None:
    broken = [place for place, array in list_arrays(module).items() if not np.isfinite(array).all()]
    if broken:
        raise ProgramError(
            f"the program has parameters that are not finite: {', '.join(broken[:5])}",
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
            "before the first step, the density of {names} is not finite where the encoder draws the latents",
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
