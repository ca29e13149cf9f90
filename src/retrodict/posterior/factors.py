"""The factors of a posterior: densities of some latents given others, drawn one after another."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.encoder import Encoder
from retrodict.encode.peaks.peak_encoder import Looked, PeakEncoder, Viewer
from retrodict.encode.space import Space
from retrodict.errors import OptionError, quote
from retrodict.exact.closed_form import ClosedForm
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.names import Name
from retrodict.graph.rows import Integers
from retrodict.models.model import Model


class Factor(eqx.Module):
    r"""A density :math:`q(z_V \mid \mathrm{Pa})` of some latents V given observed and earlier variables (abstract).

    A posterior is a list of factors, :math:`q(z \mid x) = \prod_k q_k(z_{V_k} \mid \mathrm{Pa}_k)`. To subclass:

    - ``variables`` and ``parents`` name what is drawn and what it depends on; other variables must not matter;
    - ``draw`` and ``score`` take and give model columns (`Space`), with any leading axes, and can be compiled by JAX;
    - ``width`` is how many numbers one row takes at most in one place;
    - ``cancels`` says that the density is that of the model, so that importance weights leave it out;
    - ``exact`` says that the density is the full conditional of the model, given everything that is known.

    Arrays among the fields are inputs of compiled programs; everything else is static, and compared by identity.
    """

    cancels: ClassVar[bool] = False
    exact: ClassVar[bool] = False

    @property
    @abstractmethod
    def variables(self) -> tuple[Name, ...]:
        """The latents that are drawn."""

    @property
    @abstractmethod
    def parents(self) -> tuple[Name, ...]:
        """The variables that have to be known before."""

    @property
    @abstractmethod
    def width(self) -> int:
        """How many numbers one row takes at most in one place."""

    @abstractmethod
    def draw(self, key: jax.Array, columns: jax.Array) -> tuple[jax.Array, jax.Array | None]:
        """Return the columns with the variables drawn, one draw a row, and the log density of each draw in nats.

        None for a density that cancels: weights do not need it, and a model may have none that can be computed.
        """

    @abstractmethod
    def score(self, columns: jax.Array) -> jax.Array:
        """Return the log density of the variables given their parents, in nats; minus infinity outside of supports."""


class CodedFactor(Factor):
    """Latents that are drawn as codes, on the columns of a space (abstract).

    To subclass: ``draw_codes`` and ``score_codes`` know the density of codes, and nothing of values.
    """

    space: eqx.AbstractVar[Space]

    @property
    def variables(self) -> tuple[Name, ...]:
        """The latents that have codes."""
        return tuple(self.space.code_columns)

    @property
    def parents(self) -> tuple[Name, ...]:
        """The observed variables of the space."""
        return self.space.net.observed

    @abstractmethod
    def draw_codes(self, key: jax.Array, columns: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return codes, one draw for each row of columns, and their log density in nats."""

    @abstractmethod
    def score_codes(self, codes: jax.Array, columns: jax.Array) -> jax.Array:
        """Return the log density of codes given columns, in nats."""

    def draw(self, key: jax.Array, columns: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Draw codes, and return the values that they stand for."""
        codes, log_density = self.draw_codes(key, columns)
        columns = self.space.decode_latents(codes, columns)
        return columns, log_density - self.space.log_det(codes, columns)

    def score(self, columns: jax.Array) -> jax.Array:
        """Return the log density of the values, from that of their codes."""
        codes = self.space.encode_latents(columns)
        log_density = self.score_codes(codes, columns) - self.space.log_det(codes, columns)
        return jnp.where(self.space.contains(columns), log_density, -jnp.inf)


class NeuralFactor(CodedFactor):
    """The latents that an encoder draws."""

    encoder: Encoder | PeakEncoder
    space: Space = eqx.field(static=True)

    @property
    def width(self) -> int:
        """That of the widest layer."""
        return self.encoder.network.width

    @property
    def looks(self) -> bool:
        """Whether the encoder looks for the peak of each observation."""
        return isinstance(self.encoder, PeakEncoder) and isinstance(self.encoder.viewer, Viewer)

    def look(self, columns: jax.Array) -> Looked:
        """Return what the encoder sees of one observation, a row of columns."""
        sight = self.encoder.viewer(self.space.encode_observed(columns[None]))  # type: ignore[union-attr]
        return Looked(jax.tree.map(lambda part: part[0], sight))

    def score_starts(self, columns: jax.Array) -> jax.Array:
        """Return the log density of the starts of its search, for one observation."""
        return self.encoder.viewer.score_starts(self.space.encode_observed(columns[None])[0])  # type: ignore[union-attr]

    def look_from(self, columns: jax.Array, start: jax.Array) -> tuple[jax.Array, Looked]:
        """Return what it sees from the peak above one start, and the log of the mass there."""
        mass, sight = self.encoder.viewer.view_from(self.space.encode_observed(columns[None])[0], start)  # type: ignore[union-attr]
        return mass, Looked(sight)

    def draw_codes(self, key: jax.Array, columns: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Draw with the encoder."""
        return self.encoder.sample_and_log_prob(key, self.space.encode_observed(columns))

    def score_codes(self, codes: jax.Array, columns: jax.Array) -> jax.Array:
        """Score with the encoder."""
        return self.encoder.log_prob(codes, self.space.encode_observed(columns))


class ClosedFactor(Factor):
    """Latents with a closed form, drawn from the model's own conditional given all others.

    An importance weight is then that of the other latents alone, with these integrated out.
    """

    exact: ClassVar[bool] = True

    form: ClosedForm = eqx.field(static=True)

    @property
    def variables(self) -> tuple[Name, ...]:
        """The latents of the form."""
        return self.form.variables

    @property
    def parents(self) -> tuple[Name, ...]:
        """Those of the other variables on which it depends."""
        return self.form.parents

    @property
    def width(self) -> int:
        """That of the form."""
        return self.form.width

    def draw(self, key: jax.Array, columns: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the columns with the latents drawn, and the log density of each draw in nats."""
        return self.form.draw(key, columns)

    def score(self, columns: jax.Array) -> jax.Array:
        """Return the log density of the latents given the rest, in nats."""
        return self.form.score(columns)


class GenerativeFactor(Factor):
    """Barren latents, drawn from the conditionals of the model itself."""

    cancels: ClassVar[bool] = True
    exact: ClassVar[bool] = True

    model: Model = eqx.field(static=True)
    barren: tuple[Name, ...] = eqx.field(static=True)

    @property
    def variables(self) -> tuple[Name, ...]:
        """The barren latents."""
        return self.barren

    @property
    def parents(self) -> tuple[Name, ...]:
        """Their parents in the model."""
        own = set(self.barren)
        parents = (parent for name in self.barren for parent in self.model.net.parents(name))
        return tuple(dict.fromkeys(parent for parent in parents if parent not in own))

    @property
    def width(self) -> int:
        """That of the model."""
        return self.model.layout.width

    def draw(self, key: jax.Array, columns: jax.Array) -> tuple[jax.Array, None]:
        """Draw each variable given its parents, parents first."""
        net = self.model.net
        return self.model.redraw(key, columns, np.isin(np.arange(len(net)), find_variables(net, self.barren))), None

    def score(self, columns: jax.Array) -> jax.Array:
        """Return what the model says of the variables."""
        return self.model.log_conditionals(columns)[..., find_variables(self.model.net, self.barren)].sum(axis=-1)


def list_factors(
    model: Model, space: Space, encoder: Encoder | PeakEncoder | None, forms: Sequence[ClosedForm] = ()
) -> tuple[Factor, ...]:
    """Return the factors of a posterior: an encoder draws what has no closed form, the model the barren latents."""
    own = space.code_columns if space.drawn is not None else {}
    barren = tuple(name for name in space.inverse.generative if name not in own)
    neural = () if encoder is None else (NeuralFactor(encoder=encoder, space=space),)
    return (*neural, *map(ClosedFactor, forms), *([GenerativeFactor(model, barren)] if barren else []))


def draw_factors(
    factors: Sequence[Factor], key: jax.Array, columns: jax.Array
) -> tuple[jax.Array, tuple[jax.Array | None, ...]]:
    """Return columns in which every latent is drawn, factor by factor, and the log density that each gives of it."""
    keys = jax.random.split(key, max(2, len(factors)))
    densities = []
    for number, factor in enumerate(factors):
        # A generative factor has the last key, also where there is no other.
        columns, density = factor.draw(keys[number - len(factors) if factor.cancels else number], columns)
        densities.append(density)
    return columns, tuple(densities)


def score_factors(factors: Sequence[Factor], columns: jax.Array) -> jax.Array:
    """Return the log density of all factors together, in nats."""
    return add_up((factor.score(columns) for factor in factors), columns)


def add_up(densities: Iterable[jax.Array], columns: jax.Array) -> jax.Array:
    """Return the sum of log densities of the rows of columns, which is zero of none."""
    return sum(densities, jnp.zeros(columns.shape[:-1], columns.dtype))


def find_variables(net: BayesNet, names: Iterable[Name]) -> Integers:
    """Return the numbers of variables of a model."""
    return np.array(sorted(map(net.index, names)), dtype=np.int64)


def require_cover(net: BayesNet, factors: Sequence[Factor]) -> None:
    """Raise `OptionError` unless the factors draw each latent once, after everything that it depends on."""
    known = set(net.observed)
    for factor in factors:
        early = [name for name in factor.parents if name not in known]
        if early:
            raise OptionError(
                f"the factor of {quote(factor.variables)} comes before {{names}}, which it depends on",
                early,
                remedy="Put it after the factors that draw them.",
            )
        again = [name for name in factor.variables if name in known]
        if again:
            raise OptionError("{names} {are} observed or drawn already", again, remedy="Let one factor draw each.")
        known.update(factor.variables)
    missing = [name for name in net.latents if name not in known]
    if missing:
        raise OptionError("no factor draws {names}", missing, remedy="Add a factor of them.")
