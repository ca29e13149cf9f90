"""The encoder: draws and scores latents with what a network says of each, given its parents."""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from retrodict.encode.coordinates import Coordinates
from retrodict.encode.families.conditionals import Conditional
from retrodict.encode.features import Features, Scaling
from retrodict.encode.networks.network import Network
from retrodict.encode.networks.schedule import Index, put, split_by_step, stack, take
from retrodict.plan.dependencies import Dependencies

# Deeper encoders are drawn by one loop over padded steps: written out, their program would take long to compile.
MOST_STEPS = 64
# So are those of more steps than these that draw about as much in each: padding costs nothing, and a loop of ten steps
# compiles in a third of the time.
FEW_STEPS, PADDING = 4, 2


class Structure(NamedTuple):
    """The step in which each latent column is drawn, and the number of steps."""

    level: tuple[int, ...]
    depth: int

    @classmethod
    def of(cls, dependencies: Dependencies) -> "Structure":
        """Read off the dependencies of an inverse."""
        level = np.repeat(dependencies.level, dependencies.latent_sizes)
        return cls(tuple(level.tolist()), dependencies.depth)


class Step(NamedTuple):
    """A step of drawing: the columns drawn, the inputs made of them (each of ``made[i]`` of them), what is computed."""

    columns: Index
    inputs: Index
    made: Index
    computed: Any


class Drawing(NamedTuple):
    """What is known between two steps: the state of the network, and draws so far, a row a column.

    One more row of ``latents`` is read by nothing.
    """

    state: Any
    latents: Float[Array, "columns rows"]


# Columns of latents and of observed variables, and a number of nats for each row or for each step and row.
Latents = Float[Array, "*batch latents"]
Observed = Float[Array, "*batch observed"]
Nats = Float[Array, "*batch"]
Terms = Float[Array, "steps rows"]
# The columns drawn in a step, their parameters, and their values with log q of each in nats.
Drawn = Float[Array, "rows drawn"]
OfDrawn = Float[Array, "rows drawn parameters"]
Scored = tuple[Drawn, Drawn]
# What gives the columns of a step their values, from its number, the columns and their parameters.
Choose = Callable[[Any, Index, OfDrawn], Scored]


class Encoder(eqx.Module):
    r"""A density :math:`q(z \mid x) = \prod_i q(z_i \mid \mathrm{Pa}(z_i))` over the inferred latents.

    Latents and observed variables are columns of two arrays with the same leading axes, in topological order.
    ``features`` turn them into the inputs of the ``network``, which computes the parameters of the ``conditional`` of
    each column from the parents of the column alone; ``structure`` says in which step each column is drawn. Network
    and conditional see latents by their ``coordinates``, in which ``scaling`` standardizes them.

    >>> from retrodict import invert, zoo
    >>> from retrodict.encode.build import build_encoder
    >>> encoder = build_encoder(invert(zoo.binary_tree(depth=3)), jax.random.key(0))
    >>> eqx.filter_jit(encoder.sample)(jax.random.key(1), jnp.zeros((5, 4))).shape
    (5, 3)
    """

    network: Network
    conditional: Conditional
    scaling: Scaling
    features: Features
    structure: Structure = eqx.field(static=True)
    coordinates: Coordinates = Coordinates()
    # Whether many steps may be taken in one loop, in which columns are traced numbers.
    may_loop: ClassVar[bool] = True

    def log_factors(self, latents: Latents, observed: Observed) -> Latents:
        """Return log q of each column given its parents, in nats."""
        flat = latents.reshape(-1, latents.shape[-1])
        places = self.coordinates.read(flat)
        columns = jnp.concatenate([observed.reshape(-1, observed.shape[-1]), places], axis=-1)
        scaling = self._fixed_scaling
        parameters = self.network(self.features(scaling, columns))
        center, spread = (part[len(part) - flat.shape[-1] :] for part in scaling)
        factors = self.conditional.log_prob(parameters, (places - center) / spread) - jnp.log(spread)
        return (factors + self.coordinates.log_slope(flat)).reshape(latents.shape)

    def log_prob(self, latents: Latents, observed: Observed) -> Nats:
        """Return log q(z given x) in nats."""
        return self.log_factors(latents, observed).sum(axis=-1)

    def sample(self, key: Key[Array, ""], observed: Observed) -> Latents:
        """Return one draw for each row of observed values."""
        return self.sample_and_log_prob(key, observed)[0]

    def sample_and_log_prob(self, key: Key[Array, ""], observed: Observed) -> tuple[Latents, Nats]:
        """Return one draw for each row of observed values and its log density in nats, out of one pass.

        All columns of a step are drawn at once, in ``depth`` steps; each hidden unit is computed once in all.
        """
        rows = observed.reshape(-1, observed.shape[-1])
        drawing, terms = self.draw(key, self.begin(rows))
        drawn = drawing.latents[:-1].T
        return drawn.reshape(*observed.shape[:-1], -1), terms.sum(axis=0).reshape(observed.shape[:-1])

    def begin(self, observed: Float[Array, "rows observed"]) -> Drawing:
        """Return what is known before the first step: the observed columns."""
        known = self.features(self._fixed_scaling, observed)
        inputs = jnp.zeros((len(observed), len(self.features.source)), observed.dtype)
        state = self.network.begin(inputs.at[:, : known.shape[1]].set(known))
        return Drawing(state, jnp.zeros((len(self.structure.level) + 1, len(observed)), observed.dtype))

    def draw(self, key: Key[Array, ""], drawing: Drawing, steps: range | None = None) -> tuple[Drawing, Terms]:
        """Return what is known after these steps, all by default, and log q of what is drawn in each, in nats."""

        def choose(number: Any, columns: Index, parameters: Array) -> Scored:
            return self.draw_columns(jax.random.fold_in(key, number), columns, parameters)

        return self._take(range(self.structure.depth) if steps is None else steps, drawing, choose)

    def follow(self, latents: Float[Array, "columns rows"], drawing: Drawing, steps: range) -> tuple[Drawing, Terms]:
        """Return the same where the columns of these steps are not drawn, but have these values."""

        def choose(_: Any, columns: Index, parameters: Array) -> Scored:
            return self.score_columns(take(latents, columns).T, columns, parameters)

        return self._take(steps, drawing, choose)

    def open(self, step: Step, drawing: Drawing) -> tuple[Drawing, OfDrawn]:
        """Return what is known once a step has been computed, and the parameters of the columns drawn in it."""
        state, parameters = self.network.advance(step.computed, step.columns, drawing.state)
        return drawing._replace(state=state), parameters

    def draw_columns(self, key: Key[Array, ""], columns: Index, parameters: OfDrawn) -> Scored:
        """Return values drawn of these columns."""
        center, spread = self._find_units(columns)
        standard = self.conditional.at(columns).sample(key, parameters)
        codes = self.coordinates.write(standard * spread + center, columns)
        return codes, self._score(codes, standard, columns, parameters)

    def score_columns(self, values: Drawn, columns: Index, parameters: OfDrawn) -> Scored:
        """Return the same where these columns have these values."""
        center, spread = self._find_units(columns)
        standard = (self.coordinates.read(values, columns) - center) / spread
        return values, self._score(values, standard, columns, parameters)

    def close(self, step: Step, values: Drawn, opened: Drawing) -> Drawing:
        """Return what is known once the columns of a step have these values."""
        made = self.coordinates.read(values, step.columns).at[:, step.made].get(mode="clip")
        inputs = self.features.encode(self._fixed_scaling, step.inputs, made)
        state = self.network.write(step.inputs, inputs, opened.state)
        return Drawing(state, put(opened.latents, step.columns, values.T))

    def schedule(self) -> list[Step]:
        """Return what happens in each step of drawing."""
        seen_columns = len(self.scaling.center) - len(self.structure.level)
        drawn = split_by_step(np.array(self.structure.level), self.structure.depth)
        return [
            Step(columns, *self.features.drawn(columns, seen_columns), computed)
            for columns, computed in zip(drawn, self.network.plan(), strict=True)
        ]

    def _take(self, numbers: range, drawing: Drawing, choose: Choose) -> tuple[Drawing, Terms]:
        """Take steps one by one, or all in one loop."""

        def advance(drawing: Drawing, numbered: tuple[Any, Step]) -> tuple[Drawing, Float[Array, " rows"]]:
            return self._advance(*numbered, drawing, choose)

        steps = self.schedule()[numbers.start : numbers.stop]
        if self.may_loop and _is_for_loop([len(step.columns) for step in steps]):
            return jax.lax.scan(advance, drawing, (jnp.arange(numbers.start, numbers.stop), stack(steps)))
        terms = []
        for numbered in zip(numbers, steps, strict=True):
            drawing, term = advance(drawing, numbered)
            terms.append(term)
        return drawing, jnp.stack(terms)

    def _advance(
        self, number: Any, step: Step, drawing: Drawing, choose: Choose
    ) -> tuple[Drawing, Float[Array, " rows"]]:
        """Take one step. Columns that stand for nothing are drawn too, and dropped."""
        opened, parameters = self.open(step, drawing)
        values, factors = choose(number, step.columns, parameters)
        term = jnp.where(step.columns < len(self.structure.level), factors, 0.0).sum(axis=-1)
        return self.close(step, values, opened), term

    def _score(self, codes: Drawn, standard: Drawn, columns: Index, parameters: OfDrawn) -> Drawn:
        """Return the log density of codes, which are these numbers in standard units."""
        spread = self._find_units(columns).spread
        density = self.conditional.at(columns).log_prob(parameters, standard) - jnp.log(spread)
        return density + self.coordinates.log_slope(codes, columns)

    def _find_units(self, columns: Index) -> Scaling:
        """Return center and spread of some latent columns."""
        count = len(self.structure.level)
        return Scaling(*(take(part[len(part) - count :], columns) for part in self._fixed_scaling))

    @property
    def _fixed_scaling(self) -> Scaling:
        return Scaling(*map(jax.lax.stop_gradient, self.scaling))


def _is_for_loop(drawn: list[int]) -> bool:
    """Return whether steps that draw so many columns each are better taken in a loop than written out."""
    even = len(drawn) > FEW_STEPS and max(drawn) * len(drawn) <= PADDING * sum(drawn)
    return even or len(drawn) > MOST_STEPS
