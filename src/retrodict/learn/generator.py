"""A NumPyro program with parameters as a generator: scored and drawn on the columns of an encoder."""

from __future__ import annotations

from dataclasses import dataclass, replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from retrodict.errors import OptionError
from retrodict.graph.rows import Integers
from retrodict.learn.relaxed import draw_relaxed, score_relaxed
from retrodict.plan.layout import take_columns
from retrodict.posterior.programs import Wiring
from retrodict.read.numpyro.model import NumpyroModel
from retrodict.read.numpyro.sites import Program
from retrodict.train.autoencoder import Generator


@dataclass(frozen=True, eq=False, repr=False)
class ProgramWiring(Wiring):
    """Which columns of a NumPyro program are observed, inferred, or drawn from the program itself."""

    model: NumpyroModel


class ProgramGenerator(Generator):
    r"""A program whose floating-point arrays are parameters :math:`\theta` of :math:`p_\theta(z, x)`.

    ``program`` is an Equinox module that can be called; ``wiring`` says which columns its variables have. Columns
    are codes: a latent on a constrained support stands for the unconstrained number behind it, and its density is
    that of the number. Barren latents are left out.
    """

    program: eqx.Module
    wiring: ProgramWiring = eqx.field(static=True)

    @property
    def model(self) -> NumpyroModel:
        """The program with its present parameters as a model."""
        return bind(self.wiring.model, self.program)

    def log_joint(
        self, latents: Float[Array, "*batch latents"], observed: Float[Array, "*batch observed"]
    ) -> Float[Array, "*batch"]:
        """Return log p(z, x) in nats, as a density of the columns."""
        return self.log_factors(latents, observed).sum(axis=-1) + self.wiring.codes.log_det(latents)

    def log_factors(
        self, latents: Float[Array, "*batch latents"], observed: Float[Array, "*batch observed"]
    ) -> Float[Array, "*batch variables"]:
        """Return log p of each variable that is not barren, given its parents; see `scored` for their names."""
        columns = self.place(self.wiring.codes.decode(latents), observed)
        model = self.model
        if self.wiring.generative.any():  # what they are does not matter, but densities at zeros might be infinite
            drawn = model.redraw(jax.random.key(0), jax.lax.stop_gradient(columns), self.wiring.generative)
            columns = columns.at[..., self._barren].set(jax.lax.stop_gradient(drawn)[..., self._barren])
        return take_columns(model.log_conditionals(columns), np.flatnonzero(~self.wiring.generative))

    def draw(self, key: Key[Array, ""], n: int) -> tuple[Float[Array, "n latents"], Float[Array, "n observed"]]:
        """Return joint draws."""
        columns = self.model.draw(key, n)
        latents = self.wiring.codes.encode(columns[:, self.wiring.inferred])
        return latents, self.wiring.observed_codes.encode(columns[:, self.wiring.observed])

    def relax(self, temperature: Float[Array, ""] | float) -> Generator:
        """Return the program in which each binary latent is a binary Concrete variable, given by its logit.

        Raises `OptionError` for programs with other discrete latents, and for those with none.
        """
        return RelaxedGenerator(self, find_binary(self.wiring), jnp.asarray(temperature, jnp.float32))

    def place(
        self, latents: Float[Array, "*batch latents"], observed: Float[Array, "*batch observed"]
    ) -> Float[Array, "*batch columns"]:
        """Return columns of all variables, zero for barren ones, from values of latents and codes of data."""
        seen = self.wiring.observed_codes.decode(observed)
        barren = jnp.zeros((*latents.shape[:-1], len(self._barren)), latents.dtype)
        joined = jnp.concatenate([latents, seen, barren], axis=-1)
        order = np.argsort(np.concatenate([self.wiring.inferred, self.wiring.observed, self._barren]))
        return take_columns(joined, order)

    @property
    def scored(self) -> tuple[str, ...]:
        """Names of the variables that `log_factors` scores."""
        names = self.wiring.model.net.names
        return tuple(str(names[i]) for i in np.flatnonzero(~self.wiring.generative).tolist())

    @property
    def _barren(self) -> Integers:
        return np.flatnonzero(np.repeat(self.wiring.generative, self.wiring.model.layout.sizes))


class RelaxedGenerator(Generator):
    r"""A program whose binary latents are relaxed: the logit y stands for :math:`1 / (1 + e^{-y})` in (0, 1).

    Where the program draws from Bernoulli with logit l, :math:`y \sim (l + \mathrm{Logistic}(0, 1)) / \tau` with the
    temperature :math:`\tau`. What depends on the latent sees the relaxed value.

    Sources: Maddison, Mnih & Teh 2016, appendix C.3; Jang, Gu & Poole 2016.
    """

    exact: ProgramGenerator
    binary: tuple[str, ...] = eqx.field(static=True)
    temperature: Float[Array, ""]

    def log_joint(
        self, latents: Float[Array, "*batch latents"], observed: Float[Array, "*batch observed"]
    ) -> Float[Array, "*batch"]:
        """Return log p(y, x) in nats, as a density of the columns."""
        values, wiring = self.exact.wiring.codes.decode(latents), self.exact.wiring
        is_logit = self._is_logit
        columns = self.exact.place(jnp.where(is_logit, latents, values), observed)
        rows = columns.reshape(-1, columns.shape[-1])
        temperature = jax.lax.stop_gradient(self.temperature)
        total = jax.vmap(lambda row: score_relaxed(self.exact.model, row, self.binary, temperature))(rows)
        return total.reshape(columns.shape[:-1]) + wiring.codes.log_det(latents)

    def draw(self, key: Key[Array, ""], n: int) -> tuple[Float[Array, "n latents"], Float[Array, "n observed"]]:
        """Return joint draws."""
        wiring = self.exact.wiring
        columns = jax.vmap(lambda own: draw_relaxed(self.exact.model, own, self.binary, self.temperature))(
            jax.random.split(key, n)
        )
        drawn = columns[:, wiring.inferred]
        latents = jnp.where(self._is_logit, drawn, wiring.codes.encode(drawn))
        return latents, wiring.observed_codes.encode(columns[:, wiring.observed])

    @property
    def _is_logit(self) -> Array:
        """Mark the columns of relaxed latents; codes of binary latents are their values, one column each."""
        wiring, sites = self.exact.wiring, self.exact.wiring.model.structure.columns
        own = np.concatenate([sites[name].ravel() for name in self.binary])
        if wiring.codes.n_codes == wiring.codes.n_values:
            return jnp.asarray(np.isin(wiring.inferred, own))
        raise OptionError(
            "a relaxation beside latents that have fewer codes than numbers, such as simplexes, is not supported",
            remedy="Train with the objective vimco, which needs no relaxation.",
        )


def bind(model: NumpyroModel, program: eqx.Module) -> NumpyroModel:
    """Return a model with another program of the same structure, such as one with other parameters."""
    return replace(model, program=Program(program))  # type: ignore[arg-type]


def find_binary(wiring: ProgramWiring) -> tuple[str, ...]:
    """Return the sites of binary latents.

    Raises `OptionError` where there are none, and for what cannot be relaxed beside them: other discrete latents,
    barren latents, and loops.
    """
    sites = wiring.model.sites
    latent = [name for name, units in wiring.model.structure.variables.items() if not _is_observed(wiring, units)]
    discrete = [name for name in latent if not np.issubdtype(sites[name].dtype, np.floating)]
    other = [name for name in discrete if not sites[name].distribution.startswith("Bernoulli")]
    other += [name for name in sites if sites[name].in_scan] + [str(name) for name in wiring.inverse.generative]
    if other:
        raise OptionError(
            "only binary latents with data below them, outside of loops, can be relaxed, not "
            + ", ".join(map(repr, other)),
            remedy="Train with the objective vimco or rws, which need no relaxation.",
        )
    if not discrete:
        raise OptionError("the model has no binary latents that can be relaxed", remedy="Leave the relaxation out.")
    return tuple(discrete)


def _is_observed(wiring: ProgramWiring, units: Integers) -> bool:
    return bool(wiring.model.net.is_observed[units].all())
