"""From a program and its data to the posterior of these data, in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from time import monotonic
from typing import Any

from retrodict.encode.recipe import Recipe
from retrodict.errors import DataError, OptionError, ProgramError, SimulationError
from retrodict.exact.find_forms import list_others, plan_closed_forms
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.models.model import Model
from retrodict.plan.counts import read_count, read_rate, read_seed
from retrodict.posterior.amortization import amortize
from retrodict.posterior.answers.answer import Answer
from retrodict.posterior.posterior import AmortizedPosterior
from retrodict.posterior.sharing import share
from retrodict.posterior.training.model_training import Keys
from retrodict.posterior.training.peak_training import stand_at_peaks
from retrodict.read.numpyro.density.density_reader import DensityModel, read_density
from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.read.numpyro.observed.fixed import read_data
from retrodict.read.numpyro.reader import from_numpyro
from retrodict.train.loop import TrainingError

# Minibatches of training: the encoder is to begin near one observation, not to answer all.
STEPS = 300
UNTRAINED = "The prior cannot be simulated, so that no encoder was trained on it."
NO_PRIOR = "The program has a density and cannot be simulated, so that no encoder was trained on simulations."
NO_DATA = "Give data={name: values}, or let the program give them by obs=."


def answer(
    program: Callable[..., Any] | Model,
    *args: Any,
    data: Mapping[Name, Any] | None = None,
    n: int = 4000,
    seed: int = 0,
    seconds: float = 150,
    elementwise: bool = False,
    **kwargs: Any,
) -> Answer:
    """Return the posterior of a program for the data that you have, going as far as is needed.

    The program is read and inverted, latents with closed forms are integrated out, an encoder is trained for a short
    time for the others, and `AmortizedPosterior.answer` does the rest. Where the prior cannot be simulated, the answer
    is found without training, and ``notes`` says so.

    Arguments:
        program: a NumPyro program, or a model.
        *args: arguments with which the program is called.
        data: the value of each observed site or variable. Default: what the program itself conditions on by ``obs=``.
        n: number of draws to return. Default 4000.
        seed: the same seed gives the same answer, as long as time suffices. Default 0.
        seconds: about how long it may take, compilation included. Default 150.
        elementwise: whether each element of a site is a variable of its own, as in `from_numpyro`. Default: only where
            the program has sites in a loop. The answer goes by sites in any case.
        **kwargs: arguments by name with which the program is called.

    Returns: the `Answer`. Where it is not reliable, its ``repr`` begins by saying so and why.

    Raises: what `from_numpyro` and `amortize` raise, and `DataError` for data that do not fit or are missing.

    >>> import numpy as np, numpyro, numpyro.distributions as dist
    >>> def program(y):
    ...     mu = numpyro.sample("mu", dist.Normal(0, 10))
    ...     numpyro.sample("y", dist.Normal(mu, np.ones(4)), obs=y)
    >>> found = answer(program, np.array([1.0, 2.0, 3.0, 2.0]))
    >>> found.stage, round(float(found.sd["mu"]), 1)
    ('exact', 0.5)
    """
    begun = monotonic()
    n, seed, seconds = read_count("n", n), read_seed(seed), read_rate(seconds, "seconds")
    model = _read_model(program, args, data, elementwise, kwargs)
    values = read_values(model, data)
    posterior, notes = begin_posterior(model, seed, seconds / 3)
    evidence = posterior.read(values)  # what does not fit is said before time is spent on more
    evidence.require(model.net.observed)
    left = max(seconds - (monotonic() - begun), seconds / 3)
    found = posterior.answer(values, n, seed, seconds=left)
    draws, mean, sd = (join_sites(model, values) for values in (found.draws, found.mean, found.sd))
    seconds = monotonic() - begun
    return replace(found, draws=draws, mean=mean, sd=sd, notes=(*notes, *found.notes), seconds=seconds)


def join_sites(model: Model, values: Mapping[Name, Any]) -> dict[Name, Any]:
    """Return values of variables by the sites of a program, those of a model as they are."""
    joined = model.join(values) if isinstance(model, NumpyroModel) else values
    return dict(joined.items())


def _read_model(
    program: Callable[..., Any] | Model,
    args: tuple[Any, ...],
    data: Mapping[Name, Any] | None,
    elementwise: bool,
    kwargs: Mapping[str, Any],
) -> Model:
    if not isinstance(program, Model):
        observed = None if data is None else list(map(str, data))
        try:
            return from_numpyro(program, *args, observed=observed, elementwise=elementwise, **kwargs)
        except ProgramError as error:
            if elementwise or "elementwise=True" not in str(error):
                return _read_density(program, args, kwargs, error, elementwise=elementwise)
        return from_numpyro(program, *args, observed=observed, elementwise=True, **kwargs)
    if args or kwargs or elementwise:
        raise OptionError("a model takes no arguments", remedy="Give them where the model is made.")
    return program


def _read_density(
    program: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], error: ProgramError, **options: bool
) -> Model:
    """Return a program as a model of its density; raise the error with which it could not be read where it has none."""
    try:
        return read_density(program, args, kwargs, **options)
    except ProgramError:
        raise error from None


def read_values(model: Model, data: Mapping[Name, Any] | None) -> dict[Name, Any]:
    """Return the value of each observed variable: from data, by variable or site, or what a program conditions on.

    Raises `DataError` where there is none.

    >>> from retrodict import zoo
    >>> read_values(zoo.binary_tree(depth=2), {"x1": 0.5, "x2": 1.0})
    {'x1': 0.5, 'x2': 1.0}
    """
    if not isinstance(model, NumpyroModel):
        if data is None:
            raise DataError("{names} {have} no data", model.net.observed, remedy="Give data={name: values}.")
        return dict(data)
    given = {} if data is None else dict(data)
    if data is None or isinstance(model, DensityModel):  # whose terms without data are observed, too
        given = read_data(model.program, list(model.sites.values())) | given
    sites = {str(name): value for name, value in given.items() if name in model.sites}
    parts = {**model.split(sites), **{name: value for name, value in given.items() if name not in sites}}
    known = set(model.net.names)
    missing = [name for name in model.net.observed if name not in parts]
    if missing:
        raise DataError("{names} {have} no data", missing, remedy=NO_DATA)
    observed = set(model.net.observed)
    return {name: value for name, value in parts.items() if name in observed or name not in known}


def begin_posterior(model: Model, seed: int, seconds: float) -> tuple[AmortizedPosterior, tuple[str, ...]]:
    """Return a posterior after a short training, or without any where simulations are not finite, and a note on it."""
    if isinstance(model, DensityModel):
        return leave_untrained(model, seed), (NO_PRIOR,)
    try:
        return amortize(model, steps=STEPS, seconds=seconds, seed=seed, quiet=True), ()
    except (SimulationError, TrainingError):
        return leave_untrained(model, seed), (UNTRAINED,)


def leave_untrained(model: Model, seed: int, order: str | Inverse = "auto") -> AmortizedPosterior:
    """Return the posterior of an encoder without training: at the peak of the data or, without peaks, anywhere."""
    inverse, forms = plan_closed_forms(model, order)
    names = list_others(inverse, forms)
    if not names:
        return AmortizedPosterior.of(model, inverse, None, forms=forms)
    compiled, keys = share(model, inverse, names if forms else None), Keys.of(seed)
    recipe = Recipe(inverse, drawn=compiled.space.drawn)
    standing = stand_at_peaks(compiled, recipe, forms, keys.build, keys.scale)
    if standing is not None:
        return AmortizedPosterior.of(model, inverse, *standing, forms=forms)
    recipe = recipe.settle(model)
    encoder = recipe.build(model, keys.build, None, compiled.space.dependencies)
    return AmortizedPosterior.of(model, inverse, encoder, recipe=recipe, forms=forms)
