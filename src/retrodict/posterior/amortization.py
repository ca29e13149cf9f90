"""The one-call road from a model to its amortized posterior. It holds calls and no algorithm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, overload

from retrodict.encode.families.conditionals import Conditional
from retrodict.encode.recipe import Recipe
from retrodict.encode.summaries import Summary
from retrodict.errors import OptionError, ProgramError
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.lift.lifted_inverse import LiftedInverse
from retrodict.lift.schedules.loop_nest import Schedule
from retrodict.models.model import Model
from retrodict.models.template_model import TemplateModel
from retrodict.plan.capacity import Capacity
from retrodict.plan.counts import read_seed
from retrodict.posterior.any_evidence.evidence_amortization import amortize_evidence
from retrodict.posterior.any_evidence.evidence_posterior import EvidencePosterior
from retrodict.posterior.lifted.lifted_amortization import amortize_template
from retrodict.posterior.lifted.lifted_posterior import LiftedPosterior, require_template_model
from retrodict.posterior.posterior import AmortizedPosterior
from retrodict.posterior.tables.outside import run_outside
from retrodict.posterior.tables.simulations import read_simulations
from retrodict.posterior.training.model_training import amortize_model
from retrodict.posterior.training.plans import (
    STEPS,
    TEMPLATE_BATCH,
    TEMPLATE_PACE,
    TEMPLATE_RATE,
    Plans,
    choose,
    plan_evidence,
    plan_training,
)


@overload
def amortize(
    model: Model | BayesNet,
    order: str | Sequence[Name] | Inverse = ...,
    *,
    simulations: Any = ...,
    observed: Iterable[Name] | None = ...,
    weights: Any = ...,
    minimize: str = ...,
    network: str = ...,
    widths: Sequence[int] | Capacity | None = ...,
    conditional: str | Conditional = ...,
    summaries: Mapping[Name, Summary] | None = ...,
    steps: int = ...,
    seconds: float | None = ...,
    batch: int | None = ...,
    learning_rate: float | None = ...,
    patience: int | None = ...,
    seed: int = ...,
    quiet: bool = ...,
    exact: bool = ...,
) -> AmortizedPosterior: ...


@overload
def amortize(
    model: Model | BayesNet,
    *,
    evidence: str | Mapping[Name, float] | Iterable[Iterable[Name]],
    simulations: Any = ...,
    weights: Any = ...,
    widths: Sequence[int] | Capacity | None = ...,
    steps: int = ...,
    seconds: float | None = ...,
    batch: int | None = ...,
    learning_rate: float | None = ...,
    seed: int = ...,
    quiet: bool = ...,
    exact: bool = ...,
) -> EvidencePosterior: ...


@overload
def amortize(
    model: TemplateModel,
    order: str | Schedule | LiftedInverse = ...,
    *,
    minimize: str = ...,
    network: str = ...,
    widths: Sequence[int] | Capacity | None = ...,
    conditional: str | Conditional = ...,
    summaries: Mapping[Name, Summary] | None = ...,
    steps: int = ...,
    seconds: float | None = ...,
    batch: int | None = ...,
    learning_rate: float | None = ...,
    patience: int | None = ...,
    seed: int = ...,
    quiet: bool = ...,
    exact: bool = ...,
    vary: Mapping[str, tuple[int, int]] | None = ...,
    missing: float | Mapping[str, float] = ...,
) -> LiftedPosterior: ...


def amortize(
    model: Model | BayesNet | TemplateModel,
    order: Any = "auto",
    *,
    simulations: Any = None,
    observed: Iterable[Name] | None = None,
    weights: Any = None,
    minimize: str = "edges",
    network: str = "shared",
    widths: Sequence[int] | Capacity | None = None,
    conditional: str | Conditional = "auto",
    summaries: Mapping[Name, Summary] | None = None,
    steps: int = STEPS,
    seconds: float | None = None,
    batch: int | None = None,
    learning_rate: float | None = None,
    patience: int | None = None,
    seed: int = 0,
    quiet: bool = False,
    exact: bool = True,
    evidence: str | Mapping[Name, float] | Iterable[Iterable[Name]] | None = None,
    vary: Mapping[str, tuple[int, int]] | None = None,
    missing: float | Mapping[str, float] = 0.0,
) -> AmortizedPosterior | EvidencePosterior | LiftedPosterior:
    r"""Return the amortized posterior of a model: invert, build the encoder, train it on simulations.

    Latents whose conditional given all others has a closed form are drawn last, from that: finite ones, sites of a
    program that are proved to be Gaussian, and all latents of a linear-Gaussian network. They are thereby integrated
    out, and an encoder is trained for the others alone; where there are none, nothing is trained.

    Training minimizes :math:`E_{p(z, x)}[-\log q(z \mid x)]` by Adam with gradients clipped to norm 10. It starts
    where every latent is at its regression on its parents, and ends at the parameters that were best on held-out
    simulations, the start among them. Latents with a
    constrained support are inferred through a bijection; discrete latents have categorical or count conditionals.

    Simulations that are stored (``simulations=``) are split once, into what is trained on, a tenth that judges, and a
    tenth that `AmortizedPosterior.calibration` ranks. Nothing but these is needed: no density, and no program.

    Arguments:
        model: a generative model that can be simulated; with ``simulations=`` the `BayesNet` of its structure does.
        simulations: runs of the model by variable, the leading axis the runs: a dictionary of arrays, a DataFrame, an
            xarray Dataset, or the path of an ``.npz``, ``.parquet`` or ``.zarr``, which may be larger than memory. Runs
            that are not finite are set aside. Or the number of runs that the model makes, once: 10,000 of a
            `from_simulator` where nothing is said. Default: they are drawn as they are needed.
        observed: names of the observed variables. Default: those of the model.
        weights: how much each stored run counts, as `next_simulations` says. Default: all the same.
        order: an order of `invert` or a baseline by name, the latents in the order of elimination, or an `Inverse`,
            which is taken as it is. Default ``"auto"``.
        minimize: what an order by name minimizes, as in `invert`. Default ``"edges"``.
        network: ``"shared"``, the paper's masked network, or ``"separate"``, one network for each latent.
        widths: widths of the hidden layers, or a `Capacity`. Default: two of 256 units, or of 8 for each parent set
            where that is more; of 32 for each latent if separate.
        conditional: the family of real latents, ``"normal"``, ``"mixture"``, ``"truncated"`` or ``"spline"``. Default
            ``"auto"``: a mixture, truncated to the ends of bounded latents, unless the conditionals are known to be
            normal. A number may follow, of components (5 if none does) or bins (8): ``"mixture:12"``.
        summaries: ``{observed variable: Equinox module}``, with sites for the variables of a NumPyro program. The
            modules are trained along; the encoder sees the vector that a module makes of a value. Ready made are
            ``"set"``, whose rows have no order, ``"series"`` along the first axis, and ``"image"``. Default: none.
        steps: number of minibatches, at most. Training ends before where nothing more is gained on held-out
            simulations. 0 trains nothing: every latent stays at its regression on its parents. Default 10000.
        seconds: time after which training ends with the epoch of 25 steps that it is in. Default: no limit.
        batch: fresh simulations in a minibatch. Default 256; 64 of a template.
        learning_rate: the highest learning rate, by default 0.005; 0.002 for truncated mixtures, for others of at
            most 40 codes where there are 5,000 steps or more, and for templates. It rises in 100 steps, stays while
            anything is gained, and then falls to zero along a cosine, as it does in the last part of a budget.
        patience: steps without a gain on held-out simulations after which the learning rate falls. Default: 150 if
            nothing was gained at all, else 300, or half the steps that the last gain took if these are more. With as
            many as ``steps``, or more, the rate falls along a cosine from the first step to the last.
        seed: seed of first weights and simulations. Default 0.
        quiet: True shows no progress.
        exact: whether to look for closed forms. False trains an encoder for all latents. Default True. In a
            `TemplateModel` they are Gaussian latents and finite ones, exact at every size: nested plates and series by
            elimination, crossed plates with the smaller one as a vector.
        evidence: None asks for the latents given all that is observed. ``"any"`` trains one network for any variables
            given any others, whatever the model observes; a list of sets of names trains it for these, and a
            probability for each name, ``{"y": 0.7}``, for sets drawn so. With ``simulations=`` everything is learned
            from these, which must fit into memory. Default None.
        vary: for a `TemplateModel`, the least and the greatest size of dims, ``{"schools": (1, 50)}``; others have the
            size at which the program was read. One training serves them all.
        missing: for a `TemplateModel`, the share of observations without children that is missing on average, a number
            or one for each of these, ``{"y": 0.3}``. Default 0.

    Returns: the `AmortizedPosterior`, with ``evidence=`` the `EvidencePosterior`, of a `TemplateModel` the
        `LiftedPosterior`; its history has the objective in nats, and says whether it had converged.

    Raises: what `invert` raises, `WidthError` for layers that are too narrow, `OptionError` for options out of range,
        `ProgramError` for models that draw from NumPy or from another key than theirs, `SimulationError` where nearly
        all simulations fail, and `TrainingError`, which holds the last good parameters, where training meets a number
        that is not finite.

    Source: Webb et al. 2017, section 3; Paige & Wood 2016.

    >>> from retrodict import zoo
    >>> posterior = amortize(zoo.binary_tree(depth=3), steps=100, quiet=True, exact=False)
    >>> posterior.inverse.n_edges
    9
    >>> amortize(zoo.binary_tree(depth=3))  # every conditional is known: nothing is trained
    AmortizedPosterior(Inverse(exact: 3 latents, 9 edges, depth 3, width 4), exact: linear Gaussian)
    >>> sorted(amortize(zoo.binary_tree(depth=2), evidence="any").sample({"x0": 1.0, "x2": 0.5}, 9))
    ['x1']
    """
    if evidence is not None:
        own = {"order": order, "minimize": minimize, "network": network, "conditional": conditional}
        stated = {**own, "summaries": summaries, "patience": patience, "vary": vary, "missing": missing or None}
        chosen = plan_evidence(steps, seconds, batch, learning_rate)
        asked, seed = _read_evidence_model(model, stated | {"observed": observed}), read_seed(seed)
        asked, runs = read_simulations(asked, simulations, None, weights, seed, quiet=quiet)
        return amortize_evidence(asked, evidence, chosen, seed, runs=runs, widths=widths, exact=exact, quiet=quiet)
    if isinstance(model, TemplateModel):
        _refuse_options(network=network, widths=widths, summaries=summaries)
        lifted = plan_training(
            steps,
            seconds,
            choose(batch, TEMPLATE_BATCH),
            choose(learning_rate, TEMPLATE_RATE),
            patience,
            TEMPLATE_PACE,
        )
        return amortize_template(
            model, order, vary, missing, lifted, seed, conditional=conditional, exact=exact, quiet=quiet
        )
    seed, plans = read_seed(seed), Plans.of(steps, seconds, batch, learning_rate, patience)
    model, runs = read_simulations(model, simulations, observed, weights, seed, quiet=quiet)
    if vary is not None or missing != 0:
        require_template_model(model)
    recipe = Recipe(order, minimize, network, widths, conditional, summaries)
    try:
        return amortize_model(model, runs, recipe, plans, seed, exact=exact, quiet=quiet)
    except ProgramError as error:
        model, runs = run_outside(model, runs, error, seed)
    return amortize_model(model, runs, recipe, plans, seed, exact=exact, quiet=quiet)


def _refuse_options(**given: Any) -> None:
    """Raise `OptionError` for options that encoders of templates do not have."""
    asked = [name for name, value in given.items() if value not in (None, "shared")]
    if asked:
        raise OptionError(f"{asked[0]}= is not for a TemplateModel", remedy="Leave it out.")


def _read_evidence_model(model: Any, stated: Mapping[str, Any]) -> Model | BayesNet:
    """Return the model; raise `OptionError` for models and options that posteriors for any evidence do not have."""
    if not isinstance(model, Model | BayesNet):
        raise OptionError(
            f"evidence= needs a Model that can be simulated, or a BayesNet with simulations=, not a "
            f"{type(model).__name__}",
            remedy="Give a network of tables or of lines, or a program read by rd.from_numpyro.",
        )
    usual = {"order": "auto", "minimize": "edges", "network": "shared", "conditional": "auto"}
    asked = [
        name
        for name, value in stated.items()
        if not (value is None or (isinstance(value, str) and value == usual.get(name)))
    ]
    if asked:
        raise OptionError(f"{asked[0]}= is not for a posterior for any evidence", remedy="Leave it out.")
    return model
