"""A NumPyro program with parameters as a generator: scored and drawn on the columns of an encoder."""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from retrodict.encode.space import Space
from retrodict.errors import OptionError
from retrodict.graph.inverse import Inverse
from retrodict.learn.relaxed import draw_relaxed, score_relaxed
from retrodict.plan.layout import take_columns
from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.read.numpyro.sites import Program
from retrodict.train.autoencoder import Generator


class ProgramGenerator(Generator):
    r"""A program whose floating-point arrays are parameters :math:`\theta` of :math:`p_\theta(z, x)`.

    ``program`` is an Equinox module that can be called; ``template`` is the same as a model, with any parameters;
    ``space`` says which columns its variables have. Columns are codes: a latent on a constrained support stands for
    the unconstrained number behind it, and its density is that of the number. Barren latents are left out.
    """

    program: eqx.Module
    template: NumpyroModel = eqx.field(static=True)
    space: Space = eqx.field(static=True)

    @property
    def model(self) -> NumpyroModel:
        """The program with its present parameters as a model."""
        return bind(self.template, self.program)

    def log_joint(
        self, latents: Float[Array, "*batch latents"], observed: Float[Array, "*batch observed"]
    ) -> Float[Array, "*batch"]:
        """Return log p(z, x) in nats, as a density of the columns."""
        columns = self._decode(latents, observed)
        return self._score(columns).sum(axis=-1) + self._own_space.log_det(latents, columns)

    def log_factors(
        self, latents: Float[Array, "*batch latents"], observed: Float[Array, "*batch observed"]
    ) -> Float[Array, "*batch variables"]:
        """Return log p of each variable that is not barren, given its parents; see `scored` for their names."""
        return self._score(self._decode(latents, observed))

    def _decode(self, latents: Array, observed: Array) -> Array:
        """Return model columns for codes; barren latents are zero."""
        space = self._own_space
        return space.decode_latents(latents, space.decode_observed(observed))

    @property
    def _own_space(self) -> Space:
        """The space, in which supports end where the present parameters say."""
        return replace(self.space, model=self.model)

    def _score(self, columns: Array) -> Array:
        space, barren, model = self.space, self.space.generative, self.model
        if barren.any():  # what they are does not matter, but densities at zeros might be infinite
            drawn = model.redraw(jax.random.key(0), jax.lax.stop_gradient(columns), barren)
            columns = jnp.where(space.mark(barren), jax.lax.stop_gradient(drawn), columns)
        return take_columns(model.log_conditionals(columns), np.flatnonzero(~barren))

    def draw(self, key: Key[Array, ""], n: int) -> tuple[Float[Array, "n latents"], Float[Array, "n observed"]]:
        """Return joint draws."""
        columns = self.model.draw(key, n)
        return self._own_space.encode_latents(columns), self.space.encode_observed(columns)

    def relax(self, temperature: Float[Array, ""] | float) -> Generator:
        """Return the program in which each binary latent is a binary Concrete variable, given by its logit.

        Raises `OptionError` for programs with other discrete latents, and for those with none.
        """
        return RelaxedGenerator(
            self, find_binary(self.template, self.space.inverse), jnp.asarray(temperature, jnp.float32)
        )

    @property
    def scored(self) -> tuple[str, ...]:
        """Names of the variables that `log_factors` scores."""
        return tuple(str(self.space.net.names[i]) for i in np.flatnonzero(~self.space.generative).tolist())


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
        space = self.space
        columns = space.decode_latents(latents, space.decode_observed(observed))
        rows = columns.reshape(-1, columns.shape[-1])
        temperature = jax.lax.stop_gradient(self.temperature)
        total = jax.vmap(lambda row: score_relaxed(self.exact.model, row, self.binary, temperature))(rows)
        return total.reshape(columns.shape[:-1]) + space.log_det(latents, columns)

    def draw(self, key: Key[Array, ""], n: int) -> tuple[Float[Array, "n latents"], Float[Array, "n observed"]]:
        """Return joint draws."""
        columns = jax.vmap(lambda own: draw_relaxed(self.exact.model, own, self.binary, self.temperature))(
            jax.random.split(key, n)
        )
        return self.space.encode_latents(columns), self.space.encode_observed(columns)

    @property
    def space(self) -> Space:
        """The space of the program, in whose columns binary latents have their logits."""
        space, variables = self.exact._own_space, self.exact.template.structure.variables
        units = np.concatenate([variables[name] for name in self.binary])
        return replace(space, relaxed=space.net.to_names(units))


def bind(model: NumpyroModel, program: eqx.Module) -> NumpyroModel:
    """Return a model with another program of the same structure, such as one with other parameters."""
    return replace(model, program=Program(program))  # type: ignore[arg-type]


def find_binary(model: NumpyroModel, inverse: Inverse) -> tuple[str, ...]:
    """Return the sites of binary latents.

    Raises `OptionError` where there are none, and for what cannot be relaxed beside them: other discrete latents,
    barren latents, and loops.
    """
    sites, observed = model.sites, model.net.is_observed
    latent = [name for name, units in model.structure.variables.items() if not observed[units].all()]
    discrete = [name for name in latent if not np.issubdtype(sites[name].dtype, np.floating)]
    other = [name for name in discrete if not sites[name].distribution.startswith("Bernoulli")]
    other += [name for name in sites if sites[name].in_scan] + [str(name) for name in inverse.generative]
    if other:
        raise OptionError(
            "{names} cannot be relaxed: only binary latents with data below them, outside of loops, can",
            other,
            remedy="Train with the objective vimco or rws, which need no relaxation.",
        )
    if not discrete:
        raise OptionError("the model has no binary latents that can be relaxed", remedy="Leave the relaxation out.")
    return tuple(discrete)
