"""An amortized posterior: a model, an inverse and a trained encoder, ready for any observation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from time import monotonic
from typing import Any

import jax
import numpy as np

from retrodict.encode.encoder import Encoder
from retrodict.encode.peaks.peak_encoder import PeakEncoder
from retrodict.encode.recipe import Recipe
from retrodict.encode.space import Space
from retrodict.errors import DataError, FileError, OptionError
from retrodict.exact.closed_form import ClosedForm
from retrodict.exact.find_forms import choose_drawn
from retrodict.graph.frozen import Portable
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.models.model import Model
from retrodict.plan.counts import read_count, read_rate, read_seed
from retrodict.plan.layout import Floats
from retrodict.posterior import row_blocks
from retrodict.posterior.answers.answer import Answer
from retrodict.posterior.answers.marginal import take_one
from retrodict.posterior.answers.refinement import refine_factors
from retrodict.posterior.answers.stages import Question, answer_by_chains, find_answer, list_exact
from retrodict.posterior.arviz import export, import_arviz
from retrodict.posterior.calibration.calibration import Calibration, calibrate
from retrodict.posterior.factors import (
    ClosedFactor,
    Factor,
    GenerativeFactor,
    NeuralFactor,
    list_factors,
    require_cover,
)
from retrodict.posterior.novelty import Familiar
from retrodict.posterior.observations import Evidence
from retrodict.posterior.outward.onnx_files import write_onnx
from retrodict.posterior.outward.pure_functions import PureFunctions
from retrodict.posterior.programs import Compiled
from retrodict.posterior.row_blocks import Request
from retrodict.posterior.sharing import share
from retrodict.posterior.storage import Parts, save_parts
from retrodict.posterior.tables.runs import Runs
from retrodict.posterior.tables.truths import choose_truths
from retrodict.posterior.trained import describe_trained
from retrodict.posterior.waves import Work
from retrodict.posterior.weights.importance import Importance, leave_out
from retrodict.train.loop import History

# Rows of a piece of a stream where nothing else is asked for.
PIECE = 1 << 16


@dataclass(frozen=True, eq=False, repr=False)
class AmortizedPosterior(Portable):
    r"""The density :math:`q(z \mid x)` of all latents, for any values of the observed variables.

    It is the product of its factors: an encoder draws the latents that data depend on, the model itself draws the
    barren ones. Without an encoder the posterior is exact. `amortize` makes one; `of` makes one of an encoder.

    Data unlike anything that training saw raise a `NoveltyWarning`; data of the model itself do with probability 0.001.

    Arguments:
        model: the generative model.
        inverse: which variables each latent is drawn from, and in which order.
        factors: what draws the latents, in this order; each latent is drawn by one factor.
        history: how the encoder was trained.
        recipe: how the encoder was built, which `save` needs. None for an encoder that was built in another way.
        familiar: what training saw of the observed variables. None for no warnings.
        only: the one observation that `refine` fitted the factors to. None where they take any.
        runs: the stored simulations that training was given, which are not saved. None where they were drawn.

    Raises: `OptionError` for factors that leave a latent out, draw one twice, or come before what they depend on.

    Source: Webb et al. 2017; Paige & Wood 2016.

    >>> from retrodict import amortize, zoo
    >>> posterior = amortize(zoo.binary_tree(depth=2))
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
    only: Evidence | None = None
    runs: Runs | None = None

    def __post_init__(self) -> None:
        require_cover(self.model.net, self.factors)

    @classmethod
    def of(
        cls,
        model: Model,
        inverse: Inverse,
        encoder: Encoder | PeakEncoder | None,
        history: History | None = None,
        recipe: Recipe | None = None,
        familiar: Familiar | None = None,
        forms: Sequence[ClosedForm] = (),
        runs: Runs | None = None,
    ) -> AmortizedPosterior:
        """Return the posterior in which an encoder draws all latents but the barren ones and those of closed forms.

        Arguments:
            model: the generative model.
            inverse: the inverse along which the encoder was built.
            encoder: a trained encoder. None where all latents are barren.
            history: how the encoder was trained. Default: an empty history.
            recipe: how the encoder was built, which `save` needs.
            familiar: what training saw of the observed variables. None for no warnings.
            forms: closed forms of latents that are drawn last. Default: none.
            runs: the stored simulations that training was given. Default: none.

        Returns: the posterior.

        Raises: `OptionError` for a missing encoder.

        >>> from retrodict import BayesNet, LinearGaussian, invert
        >>> net = BayesNet({"x": [], "z": ["x"]}, observed=["x"])  # z is barren: the model itself draws it
        >>> model = LinearGaussian.from_weights(net, {})
        >>> AmortizedPosterior.of(model, invert(model), None).sample({"x": 2.0}, 10)["z"].shape
        (10,)
        """
        compiled = share(model, inverse, choose_drawn(model, inverse, tuple(forms)))
        factors = list_factors(compiled.model, compiled.space, encoder, forms)
        return cls(model, inverse, factors, history or History(), recipe, familiar, runs=runs)

    @property
    def encoder(self) -> Encoder | PeakEncoder | None:
        """The encoder; None where every latent is drawn without one."""
        return next((factor.encoder for factor in self.factors if isinstance(factor, NeuralFactor)), None)

    def __repr__(self) -> str:
        heart = self.history.overfitted
        if heart is not None:
            unfinished = f", stopped at step {heart:,}, after which it overfitted"
        else:
            unfinished = ", not converged" if self.history.converged is False else ""
        kinds = [f"exact: {', '.join(form.kind for form in self.forms)}"] if self.forms else []
        trained = [] if self.encoder is None and kinds else [f"trained for {len(self.history.step)} epochs{unfinished}"]
        return f"AmortizedPosterior({', '.join([repr(self.inverse), *kinds, *trained])})"

    @property
    def forms(self) -> tuple[ClosedForm, ...]:
        """The closed forms of those latents that have one; `sample` draws them last, exactly."""
        return tuple(factor.form for factor in self.factors if isinstance(factor, ClosedFactor))

    def _repr_html_(self) -> str:
        return describe_trained("AmortizedPosterior", self.inverse, self.encoder, self.history, self.forms).to_html()

    def sample(self, data: Mapping[Name, Any], n: int = 1000, *, seed: int = 0) -> dict[Name, Floats]:
        """Return draws of all latents for each observation.

        They are computed in blocks: memory is that of the result and little more.

        Arguments:
            data: a value, or a batch of values along leading axes, of each observed variable,
                ``{name: array (*batch, ...)}``, in the model's units. Names of states may stand for their numbers.
            n: number of draws for each observation. Default 1000.
            seed: the same seed gives the same draws. Default 0.

        Returns: ``{latent: array (n, *batch, ...)}``, in the model's units.

        Raises: `DataError` for data that do not fit the model, `UnknownStateError` for a state that does not
            exist.

        >>> from retrodict import amortize, zoo
        >>> posterior = amortize(zoo.binary_tree(depth=2))
        >>> posterior.sample({"x1": [0.5, 0.0], "x2": [1.0, 2.0]}, 100)["x0"].shape  # two observations
        (100, 2)
        """
        return self._space.unpack(self.draw(self.read(data), n, seed=seed))

    def read(self, data: Mapping[Name, Any]) -> Evidence:
        """Return data as the evidence that `draw` takes, checked.

        Arguments:
            data: a value, or a batch of values along leading axes, of each observed variable,
                ``{name: array (*batch, ...)}``, in the model's units. Names of states may stand for their numbers.

        Returns: the variables that are given, with their values as columns.

        Raises: `DataError` for data that do not fit the model, `UnknownStateError` for a state that does not
            exist.
        """
        return Evidence.of(self._space, data)

    def draw(self, evidence: Evidence, n: int = 1000, *, seed: int = 0) -> Floats:
        """Return the draws of `sample` as columns: what the latents hold side by side, in topological order.

        Arguments:
            evidence: what `read` makes of data.
            n: number of draws for each observation. Default 1000.
            seed: the same seed gives the same draws. Default 0.

        Returns: an array ``(n, *batch, columns)`` of single precision.

        Raises: `DataError` for evidence of other variables than the encoder was built for.

        >>> from retrodict import amortize, zoo
        >>> posterior = amortize(zoo.binary_tree(depth=2))
        >>> posterior.draw(posterior.read({"x1": [0.5, 0.0], "x2": [1.0, 2.0]}), 100).shape
        (100, 2, 1)
        """
        request, seed = self._request(evidence, n), read_seed(seed)
        (rows,) = self._draws.collect(request, seed)
        return self._shape(rows, request)

    def stream(
        self, data: Mapping[Name, Any], n: int, *, seed: int = 0, chunk: int | None = None
    ) -> Iterator[dict[Name, Floats]]:
        """Return the draws of `sample`, the same bits, in pieces, for results that do not fit into memory.

        Arguments:
            data: a value, or a batch of values along leading axes, of each observed variable,
                ``{name: array (*batch, ...)}``, in the model's units. Names of states may stand for their numbers.
            n: number of draws for each observation.
            seed: the same seed gives the same draws. Default 0.
            chunk: draws of a piece; the last piece may be shorter. Default: as many as make 65,536 rows.

        Returns: an iterator over ``{latent: array (chunk, *batch, ...)}``.

        Raises: `DataError` for data that do not fit the model.

        >>> from retrodict import amortize, zoo
        >>> posterior = amortize(zoo.binary_tree(depth=2))
        >>> [piece["x0"].shape for piece in posterior.stream({"x1": 0.5, "x2": 1.0}, 250, chunk=100)]
        [(100,), (100,), (50,)]
        """
        request, seed = self._request(self.read(data), n), read_seed(seed)
        each = len(request.evidence)
        size = max(1, PIECE // each) if chunk is None else read_count("chunk", chunk)
        pieces = row_blocks.regroup(self._draws.run(request, seed), size * each)
        return (self._space.unpack(self._shape(rows, request)) for (rows,) in pieces)

    def log_prob(self, draws: Mapping[Name, Any], data: Mapping[Name, Any]) -> Floats:
        r"""Return the log density of draws, :math:`\log q(z \mid x)`.

        Arguments:
            draws: values of all latents, ``{latent: array (n, *batch, ...)}``; their leading axes end in those of data.
            data: a value, or a batch of values along leading axes, of each observed variable,
                ``{name: array (*batch, ...)}``, in the model's units. Names of states may stand for their numbers.

        Returns: an array ``(n, *batch)``, in nats; minus infinity outside of the support of a latent.

        Raises: `DataError` for draws or data that do not fit the model or each other.

        >>> from retrodict import amortize, zoo
        >>> posterior = amortize(zoo.binary_tree(depth=2))
        >>> posterior.log_prob({"x0": [0.0, 1.0, 2.0]}, {"x1": 0.5, "x2": 1.0}).shape
        (3,)
        """
        latents, evidence = self._space.read_latents(draws), self.read(data)
        self._accept(evidence)
        return self._score(latents, evidence)

    def importance(self, data: Mapping[Name, Any], n: int = 1000, *, seed: int = 0) -> Importance:
        r"""Return the draws of `sample` with weights :math:`p(z, x) / q(z \mid x)`, which correct the encoder.

        Arguments:
            data: a value, or a batch of values along leading axes, of each observed variable,
                ``{name: array (*batch, ...)}``, in the model's units. Names of states may stand for their numbers.
            n: number of draws for each observation. Default 1000.
            seed: the same seed gives the same draws. Default 0.

        Returns: draws and weights; how far they can be relied on for each observation (``ess``, ``khat``,
            ``reliable``); an estimate of the evidence; weighted moments, and draws of equal weight.

        Raises: `DataError` for data that do not fit the model, `WeightError` where all weights are zero.

        Source: Vehtari et al. 2024.

        >>> from retrodict import amortize, zoo
        >>> posterior = amortize(zoo.binary_tree(depth=2))
        >>> weighed = posterior.importance({"x1": 0.5, "x2": 1.0}, 2000)
        >>> weighed.log_weights.shape, bool(weighed.reliable)
        ((2000,), True)
        """
        return self._weigh(self.read(data), n, seed)

    def _weigh(self, evidence: Evidence, n: int, seed: int) -> Importance:
        request, seed = self._request(evidence, n), read_seed(seed)
        rows, log_weights = Work(self.compiled, Compiled.weigh, self.factors).collect(request, seed)
        draws = self._space.unpack(self._shape(rows, request))
        return Importance(draws, leave_out(log_weights.reshape(request.draws, *evidence.batch)))

    def calibration(
        self, simulations: Any = 5000, draws: int = 999, *, seed: int = 0, alpha: float = 0.001
    ) -> Calibration:
        """Return whether the posterior is calibrated, by the ranks of simulated truths among draws for their data.

        Ranks of each latent, of the two log densities and of the distance from a reference point (TARP) are tested
        for uniformity by chi-square and Kolmogorov-Smirnov. What is tested is q itself, without weights.

        Arguments:
            simulations: number of truths, 100 or more. 5,000, the default, find a standard deviation that is 10 % off
                nearly always; 1,000 seldom do. Where training was given stored simulations they are those that it has
                not seen, as many as there are. Or a table of simulations, as `amortize` takes it, of which all count.
            draws: number of draws for each truth, 19 to 60,000. Default 999.
            seed: the same seed gives the same result. Default 0.
            alpha: probability that an exact posterior is rejected for any quantity. Default 0.001.

        Returns: the outcome, which is true when nothing was rejected.

        Raises: `OptionError` for numbers out of range.

        Source: Talts et al. 2018; Modrak et al. 2023; Lemos et al. 2023; Holm 1979.

        >>> from retrodict import amortize, zoo
        >>> outcome = amortize(zoo.binary_tree(depth=2)).calibration(500, 99)
        >>> bool(outcome), outcome.names[0], outcome.checks[0].passed
        (True, 'x0', True)
        """
        if self.only is not None:
            raise OptionError(
                "a refined posterior answers one observation, and calibration needs many",
                remedy="Look at importance(data).khat, or calibrate the posterior that was refined.",
            )
        source = choose_truths(self.compiled, self.runs, simulations)
        return calibrate(self.factors, self.compiled, source, draws, seed, alpha)

    def refine(self, data: Mapping[Name, Any], *, seed: int = 0, seconds: float = 60) -> AmortizedPosterior:
        r"""Return the posterior of one observation, its encoder replaced by a factor that is fitted to this alone.

        Each code of a latent becomes a linear function of its parents in the same inverse with noise of Student's t, or
        a mixture network where that fits better. It is fitted to draws with weights :math:`w^\beta`, round by round,
        :math:`\beta` growing to one. What is drawn exactly stays as it is.

        Arguments:
            data: a value of each observed variable, ``{name: array}``, in the model's units.
            seed: the same seed gives the same factors. Default 0.
            seconds: when no new round begins. Default 60.

        Returns: a posterior for these data alone: others are refused. It cannot be saved.

        Raises: `DataError` for data that do not fit the model, `OptionError` for several observations and for
            factors of other kinds, `DensityError` for a model without a density, `WeightError` where nothing found
            could have given the data.

        Source: Cappé et al. 2008 (adaptive importance sampling); Koblents & Miguez 2015 (tempered weights).

        >>> from retrodict import amortize, zoo
        >>> posterior = amortize(zoo.binary_tree(depth=2), exact=False, steps=25, quiet=True)
        >>> bool(posterior.refine({"x1": 0.5, "x2": 5.0}).importance({"x1": 0.5, "x2": 5.0}, 4000).reliable)
        True
        """
        evidence = take_one(self.read(data))
        if all(factor.exact for factor in self.factors):
            return self
        deadline = monotonic() + read_rate(seconds, "seconds")
        refined = refine_factors(self.compiled, self.factors, evidence, read_seed(seed), deadline)
        return replace(self, factors=refined.factors, only=evidence, recipe=None, familiar=None)

    def mcmc(self, data: Mapping[Name, Any], n: int = 4000, *, seed: int = 0, seconds: float = 120) -> Answer:
        """Return the answer of Markov chains, started from the refined posterior and standardized by it.

        NumPyro's NUTS draws the codes of what the encoder draws, all else integrated out, in four chains. They go on
        until R-hat is 1.01 or less and 1,000 draws are effective, or time is up. Discrete latents that have no closed
        form are drawn by independence Metropolis with the refined posterior as the proposal.

        Arguments:
            data: a value of each observed variable, ``{name: array}``, in the model's units.
            n: number of draws to return. Default 4000.
            seed: the same seed gives the same draws, as long as time suffices. Default 0.
            seconds: when no new round begins. Default 120.

        Returns: the `Answer`, whose ``reliable`` goes by R-hat, effective draws and divergences.

        Raises: what `refine` raises.

        Source: Hoffman & Gelman 2014; Vehtari et al. 2021 (R-hat).
        """
        question = self._ask(data, n, seed, seconds)
        if all(factor.exact for factor in self.factors):
            return find_answer(question, tuple)
        refined = refine_factors(self.compiled, self.factors, question.evidence, question.seed, question.by(0.4))
        return answer_by_chains(question, refined)

    def answer(self, data: Mapping[Name, Any], n: int = 4000, seed: int = 0, *, seconds: float = 120) -> Answer:
        """Return the posterior of one observation, going as far as is needed for one that can be relied on.

        The stages are ``"exact"``, where every factor is; ``"encoder"``, whose draws need no weights; ``"weighted"``;
        ``"refined"`` (`refine`, with weights); ``"mcmc"``. The first at which k-hat is below 0.7 and 1,000 draws are
        effective, or R-hat is 1.01, is the answer. A model without a density has the draws of the encoder, which
        are reliable where the data are like the simulations and calibration passes.

        Arguments:
            data: a value of each observed variable, ``{name: array}``, in the model's units.
            n: number of draws to return. Default 4000.
            seed: the same seed gives the same answer, as long as time suffices. Default 0.
            seconds: about how long it may take. Default 120.

        Returns: the `Answer`. Where it is not reliable, its ``repr`` begins by saying so and why.

        Raises: `DataError` for data that do not fit the model, `OptionError` for several observations.

        Source: Vehtari et al. 2024 (k-hat).

        >>> from retrodict import amortize, zoo
        >>> posterior = amortize(zoo.binary_tree(depth=2), exact=False, steps=25, quiet=True)
        >>> answer = posterior.answer({"x1": 0.5, "x2": 5.0})
        >>> answer.stage, answer.reliable
        ('encoder', True)
        """
        question = self._ask(data, n, seed, seconds)
        return find_answer(question, partial(self._judge, question.evidence, question.seed))

    def _ask(self, data: Mapping[Name, Any], n: int, seed: int, seconds: float) -> Question:
        evidence = self.read(data)
        evidence.require(self._space.net.observed)
        return Question(
            self.compiled,
            self.factors,
            evidence,
            data=data,
            n=read_count("n", n),
            seed=read_seed(seed),
            seconds=read_rate(seconds, "seconds"),
            inverse=self._space.inverse,
            exact=list_exact(self.factors),
        )

    def _judge(self, evidence: Evidence, seed: int) -> tuple[str, ...]:
        """Return what speaks against draws of the encoder for an observation, where they have no weights."""
        novel = self.familiar is not None and bool(self.familiar.find_alarming(evidence.rows).any())
        outcome = self.calibration(1000, 199, seed=seed)
        return (
            *(["The observation lies outside what training saw."] if novel else []),
            *([] if outcome else [f"Calibration rejects {', '.join(map(str, outcome.rejected))}."]),
        )

    def to_arviz(self, data: Mapping[Name, Any], n: int = 1000, *, seed: int = 0, weights: bool = True) -> Any:
        """Return draws for ArviZ as one chain.

        Groups are ``posterior``, ``observed_data`` and ``sample_stats``, which holds ``lp``, log q of each draw, and
        ``log_weight``, as in `importance`.

        Arguments:
            data: a value, or a batch of values along leading axes, of each observed variable,
                ``{name: array (*batch, ...)}``, in the model's units. Names of states may stand for their numbers.
            n: number of draws for each observation. Default 1000.
            seed: the same seed gives the same draws. Default 0.
            weights: whether to compute weights, which need all densities of the model. Default True.

        Returns: an ``InferenceData``, or with ArviZ 1 a ``DataTree``.

        Raises: `MissingPackageError` when ArviZ is not installed, and what `importance` raises.
        """
        import_arviz()  # rather than miss it after the draws
        evidence, statistics = self.read(data), {}
        if weights:
            weighed = self._weigh(evidence, n, seed)
            draws, statistics = weighed.draws, {"log_weight": weighed.log_weights}
        else:
            draws = self._space.unpack(self.draw(evidence, n, seed=seed))
        lp = self._score(self._space.latent_layout.pack(draws), evidence)
        return export(draws, data, {**statistics, "lp": lp})

    def to_onnx(self, folder: str | Path, rows: int = 1) -> None:
        """Write density and sampler as ONNX, which run without Python and without JAX, for so many rows at once.

        ``log_prob.onnx`` takes ``latents`` and ``observed``, columns in topological order, and gives ``log_prob``.
        ``sampler.onnx`` takes ``uniforms``, numbers that are uniform on [0, 1), and ``observed``; it gives ``latents``
        and their ``log_prob``. The metadata ``retrodict`` names the columns.

        Arguments:
            folder: where to write both files. The folder is made if it is not there.
            rows: rows of ``latents`` and ``observed``, each for an observation of its own or the same. Default 1.

        Raises: `MissingPackageError` without jax2onnx, `OptionError` for latents that are drawn otherwise than from
            uniform numbers or within loops, `FileError` where the folder cannot be written.

        Source: ONNX, onnx.ai; jax2onnx.
        """
        write_onnx(self.functions, folder, read_count("rows", rows))

    def save(self, folder: str | Path) -> None:
        """Write the posterior into a folder, all of it or nothing; `rd.load` reads it back, given the model.

        Arguments:
            folder: where to write ``posterior.safetensors``. The folder is made if it is not there; a posterior that
                was saved in it before is replaced. The file holds numbers, and names that this package knows: no code.

        Raises: `FileError` where the folder cannot be written, for an encoder without a recipe, and for factors other
            than an encoder and the model itself.
        """
        known = {kind.__name__ for kind in (NeuralFactor, ClosedFactor, GenerativeFactor)}
        others = {type(factor).__name__ for factor in self.factors} - known
        if others:
            raise FileError(
                folder,
                f"cannot hold a posterior with factors of other kinds, {', '.join(sorted(others))}",
                remedy="Save the arrays of the encoder yourself.",
            )
        save_parts(folder, self.parts)

    @property
    def parts(self) -> Parts:
        """All that the posterior is made of, as it is stored."""
        return Parts(self.model, self.inverse, self.encoder, self.recipe, self.history, self.familiar, self.forms)

    @cached_property
    def functions(self) -> PureFunctions:
        """Draws and densities as pure functions of arrays, for a compiled program of your own.

        Raises: `OptionError` for a refined posterior, which answers one observation.

        >>> from retrodict import amortize, zoo
        >>> functions = amortize(zoo.binary_tree(depth=2)).functions
        >>> jax.jit(functions.log_prob)({"x0": 0.3}, {"x1": 0.5, "x2": 1.0}).shape
        ()
        """
        if self.only is not None:
            raise OptionError(
                "a refined posterior answers one observation, which functions of any data cannot check",
                remedy="Take the functions of the posterior that was refined.",
            )
        return PureFunctions(self.factors, self._space)

    @cached_property
    def compiled(self) -> Compiled:
        """The programs of the model and the inverse, shared with equal ones."""
        return share(self.model, self.inverse, choose_drawn(self.model, self.inverse, self.forms))

    @property
    def _space(self) -> Space:
        return self.compiled.space

    @property
    def _width(self) -> int:
        """Numbers that a row takes at most in one place."""
        return max(self._space.width, *(factor.width for factor in self.factors))

    def _request(self, evidence: Evidence, n: int) -> Request:
        self._accept(evidence)
        return Request(evidence, read_count("n", n), self._width)

    def _accept(self, evidence: Evidence) -> None:
        """Refuse evidence of other variables than the factors are given; warn of what is unlike training."""
        evidence.require(self._space.net.observed)
        if self.only is not None and not (evidence.rows == self.only.rows).all():
            raise DataError(
                "the posterior was refined for other data, and answers these alone",
                remedy="Refine the posterior that it was made of for the new data.",
            )
        if self.familiar is not None:
            self.familiar.warn(evidence.rows, self._space.observed_layout.owners)

    @property
    def _draws(self) -> Work:
        return Work(self.compiled, Compiled.draw, self.factors)

    def _score(self, latents: Floats, evidence: Evidence) -> Floats:
        """Return log q of draws, in blocks of one shape."""
        shape, batch = latents.shape[:-1], evidence.batch
        numbers = np.arange(len(evidence)).reshape(batch)
        try:
            observation = np.broadcast_to(numbers, shape).reshape(-1)
        except ValueError:
            raise DataError(
                f"the leading axes of draws, {shape}, do not end in those of the data, {batch}",
                remedy="Give draws (n, *batch, ...), or others that can be repeated to such.",
            ) from None
        rows, seen = latents.reshape(-1, latents.shape[-1]), evidence.rows
        size = row_blocks.choose_block(len(rows), self._width)
        result = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), size):
            chosen = (start + np.arange(size)) % len(rows)
            block = rows[chosen].astype(np.float32), seen[observation[chosen]].astype(np.float32)
            scores = self.compiled.score(self.factors, *jax.device_put(block))
            result[start : start + size] = np.asarray(scores)[: len(rows) - start]
        return result.reshape(shape)

    def _shape(self, rows: Floats, request: Request) -> Floats:
        return rows.reshape(-1, *request.evidence.batch, rows.shape[-1])
