"""A NumPyro guide with the structure of the posterior, amortized over the observed sites of a program."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro
from numpyro import distributions as dist
from numpyro import handlers
from numpyro.contrib.module import eqx_module
from numpyro.infer import Trace_ELBO

from retrodict.certificate.certify import Certificate, certify
from retrodict.encode.encoder import Encoder
from retrodict.encode.families.choice import AUTO, read_family
from retrodict.encode.families.conditionals import Conditional
from retrodict.encode.recipe import Recipe
from retrodict.encode.summaries import Summary
from retrodict.errors import OptionError, ProgramError
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.guide.densities import JointDensity, SiteDensity
from retrodict.guide.fitting import fit_guide
from retrodict.guide.meeting import meet
from retrodict.guide.parts import Beginning, DiscreteLatentError, FromModel, GuideParts, build_parts, read_data
from retrodict.guide.site_steps import Taken, begin, close, open_step
from retrodict.guide.standing import Leaning, Standing, Steady, fix_biases, untemper
from retrodict.guide.start import InitLocFn
from retrodict.plan.capacity import Capacity
from retrodict.plan.counts import read_count, read_rate, read_seed
from retrodict.posterior.factors import Factor
from retrodict.read.jaxpr.internals import at_once, is_traced
from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.read.numpyro.sites import Program
from retrodict.train.learning import list_units
from retrodict.train.loop import Plan
from retrodict.train.optimizers import choose_optimizer

# How many draws stand behind a median or a quantile: its rank is right to about 0.01.
QUANTILE_DRAWS = 4096

# Scales are kept above a bound, which the first one must not be near.
LEAST_SCALE = 1e-4
# Families for which a guide has its own.
OWN_FAMILIES: dict[Any, Conditional] = {AUTO: Steady(), "normal": Steady(), "sinh-arcsinh": Leaning()}


class AutoFaithful:
    r"""A NumPyro guide :math:`\prod_i q(z_i \mid \mathrm{Pa}(z_i))` along a faithful inverse of a program.

    The guide is called as its program is, with data for the observed sites (``obs=``), and is amortized over them: one
    set of parameters serves any data. It works with `SVI` and ``Trace_ELBO``, ``TraceMeanField_ELBO`` or
    ``RenyiELBO``, and with `Predictive`. The first call, or `setup`, reads the program, inverts it and finds where
    to begin.

    Each latent is a site of its own, drawn in the order of the inverse; each element of a site depends on those before
    it and on the parents of the site. Latents whose conditional given all others has a
    closed form are drawn last, from that, and thereby integrated out of the bound; they may be discrete. The program
    itself draws the barren latents.

    A program that has a density and cannot be simulated (masks, factors, scales, improper priors, data used twice) is
    taken by its density: latents that meet in a term of it are neighbors, and the inverse is one of that graph.

    Arguments:
        program: a NumPyro program.
        order: an order of `invert` or a baseline by name, the latents in the order of elimination, or an `Inverse`.
            Default ``"auto"``.
        minimize: what an order by name minimizes, as in `invert`. Default ``"edges"``.
        elementwise: True makes each element of a site a latent, all of which are drawn jointly. Default None: where a
            discrete latent has no closed form as a whole site, as the states of a chain in a ``scan``.
        joint: True draws all latents at one auxiliary site; they then are point masses in the order of the program.
            Programs in which the support of a latent ends at another one are always drawn so.
        network: ``"shared"`` or ``"separate"``, as in `amortize`. Default: linear maps, without hidden units, unless
            ``widths`` are given.
        widths: widths of the hidden layers, or a `Capacity`. Default: no hidden layers.
        conditional: ``"normal"``, ``"sinh-arcsinh"`` (normals that may lean and have other tails) or ``"spline"``, the
            family of the latents. Default ``"auto"``, which is normal here, as draws are differentiated.
        summaries: ``{observed site: Equinox module}``, as in `amortize`; their parameters are among those of the
            encoder. Default: none.
        init_loc_fn: where latents begin, a strategy of NumPyro's such as ``init_to_value(values={...})``. Default: the
            median of the prior of each site, given those before it, or the best of 8 random places where draws around
            the median have hardly any density.
        init_scale: the first standard deviation of all latents, on the unconstrained scale. Default 0.1.
        exact: whether to look for closed forms. False learns all latents. Default True.
        prefix: how the names of parameters begin. Default ``"auto"``.
        seed: seed of first weights, and of the key that ``init_loc_fn`` gets. Default 0.

    Raises: `OptionError` for options that do not exist. `setup` and the first call raise what `from_numpyro` and
        `invert` raise, and `OptionError` for discrete latents without a closed form, whose draws cannot be
        differentiated, and for values of ``init_loc_fn`` that are not finite.

    Source: Webb et al. 2017, section 3, with reverse KL for forward KL.

    >>> import numpyro.distributions as dist
    >>> from numpyro.infer import SVI, Trace_ELBO
    >>> def program(x):
    ...     z = numpyro.sample("z", dist.Normal(0, 1))
    ...     numpyro.sample("x", dist.Normal(z, 1), obs=x)
    >>> guide = AutoFaithful(program)
    >>> svi = SVI(program, guide, numpyro.optim.Adam(0.01), Trace_ELBO())
    >>> result = svi.run(jax.random.key(0), 20, 2.0, progress_bar=False)
    >>> guide.sample_posterior(jax.random.key(1), result.params, 2.0, sample_shape=(5,))["z"].shape
    (5,)
    >>> dict(guide.inverse.parents), bool(guide.certificate)
    ({'z': ('x',)}, True)
    """

    def __init__(
        self,
        program: Callable[..., Any],
        *,
        order: str | Sequence[Name] | Inverse = "auto",
        minimize: str = "edges",
        elementwise: bool | None = None,
        joint: bool = False,
        network: str | None = None,
        widths: Sequence[int] | Capacity | None = None,
        conditional: str = "auto",
        summaries: Mapping[str, Summary] | None = None,
        init_loc_fn: InitLocFn | None = None,
        init_scale: float = 0.1,
        exact: bool = True,
        prefix: str = "auto",
        seed: int = 0,
    ) -> None:
        family = OWN_FAMILIES.get(conditional, conditional)
        if not read_family(family).reparameterized:
            raise OptionError(
                f"the family {conditional!r} has no draws that can be differentiated",
                remedy='Choose "normal" or "spline"; rd.amortize takes mixtures, too.',
            )
        self.program, self.prefix, self.joint, self.elementwise = program, prefix, joint, elementwise
        self.init_loc_fn, self.init_scale, self.exact = init_loc_fn, _read_scale(init_scale), exact
        self._recipe = Recipe(order, minimize, network or "shared", widths, family, summaries)
        self._linear = network is None and widths is None
        self._seed = read_seed(seed)
        self._parts: GuideParts | None = None
        self._scored = program  # with its terms as sites, where it cannot be simulated

    def __repr__(self) -> str:
        name = getattr(self.program, "__qualname__", type(self.program).__name__)
        return f"AutoFaithful({name!r}{'' if self._parts is None else f', {self.inverse!r}'})"

    # -- what is known of the program ----------------------------------------------------------------

    def setup(self, *args: Any, **kwargs: Any) -> AutoFaithful:
        """Read the program with these arguments, build the encoder, and return the guide; the first call does so too.

        Arguments:
            *args: arguments of the program, data included.
            **kwargs: further arguments of the program.

        Returns: the guide itself.

        Raises: what `from_numpyro` and `invert` raise, and `OptionError` inside of ``jax.jit``.
        """
        if any(is_traced(leaf) for leaf in jax.tree.leaves((args, kwargs))):
            raise OptionError(
                "the guide meets its program for the first time inside of a function that JAX traces",
                remedy="Call guide.setup(...) or svi.init(...) with arrays before, outside of jit, vmap and grad.",
            )
        with at_once(), handlers.block():
            try:
                self._meet(args, kwargs, elementwise=bool(self.elementwise))
            except DiscreteLatentError as error:
                if self.elementwise is not None:
                    raise
                try:
                    self._meet(args, kwargs, elementwise=True)
                except (OptionError, ProgramError):
                    raise error from None
        return self

    def _meet(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, elementwise: bool) -> None:
        model, self._scored = meet(self.program, args, kwargs, elementwise=elementwise)
        self._parts = build_parts(
            model,
            self._recipe,
            self._seed,
            linear=self._linear,
            joint=self.joint or elementwise,
            exact=self.exact,
            beginning=Beginning(self.init_loc_fn, self.init_scale),
        )

    @property
    def parts(self) -> GuideParts:
        """What the guide is made of; raises `OptionError` before the guide has met arguments of its program."""
        if self._parts is None:
            raise OptionError(
                "the guide has not seen the arguments of its program", remedy="Call guide.setup(...) with them."
            )
        return self._parts

    @property
    def model(self) -> NumpyroModel:
        """The program as a model."""
        return self.parts.model

    @property
    def inverse(self) -> Inverse:
        """Which variables each latent is drawn from, and in which order."""
        return self.parts.inverse

    @property
    def certificate(self) -> Certificate:
        """The verdict on the inverse: which dependencies the guide lacks (none), and which it could do without."""
        return certify(self.inverse)

    # -- drawing -------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> dict[str, jax.Array]:
        """Draw every latent at its site, and return the values; raise `DataError` for missing or ill-shaped data."""
        if self._parts is None:
            self.setup(*args, **kwargs)
        parts = self.parts
        data = read_data(parts, self._scored, args, kwargs)
        trained, program = self._register(), Program(self._scored, args, kwargs)
        if parts.joint:
            return self._draw_jointly(parts.list_factors(program, trained), parts.to_columns(data), parts.frames)
        observed = parts.space.encode_observed(parts.to_columns(data))
        values = {} if trained is None else self._draw_sites(*trained, observed)
        if parts.forms:
            known = parts.to_columns({**data, **values})
            values |= self._draw_jointly(parts.list_held(program), known, parts.exact_sites)
        return {**values, **self._draw_barren({**data, **values}, args, kwargs)}

    def fit(
        self,
        *args: Any,
        steps: int = 2000,
        learning_rate: float = 0.01,
        loss: Any = None,
        seed: int = 0,
        quiet: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Return parameters trained for the data in the arguments of the program, without an `SVI` of one's own.

        Arguments:
            *args: arguments of the program, data included.
            steps: number of steps of Adam, whose learning rate falls to zero along a cosine. Default 2000.
            learning_rate: the first learning rate. Default 0.01.
            loss: a loss of NumPyro's, such as ``RenyiELBO(num_particles=8)``. Default: ``Trace_ELBO()``.
            seed: seed of first weights and of draws. Default 0.
            quiet: True shows no progress.
            **kwargs: further arguments of the program.

        Returns: values by name of parameter, as `SVI.run` gives, for `Predictive` and `sample_posterior`.

        Raises: what `setup` raises, `OptionError` for numbers out of range, and `TrainingError` at the first step
            whose loss or gradient is not finite.
        """
        optimizer = choose_optimizer(read_rate(learning_rate), read_count("steps", steps))
        return fit_guide(
            self.program,
            self,
            args,
            kwargs,
            elbo=Trace_ELBO() if loss is None else loss,
            plan=Plan(steps, optimizer=optimizer),
            seed=read_seed(seed),
            quiet=quiet,
        )

    def sample_posterior(
        self, rng_key: jax.Array, params: Mapping[str, Any], *args: Any, sample_shape: Sequence[int] = (), **kwargs: Any
    ) -> dict[str, jax.Array]:
        """Return draws of each latent for the data in the arguments of the program.

        Arguments:
            rng_key: a key of JAX.
            params: values of the parameters by name, as `fit` and `SVI.run` give them.
            *args: arguments of the program, data included.
            sample_shape: shape of the draws. Default: a single draw.
            **kwargs: further arguments of the program.

        Returns: ``{latent: array (*sample_shape, ...)}``.

        Raises: `DataError` for data missing or of another shape than the guide was set up for.
        """
        if self._parts is None:
            self.setup(*args, **kwargs)

        def draw(key: jax.Array) -> dict[str, jax.Array]:
            with handlers.block(), handlers.seed(rng_seed=key), handlers.substitute(data=dict(params)):
                return self(*args, **kwargs)

        keys = jax.random.split(rng_key, math.prod(sample_shape))
        drawn = jax.jit(jax.vmap(draw))(keys)
        return {name: value.reshape(*sample_shape, *value.shape[1:]) for name, value in drawn.items()}

    def quantiles(self, params: Mapping[str, Any], quantiles: Any, *args: Any, **kwargs: Any) -> dict[str, jax.Array]:
        """Return quantiles of each latent for the data in the arguments of the program.

        They are quantiles of 4,096 draws by a fixed key, since most marginals have no closed form.

        Arguments:
            params: values of the parameters by name, as `fit` and `SVI.run` give them.
            quantiles: a probability, or an array of them.
            *args: arguments of the program, data included.
            **kwargs: further arguments of the program.

        Returns: ``{latent: array (*shape of quantiles, ...)}``.

        Raises: what `sample_posterior` raises.
        """
        draws = self.sample_posterior(jax.random.key(0), params, *args, sample_shape=(QUANTILE_DRAWS,), **kwargs)
        return {name: jnp.quantile(values, jnp.asarray(quantiles), axis=0) for name, values in draws.items()}

    def median(self, params: Mapping[str, Any], *args: Any, **kwargs: Any) -> dict[str, jax.Array]:
        """Return the median of each element of each latent, ``{latent: array (...)}``, as `quantiles` does."""
        return self.quantiles(params, 0.5, *args, **kwargs)

    # -- steps of a call -----------------------------------------------------------------------------

    def _register(self) -> tuple[Encoder, Standing] | None:
        """Return encoder and standing as they are trained, as parameters of NumPyro."""
        encoder, location = self.parts.encoder, self.parts.location
        if encoder is None or location is None:
            return None
        trained = eqx_module(f"{self.prefix}_encoder", encoder)
        trained = eqx.tree_at(list_units, trained, list_units(encoder))  # units are no parameters
        own = numpyro.param(f"{self.prefix}_loc", location)
        raw = numpyro.param(f"{self.prefix}_log_scale", jnp.full(location.shape, untemper(math.log(self.init_scale))))
        return fix_biases(encoder, trained), Standing.of(own, raw)

    def _draw_sites(self, encoder: Encoder, standing: Standing, codes: jax.Array) -> dict[str, jax.Array]:
        """Draw the latents of an encoder one by one, along its steps."""
        drawing, values = begin(encoder, codes), {}
        for steps, names in self.parts.turns.items():
            opened = open_step(encoder, steps.start, drawing)
            taken: list[Taken] = []
            place = 0
            for name in names:
                variable, shape = self.model.net.variable(name), self.model.sites[name].shape
                event_dim, own = self.parts.frames[name].event_dim, self.parts.space.code_columns[name]
                stands = standing.at(slice(int(own[0]), int(own[-1]) + 1))
                density = SiteDensity(variable, shape, event_dim, encoder, stands, steps, place, opened)
                with handlers.trace() as trace:
                    values[name] = self._sample(name, density)
                drawn = [*trace.values()][-1]["intermediates"]  # empty where a handler gave the site its value
                taken += drawn or [density.follow(values[name])]
                place += len(own)
            codes = jnp.concatenate([one.codes for one in taken])
            drawing = taken[0].after or close(encoder, steps.start, codes, opened)
        return values

    def _sample(self, name: str, density: Any) -> Any:
        """Draw at a site inside of the plates that it has in the program."""
        with ExitStack() as entered:
            for plate, size, dim in self.parts.frames[name].plates:
                entered.enter_context(numpyro.plate(plate, size, dim=dim))
            return numpyro.sample(name, density)

    def _draw_barren(self, values: Mapping[str, Any], args: Any, kwargs: Any) -> dict[str, Any]:
        """Run the program on what is known, and let it draw the barren latents as sites of the guide."""
        barren = [str(name) for name in self.inverse.generative]
        if not barren:
            return {}
        with handlers.trace() as trace, FromModel(values, barren):
            self._scored(*args, **kwargs)
        return {name: trace[name]["value"] for name in barren}

    def _draw_jointly(self, factors: Sequence[Factor], columns: jax.Array, names: Iterable[str]) -> dict[str, Any]:
        """Draw the latents of some factors at one auxiliary site, and state the sites of these names as points."""
        places = self.parts.find_places(latent for factor in factors for latent in factor.variables)
        density = JointDensity(factors, columns, places)
        whole = density.fill(numpyro.sample(f"_{self.prefix}_latent", density, infer={"is_auxiliary": True}))
        values = {}
        for name in names:
            value = whole[self.model.structure.columns[name]].astype(self.model.sites[name].dtype)
            values[name] = self._sample(name, dist.Delta(value, event_dim=self.parts.frames[name].event_dim))
        return values


def _read_scale(value: Any) -> float:
    """Return the first scale; raise `OptionError` for one that is no positive number, or too small to grow."""
    scale = read_rate(value, "init_scale")
    if scale < LEAST_SCALE:
        raise OptionError(f"init_scale={value!r} is too small", remedy=f"Give {LEAST_SCALE:g} or more.")
    return scale
