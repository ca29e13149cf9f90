"""An amortized posterior: a model, an inverse and a trained encoder, ready for any observation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.encoder import Encoder
from retrodict.encode.recipe import Recipe
from retrodict.errors import DataError, NoveltyWarning, warn_user
from retrodict.graph.frozen import Portable
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.models.model import Model
from retrodict.plan.counts import read_count, read_seed
from retrodict.plan.layout import Floats
from retrodict.posterior import blocks
from retrodict.posterior.arviz import export, import_arviz
from retrodict.posterior.blocks import Request
from retrodict.posterior.calibration.calibration import Calibration, calibrate
from retrodict.posterior.factors import Factor, NeuralFactor, list_factors, require_cover
from retrodict.posterior.novelty import Familiar
from retrodict.posterior.programs import Compiled
from retrodict.posterior.sharing import share
from retrodict.posterior.storage import Parts, save_parts
from retrodict.posterior.trained import describe_trained
from retrodict.posterior.weights.importance import Importance
from retrodict.train.loop import History

# Rows of a piece of a stream where nothing else is asked for.
PIECE = 1 << 16


@dataclass(frozen=True, eq=False, repr=False)
class AmortizedPosterior(Portable):
    r"""The density :math:`q(z \mid x)` of all latents, for any values of the observed variables.

    It is the product of its ``factors``, drawn in their order: an encoder draws the latents that data depend on, the
    model itself draws the barren ones. Without an encoder the posterior is exact. Made by `amortize`; `of` makes one
    of an encoder.

    ``data`` always holds a value, or a batch of values along leading axes, of each observed variable. Data unlike
    anything that training saw (``familiar``) raise a `NoveltyWarning`; those of the model itself do with
    probability 0.001. ``recipe`` says how the encoder was built, which `save` needs.

    >>> from retrodict import amortize, zoo
    >>> posterior = amortize(zoo.binary_tree(depth=2), steps=50, quiet=True)
    >>> draws = posterior.sample({"x1": 0.5, "x2": 1.0}, 1000, seed=1)
    >>> draws["x0"].shape, posterior.log_prob(draws, {"x1": 0.5, "x2": 1.0}).shape
    ((1000,), (1000,))
    """

    model: Model
    inverse: Inverse
    factors: tuple[Factor, ...]
    history: History = field(default_factory=History)
    recipe: Recipe | None = None
    familiar: Familiar | None = None

    def __post_init__(self) -> None:
        require_cover(self.model.net, self.factors)

    @classmethod
    def of(
        cls,
        model: Model,
        inverse: Inverse,
        encoder: Encoder | None,
        history: History | None = None,
        recipe: Recipe | None = None,
        familiar: Familiar | None = None,
    ) -> AmortizedPosterior:
        """Return the posterior in which an encoder draws all latents but the barren ones."""
        compiled = share(model, inverse)
        factors = list_factors(compiled.model, compiled.space, encoder)
        return cls(model, inverse, factors, history or History(), recipe, familiar)

    @property
    def encoder(self) -> Encoder | None:
        """The network; none where every latent is drawn without one."""
        return next((factor.encoder for factor in self.factors if isinstance(factor, NeuralFactor)), None)

    def __repr__(self) -> str:
        return f"AmortizedPosterior({self.inverse!r}, trained for {len(self.history.step)} epochs)"

    def _repr_html_(self) -> str:
        return describe_trained("AmortizedPosterior", self.inverse, self.encoder, self.history).to_html()

    def sample(self, data: Mapping[Name, Any], n: int = 1000, *, seed: int = 0) -> dict[Name, Floats]:
        """Return ``n`` draws for each observation, ``{latent: array (n, *batch, ...)}``.

        The same seed gives the same draws. Computed in blocks: memory is that of the result and little more.
        Where a discrete network names its states, data may be these names.
        Raises `DataError` for data that do not fit the model, `UnknownVariableError` for a state that it does not have.
        """
        request, seed = self._request(data, n), read_seed(seed)
        (rows,) = blocks.collect(self._draw(request, seed), request.rows)
        return self._unpack(rows, request)

    def stream(
        self, data: Mapping[Name, Any], n: int, *, seed: int = 0, chunk: int | None = None
    ) -> Iterator[dict[Name, Floats]]:
        """Return the draws of `sample`, the same bits, in pieces of ``chunk`` draws; the last one may be shorter.

        For requests whose result does not fit into memory. Raises `DataError` for data that do not fit the model.

        >>> from retrodict import amortize, zoo
        >>> posterior = amortize(zoo.binary_tree(depth=2), steps=50, quiet=True)
        >>> [piece["x0"].shape for piece in posterior.stream({"x1": 0.5, "x2": 1.0}, 250, chunk=100)]
        [(100,), (100,), (50,)]
        """
        request, seed = self._request(data, n), read_seed(seed)
        size = max(1, PIECE // request.each) if chunk is None else read_count("chunk", chunk)
        pieces = blocks.regroup(self._draw(request, seed), size * request.each)
        return (self._unpack(rows, request) for (rows,) in pieces)

    def log_prob(self, draws: Mapping[Name, Any], data: Mapping[Name, Any]) -> Floats:
        """Return log q(z | x) in nats, shape ``(n, *batch)``: the leading axes of draws, which end in those of data.

        Raises `DataError` for draws or data that do not fit the model or each other.
        """
        latents = self._compiled.space.read_latents(draws)
        return self._score(latents, self._read(data))

    def importance(self, data: Mapping[Name, Any], n: int = 1000, *, seed: int = 0) -> Importance:
        r"""Return the draws of `sample` with weights :math:`p(z, x) / q(z \mid x)`, which correct the encoder.

        The result says for each observation how far the weights can be relied on (``ess``, ``khat``,
        ``reliable``), estimates the evidence, and gives weighted moments and draws of equal weight.

        Raises `DataError` for data that do not fit the model, and `WeightError` where all weights are zero.

        >>> from retrodict import amortize, zoo
        >>> posterior = amortize(zoo.binary_tree(depth=2), steps=300, quiet=True)
        >>> weighed = posterior.importance({"x1": 0.5, "x2": 1.0}, 2000)
        >>> weighed.log_weights.shape, bool(weighed.reliable)
        ((2000,), True)
        """
        request, seed = self._request(data, n), read_seed(seed)
        program = partial(self._compiled.weigh, self.factors)
        rows, log_weights = blocks.collect(blocks.run_blocks(request, seed, program), request.rows)
        return Importance(self._unpack(rows, request), log_weights.reshape(request.draws, *request.batch))

    def calibration(
        self, simulations: int = 5000, draws: int = 999, *, seed: int = 0, alpha: float = 0.001
    ) -> Calibration:
        """Return whether the posterior is calibrated, by the ranks of ``simulations`` truths among ``draws`` draws.

        Ranks of each latent, of the two log densities and of the distance from a reference point (TARP) are tested
        for uniformity by chi-square and Kolmogorov-Smirnov, all together at level ``alpha``. 5,000 simulations find a
        standard deviation 10 % off nearly always; 1,000 seldom do. What is tested is q itself, without weights.

        Raises `OptionError` for fewer than 100 simulations or 19 draws.

        Sources: Talts et al. 2018; Modrak et al. 2023; Lemos et al. 2023; Holm 1979.

        >>> from retrodict import amortize, zoo
        >>> outcome = amortize(zoo.binary_tree(depth=2), steps=1, quiet=True).calibration(500, 99)
        >>> bool(outcome), outcome.names[0], outcome.checks[0].passed  # one step is not enough
        (False, 'x0', False)
        """
        return calibrate(self.factors, self._compiled, simulations, draws, seed, alpha)

    def to_arviz(self, data: Mapping[Name, Any], n: int = 1000, *, seed: int = 0, weights: bool = True) -> Any:
        """Return draws for ArviZ as one chain: an ``InferenceData``, or with ArviZ 1 a ``DataTree``.

        Groups are ``posterior``, ``observed_data`` and ``sample_stats``: ``log_weight``, as in `importance`, and
        ``lp``, log q of each draw. Without ``weights``, which need all densities of the model, only ``lp``.

        Raises `MissingPackageError` when ArviZ is not installed, and what `importance` raises.
        """
        import_arviz()  # rather than miss it after the draws
        if weights:
            weighed = self.importance(data, n, seed=seed)
            draws, statistics = weighed.draws, {"log_weight": weighed.log_weights}
        else:
            draws, statistics = self.sample(data, n, seed=seed), {}
        lp = self._score(self._compiled.space.latent_layout.pack(draws), self._read(data, warn=False))
        return export(draws, data, {**statistics, "lp": lp})

    def save(self, folder: str | Path) -> None:
        """Write the posterior into a folder, all of it or nothing; `rd.load` reads it back, given the model.

        Arguments:
            folder: where to write ``posterior.safetensors``. The folder is made if it is not there; a posterior that
                was saved in it before is replaced. The file holds numbers, and names that this package knows: no code.

        Raises: `FileError` where the folder cannot be written, and for an encoder without a ``recipe``.
        """
        save_parts(folder, self.parts)

    @property
    def parts(self) -> Parts:
        """All that the posterior is made of, as it is stored."""
        return Parts(self.model, self.inverse, self.encoder, self.recipe, self.history, self.familiar)

    @cached_property
    def _compiled(self) -> Compiled:
        return share(self.model, self.inverse)

    @property
    def _width(self) -> int:
        """Numbers that a row takes at most in one place."""
        return max(self._compiled.space.width, *(factor.width for factor in self.factors))

    def _request(self, data: Mapping[Name, Any], n: int) -> Request:
        return Request(self._read(data), read_count("n", n), self._width)

    def _read(self, data: Mapping[Name, Any], *, warn: bool = True) -> Floats:
        observed = self._compiled.space.read(data)
        if warn and self.familiar is not None:
            self._warn_of_novelty(self.familiar, observed.reshape(-1, observed.shape[-1]))
        return observed

    def _draw(self, request: Request, seed: int) -> Iterator[tuple[Floats, ...]]:
        def program(key: jax.Array, observed: jax.Array) -> tuple[jax.Array]:
            return (self._compiled.draw(self.factors, key, observed),)

        return blocks.run_blocks(request, seed, program)

    def _score(self, latents: Floats, observed: Floats) -> Floats:
        """Return log q of draws, in blocks of one shape."""
        shape = latents.shape[:-1]
        numbers = np.arange(observed[..., 0].size).reshape(observed.shape[:-1])
        try:
            observation = np.broadcast_to(numbers, shape).reshape(-1)
        except ValueError:
            raise DataError(
                f"draws have leading axes {shape}, data {observed.shape[:-1]}",
                remedy="The leading axes of draws end in those of the data.",
            ) from None
        rows, seen = latents.reshape(-1, latents.shape[-1]), observed.reshape(-1, observed.shape[-1])
        size = blocks.choose_block(len(rows), self._width)
        result = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), size):
            chosen = (start + np.arange(size)) % len(rows)
            block = rows[chosen], seen[observation[chosen]]
            scores = self._compiled.score(self.factors, *(jnp.asarray(array, jnp.float32) for array in block))
            result[start : start + size] = np.asarray(scores)[: len(rows) - start]
        return result.reshape(shape)

    def _unpack(self, rows: Floats, request: Request) -> dict[Name, Floats]:
        return self._compiled.space.unpack(rows.reshape(-1, *request.batch, rows.shape[-1]))

    def _warn_of_novelty(self, familiar: Familiar, observed: Floats) -> None:
        alarming = np.flatnonzero(familiar.find_alarming(observed))
        if len(alarming):
            scores = familiar.score(observed)
            worst = int(alarming[scores.distance[alarming].argmax()])
            column = int(scores.column[worst])
            name = self._compiled.space.observed_layout.owners[column]
            seen = f"{familiar.lowest[column]:.4g} to {familiar.highest[column]:.4g}"
            beyond = f"; {name!r} is {observed[worst, column]:.4g}, training saw {seen}" if scores.excess[worst] else ""
            warn_user(
                f"{len(alarming)} of {len(observed)} observations lie outside what training saw: observation {worst} "
                f"is at distance {scores.distance[worst]:.1f}, what is familiar within {familiar.limits[1]:.1f}"
                f"{beyond}. The encoder guesses there; look at importance(...).khat, or at the model.",
                NoveltyWarning,
            )
