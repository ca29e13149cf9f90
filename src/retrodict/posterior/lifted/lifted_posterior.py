"""The posterior of a template: one encoder for all sizes and any pattern of missing observations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from retrodict.encode.lifted.lifted_drawing import Stage, list_stages
from retrodict.encode.lifted.lifted_encoder import LiftedEncoder
from retrodict.encode.lifted.template_space import TemplateSpace
from retrodict.errors import DataError, NoveltyWarning, OptionError, warn_user
from retrodict.exact.lifted.find_lifted import LiftedForms, list_exact
from retrodict.graph.frozen import Portable
from retrodict.lift.lifted_inverse import LiftedInverse
from retrodict.models.template_model import TemplateModel
from retrodict.plan.counts import read_count, read_rate, read_seed
from retrodict.posterior.answers.answer import Answer
from retrodict.posterior.arviz import find_adapter
from retrodict.posterior.lifted.lifted_answer import LiftedAsked, answer_lifted
from retrodict.posterior.lifted.lifted_calibration import LiftedCalibration, LiftedQuestion, calibrate_lifted
from retrodict.posterior.lifted.lifted_proposal import LiftedProposal
from retrodict.posterior.lifted.lifted_storage import save_lifted
from retrodict.posterior.lifted.template_data import TemplateData, turn_back
from retrodict.posterior.weights.importance import Importance
from retrodict.train.history import History
from retrodict.train.lifted.template_simulations import TemplateSimulator

Draws = dict[str, Any]


@dataclass(frozen=True, eq=False, repr=False)
class LiftedPosterior(Portable):
    r"""The density :math:`q(z \mid x)` of all latents of a template, at any sizes, with any observations missing.

    `amortize` of a `TemplateModel` makes it. Weights are shared over instances: there is one conditional for each
    latent of the template. Where nothing observed descends from an instance, it is drawn from the model's own
    conditional, as far as the model at its largest sizes has it.

    Arguments:
        source: the template with its model.
        inverse: the lifted inverse.
        encoder: the encoder of all sizes.
        vary: the least and greatest size of each dim in training.
        missing: how large a share of each observed variable was missing in training, on average.
        history: how the encoder was trained.
        forms: the closed forms of the latents that are drawn exactly, after all others.
    """

    source: TemplateModel
    inverse: LiftedInverse
    encoder: LiftedEncoder
    vary: Mapping[str, tuple[int, int]]
    missing: Mapping[str, float]
    history: History
    forms: LiftedForms = ()

    def __repr__(self) -> str:
        exact = "".join(f"; {form.kind}: {', '.join(form.names)}" for form in self.forms)
        if not self.encoder.plans:
            return f"LiftedPosterior({self.inverse!r}{exact}; exact at all sizes)"
        sizes = ", ".join(f"{dim}: {low} to {high}" for dim, (low, high) in self.vary.items())
        return f"LiftedPosterior({self.inverse!r}{exact}; trained for {sizes or 'one size'})"

    @property
    def exact(self) -> tuple[str, ...]:
        """The latents that are drawn from closed forms, given all others: no network stands for them."""
        return list_exact(self.forms)

    @property
    def latents(self) -> tuple[str, ...]:
        """The latents of the template, in the order in which they are drawn."""
        return self.inverse.schedule.drawn

    def sample(self, data: Mapping[str, Any], n: int = 1000, *, seed: int = 0) -> dict[str, Any]:
        """Return draws of all latents given one observation.

        Arguments:
            data: an array of each observed variable, ``{name: array}``, by its name in the template or its site, with
                an axis for each of its dims, of which they say the sizes. NaN is a value that is missing.
            n: number of draws. Default 1000.
            seed: the same seed gives the same draws. Default 0.

        Returns: ``{latent: array (n, *dims)}``; NaN where the model has no such instance.

        Raises: `DataError` for data that do not fit the template.
        """
        given = self._read(data)
        codes = self._proposal.draw(given, read_count("n", n), read_seed(seed))
        return self._name(given, codes)

    def log_prob(self, draws: Mapping[str, Any], data: Mapping[str, Any]) -> Any:
        """Return log q of draws of all latents given one observation, in nats.

        Arguments:
            draws: ``{latent: array (n, *dims)}``, as `sample` gives them.
            data: as in `sample`.

        Returns: an array ``(n,)``.

        Raises: `DataError` for data or draws that do not fit the template.
        """
        given = self._read(data)
        return self._proposal.score(given, self._read_draws(given, draws))

    def importance(self, data: Mapping[str, Any], n: int = 1000, *, seed: int = 0) -> Importance:
        r"""Return draws as of `sample` with weights :math:`p(z, x) / q(z \mid x)`, which correct the encoder.

        Where closed forms draw the other latents, one draw in five of those of the encoder comes from the prior, and
        q is the mixture of both: then no weight can be much larger than the others.

        Arguments:
            data: as in `sample`. Sizes can be larger than those of the model unless it sums over a plate, singles the
                last time out, or lacks instances: its densities are needed.
            n: number of draws. Default 1000.
            seed: the same seed gives the same draws. Default 0.

        Returns: draws and weights, with how far they can be relied on.

        Raises: `DataError` for data that do not fit, or are larger than the model.

        Source: Vehtari et al. 2024; Hesterberg 1995 (defensive mixtures).
        """
        given = self._read(data)
        if not (given.is_within or self._proposal.has_densities(given)):
            raise DataError(
                f"the data have the sizes {dict(given.sizes)}, and the model has densities up to "
                f"{dict(self.source.sizes)}",
                remedy="Read the program at larger sizes.",
            )
        share = self._proposal.find_share(given)
        codes, log_weights = self._proposal.weigh(given, read_count("n", n), read_seed(seed), share)
        named: dict[Any, Any] = dict(self._name(given, codes))
        return Importance(named, np.asarray(log_weights, np.float64))

    def answer(self, data: Mapping[str, Any], n: int = 4000, seed: int = 0, *, seconds: float = 120) -> Answer:
        """Return the posterior of one observation, going as far as is needed for one that can be relied on.

        The stages are ``"exact"``, where no network is needed; ``"weighted"``, draws of the encoder as of
        `importance`; ``"refined"``, where what it draws comes from a linear proposal, fitted to this observation in
        rounds of weights, with all closed forms integrated out; ``"mcmc"``, NUTS on the same density. The first at
        which k-hat is below 0.5 and 1,000 draws are effective, or R-hat is 1.01, is the answer.

        Arguments:
            data: as in `importance`.
            n: number of draws to return. Default 4000.
            seed: the same seed gives the same answer, as long as time suffices. Default 0.
            seconds: about how long it may take. Default 120.

        Returns: the `Answer`. Where it is not reliable, its ``repr`` begins by saying so and why.

        Raises: `DataError` for data that do not fit the template.

        Source: Vehtari et al. 2024 (k-hat); Cappé et al. 2008 (adaptive importance sampling).
        """
        given = self._read(data)
        asked = LiftedAsked(
            self._proposal,
            given,
            partial(self._name, given),
            data=dict(data),
            n=read_count("n", n),
            seed=read_seed(seed),
            seconds=read_rate(seconds, "seconds"),
            inverse=self.inverse,
            exact={name: form.kind for form in self.forms for name in form.names},
        )
        return answer_lifted(asked)

    def calibration(
        self, simulations: int = 1000, draws: int = 99, *, seed: int = 0, alpha: float = 0.001
    ) -> LiftedCalibration:
        """Return whether the posterior is calibrated over all sizes in the trained range, and at small and large ones.

        Of each simulation one instance of each latent is looked at, any of them: its rank among draws is uniform if
        the posterior is exact.

        Arguments:
            simulations: number of truths, 100 or more. Default 1000.
            draws: number of draws for each truth, 19 or more. Default 99.
            seed: the same seed gives the same result. Default 0.
            alpha: probability that an exact posterior is rejected for any latent or size. Default 0.001.

        Returns: the outcome, which is true when nothing was rejected.

        Raises: `OptionError` for numbers out of range.

        Source: Talts et al. 2018.
        """
        count, per = read_count("simulations", simulations, 100), read_count("draws", draws, 19)
        simulator = TemplateSimulator(self._space, self.vary, self.missing)
        asked = LiftedQuestion(self.encoder, self._stages, self.forms)
        return calibrate_lifted(asked, simulator, count, per, read_seed(seed), alpha)

    def to_arviz(self, data: Mapping[str, Any], n: int = 1000, *, seed: int = 0) -> Any:
        """Return the draws of `sample` for ArviZ as one chain, with the dims of the template and their coordinates.

        Arguments are those of `sample`.

        Raises: `MissingPackageError` when ArviZ is not installed, and what `sample` raises.
        """
        adapter = find_adapter()  # rather than miss it after the draws
        draws, template = self.sample(data, n, seed=seed), self.source.template
        observed = {name: np.asarray(value) for name, value in data.items()}
        own = {site: name for name, site in self.source.sites.items()}
        dims = {name: list(template[own.get(name, name)].dims) for name in (*draws, *observed)}
        sizes = {d: s for name, value in draws.items() for d, s in zip(dims[name], value.shape[1:], strict=False)}
        groups: dict[str, dict[str, Any]] = {
            "posterior": {name: values[None] for name, values in draws.items()},
            "observed_data": observed,
        }
        coords = {dim: np.arange(size) for dim, size in sizes.items()}
        return adapter.convert(groups, dims, coords)

    def save(self, folder: str | Path) -> None:
        """Write the posterior into a folder, all of it or nothing; `rd.load` reads it back, given the template model.

        Arguments:
            folder: where to write ``lifted.safetensors``. The folder is made if it is not there.

        Raises: `FileError` where the folder cannot be written, and for a family of conditionals of your own.
        """
        training = self.vary, self.missing, self.history
        save_lifted(folder, self.source, self.inverse, self.encoder, training, self.exact)

    # -- inside ------------------------------------------------------------------------------------------

    @cached_property
    def _space(self) -> TemplateSpace:
        return TemplateSpace(self.source)

    @cached_property
    def _stages(self) -> tuple[Stage, ...]:
        return list_stages(self.inverse.schedule, self.exact)

    @cached_property
    def _proposal(self) -> LiftedProposal:
        return LiftedProposal(self._space, self.encoder, self._stages, self.forms, self.latents)

    def _read(self, data: Mapping[str, Any]) -> TemplateData:
        given = TemplateData.read(self._space, data)
        wide = {d: s for d, s in given.sizes.items() if d in self.vary and not self.vary[d][0] <= s <= self.vary[d][1]}
        wide |= {d: s for d, s in given.sizes.items() if d not in self.vary and s != self.source.sizes[d]}
        if wide and self.encoder.plans:
            found = ", ".join(f"{dim}: {size}" for dim, size in wide.items())
            warn_user(
                f"The data have sizes that training did not see ({found}); what the encoder says there is a guess. "
                "Amortize with vary= over a range that holds them.",
                NoveltyWarning,
            )
        return given

    def _name(self, given: TemplateData, codes: Draws) -> Draws:
        """Return values of codes, in the shapes that a user expects."""
        return {name: self._decode(given, name, codes[name]) for name in self.latents}

    def _decode(self, given: TemplateData, name: str, codes: Any) -> Any:
        values = np.array(self._space.decode(name, jnp.asarray(codes, jnp.float32)))
        values[:, ~given.exists[name]] = np.nan
        event = self._space.described[name].variable.shape or ()
        turned = turn_back(self._space, name, values, 1)
        return turned.reshape(*turned.shape[:-1], *event)

    def _read_draws(self, given: TemplateData, draws: Mapping[str, Any]) -> Draws:
        lacking = [name for name in self.latents if name not in draws]
        if lacking:
            raise DataError("draws lack {names}", lacking, remedy="Give an array of each latent.")
        return {name: self._encode(given, name, np.asarray(draws[name], np.float64)) for name in self.latents}

    def _encode(self, given: TemplateData, name: str, values: Any) -> Any:
        described, own = self._space.described[name], self.source.template[name].dims
        shape = (*(given.sizes[dim] for dim in own), *(described.variable.shape or ()))
        if values.shape[1:] != shape:
            raise DataError(
                f"draws of {{names}} have the shape {values.shape}, where (n, *{shape}) was expected", [name]
            )
        flat = values.reshape(*values.shape[: 1 + len(own)], -1)
        turned = np.transpose(flat, (0, *(1 + own.index(dim) for dim in described.dims), 1 + len(own)))
        filled = np.where(np.isnan(turned), turned[:, given.exists[name]].reshape(len(turned), -1)[:1, :1], turned)
        return np.asarray(described.coder.encode(jnp.asarray(filled, jnp.float32)))


def require_template_model(model: object) -> TemplateModel:
    """Return a template model; raise `OptionError` for anything else."""
    if not isinstance(model, TemplateModel):
        raise OptionError(
            f"vary= and missing= are for a TemplateModel, not a {type(model).__name__}",
            remedy="Read the program with rd.from_numpyro(..., template=True).",
        )
    return model
