"""The posterior of a template: one encoder for all sizes and any pattern of missing observations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.encode.keys import fold_key, make_key
from retrodict.encode.lifted.cells import Cells
from retrodict.encode.lifted.lifted_drawing import Stage, draw_latents, list_stages
from retrodict.encode.lifted.lifted_encoder import LiftedEncoder
from retrodict.encode.lifted.template_space import TemplateSpace
from retrodict.errors import DataError, NoveltyWarning, OptionError, warn_user
from retrodict.exact.lifted.element_densities import ElementDensities
from retrodict.exact.lifted.find_lifted import LiftedForms, find_descendants, list_exact
from retrodict.graph.frozen import Portable
from retrodict.lift.lifted_inverse import LiftedInverse
from retrodict.models.template_model import TemplateModel
from retrodict.plan.counts import read_count, read_seed
from retrodict.posterior.arviz import import_arviz
from retrodict.posterior.lifted.exact_factors import ExactFactors, has_densities
from retrodict.posterior.lifted.lifted_calibration import LiftedCalibration, LiftedQuestion, calibrate_lifted
from retrodict.posterior.lifted.lifted_storage import save_lifted
from retrodict.posterior.lifted.prior_share import SHARE, PriorShare, mix
from retrodict.posterior.lifted.template_columns import TemplateColumns
from retrodict.posterior.lifted.template_data import TemplateData, turn_back
from retrodict.posterior.weights.importance import Importance
from retrodict.train.compiled import Programs
from retrodict.train.history import History
from retrodict.train.lifted.template_simulations import TemplateSimulator

# So many instances are drawn together, over all rows.
MOST_TOGETHER = 1 << 18
# The programs of posteriors of templates, one for each bucket of sizes and each kind of question.
LIFTED = Programs(most=48)

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
        codes = self._draw(given, read_count("n", n), read_seed(seed))
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
        return self._score(given, self._read_draws(given, draws))

    def importance(self, data: Mapping[str, Any], n: int = 1000, *, seed: int = 0) -> Importance:
        r"""Return draws as of `sample` with weights :math:`p(z, x) / q(z \mid x)`, which correct the encoder.

        Where closed forms draw the other latents, one draw in twenty of those of the encoder comes from the prior, and
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
        if not (given.is_within or self._has_densities(given)):
            raise DataError(
                f"the data have the sizes {dict(given.sizes)}, and the model has densities up to "
                f"{dict(self.source.sizes)}",
                remedy="Read the program at larger sizes.",
            )
        share = self._find_share(given)
        codes = self._draw(given, read_count("n", n), read_seed(seed), share)
        columns = self._columns(given)
        log_p = self._factors(given).score_joint(codes) if self._has_densities(given) else columns.score_joint(codes)
        log_q = self._score(given, codes, share)
        named: dict[Any, Any] = dict(self._name(given, codes))
        return Importance(named, np.asarray(log_p - log_q, np.float64))

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
        arviz = import_arviz()
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
        if int(arviz.__version__.split(".")[0]) >= 1:
            return arviz.from_dict(groups, dims=dims, coords=coords)
        return arviz.from_dict(**groups, dims=dims, coords=coords)

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
    def _densities(self) -> ElementDensities:
        return self.forms[0].densities if self.forms else ElementDensities(self.source)

    def _has_densities(self, given: TemplateData) -> bool:
        return has_densities(self._space, given, self._densities) and self._densities.is_computable

    def _factors(self, given: TemplateData) -> ExactFactors:
        if self.forms and not has_densities(self._space, given, self._densities):
            raise DataError(
                f"the data have the sizes {dict(given.sizes)}, the model has {dict(self.source.sizes)} and lacks some "
                "instances there, so that what is exact cannot be found beyond",
                remedy="Read the program with groups of equal sizes, or amortize with exact=False.",
            )
        return ExactFactors(self._space, given, self.forms, self._densities)

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

    def _columns(self, given: TemplateData) -> TemplateColumns:
        return TemplateColumns(self._space, given, self.latents, self.exact)

    def _find_share(self, given: TemplateData) -> PriorShare | None:
        """Return the prior of what the encoder draws, if it is a density of its own, and the rest has closed forms."""
        if not self.forms or not self._has_densities(given):
            return None
        share = PriorShare(self._factors(given), tuple(self.encoder.plans))
        return share if share.is_apart() else None

    def _draw(self, given: TemplateData, n: int, seed: int, share: PriorShare | None = None) -> Draws:
        """Return codes ``(n, *dims, columns)`` of all latents, those of barren instances from the model."""
        key = make_key(seed)
        codes = self._draw_encoded(given, n, key) if self.encoder.plans else {}
        if share is not None:
            own = share.draw(fold_key(key, -3 % 2**32), round(SHARE * n))
            codes = {name: np.concatenate([code[: n - len(own[name])], own[name]]) for name, code in codes.items()}
        columns, barren = self._columns(given), fold_key(key, -1 % 2**32)
        late = find_descendants(self.source.template, self.exact)
        if not self.forms:
            return columns.draw_barren(codes, barren, self.latents) if given.is_within else codes
        if given.is_within:
            early = [name for name in self.encoder.plans if name not in late]
            codes = columns.draw_barren(codes | self._fill(given, n), barren, early)
            codes = {name: codes[name] for name in self.encoder.plans}
        codes |= self._factors(given).draw(fold_key(key, -2 % 2**32), codes, n)
        return columns.draw_barren(codes, fold_key(barren, 1), late) if given.is_within else codes

    def _fill(self, given: TemplateData, n: int) -> Draws:
        """Return codes of exact latents that stand until they are drawn."""
        described = self._space.described
        return {name: np.zeros((n, *given.shape(name), described[name].columns), np.float32) for name in self.exact}

    def _draw_encoded(self, given: TemplateData, n: int, key: jax.Array) -> Draws:
        """Return codes of the latents that the encoder draws."""
        padded = {dim: round_up(size) for dim, size in given.sizes.items()}
        cells = given.lay_out(padded)
        together = sum(int(np.prod(marks.shape)) for marks in cells.exists.values())
        rows = max(1, min(n, MOST_TOGETHER // together))
        parts = []
        for block in range(-(-n // rows)):
            parts.append(LIFTED.run(_draw_rows, self.encoder, fold_key(key, block), cells, rows, self._stages))
        codes = {name: np.concatenate([np.asarray(part[name]) for part in parts])[:n] for name in self.encoder.plans}
        return {name: code[(slice(None), *map(slice, given.shape(name)))] for name, code in codes.items()}

    def _score(self, given: TemplateData, codes: Draws, share: PriorShare | None = None) -> Any:
        """Return log q of codes, of values: those of the model where instances are barren."""
        n, within = len(next(iter(codes.values()))), given.is_within
        total = self._score_encoded(given, codes) if self.encoder.plans else np.zeros(n)
        total = total if share is None else mix(total, share.score(codes))
        if self.forms:
            total = total + self._factors(given).score(codes)
        return total + (self._columns(given).score_barren(codes) if within else 0.0)

    def _score_encoded(self, given: TemplateData, codes: Draws) -> Any:
        """Return log q of what the encoder draws, barren instances aside."""
        padded = {dim: round_up(size) for dim, size in given.sizes.items()}
        n, cells = len(next(iter(codes.values()))), given.lay_out(padded)
        together = sum(int(np.prod(marks.shape)) for marks in cells.exists.values())
        rows = max(1, min(n, MOST_TOGETHER // together))
        drawn = {name: codes[name] for name in self.encoder.plans}
        wide = {name: _pad(code, [padded[d] for d in self._space.dims[name]]) for name, code in drawn.items()}
        parts: list[Draws] = []
        for start in range(0, n, rows):
            chosen = (start + np.arange(rows)) % n
            block = {name: jnp.asarray(code[chosen], jnp.float32) for name, code in wide.items()}
            parts.append(LIFTED.run(_score_rows, self.encoder, cells, block))
        scores = {name: np.concatenate([np.asarray(part[name]) for part in parts])[:n] for name in drawn}
        total = np.zeros(n)
        for name, own in scores.items():
            own = own[(slice(None), *map(slice, given.shape(name)))]
            kept = given.exists[name] & (given.informed[name] if given.is_within else True)
            total += np.where(kept, own, 0.0).reshape(n, -1).sum(axis=1)
        return total

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


def round_up(size: int) -> int:
    """Return the bucket of a size: a power of two, or one and a half times one.

    >>> [round_up(size) for size in (1, 5, 9, 13, 50)]
    [1, 6, 12, 16, 64]
    """
    power = 1 << (size - 1).bit_length()
    return power * 3 // 4 if power >= 4 and size <= power * 3 // 4 else power


def _pad(array: Any, sizes: list[int]) -> Any:
    return np.pad(array, [(0, 0), *((0, s - a) for s, a in zip(sizes, array.shape[1:-1], strict=True)), (0, 0)], "edge")


def _repeat(cells: Cells, rows: int) -> Cells:
    return jax.tree.map(lambda array: jnp.broadcast_to(array, (rows, *array.shape[1:])), cells)


def _draw_rows(
    encoder: LiftedEncoder, key: jax.Array, cells: Cells, rows: int, stages: tuple[Stage, ...]
) -> dict[str, jax.Array]:
    return draw_latents(encoder, key, _repeat(cells, rows), stages)


def _score_rows(encoder: LiftedEncoder, cells: Cells, codes: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """Return log q of each instance, of its value: the code's less the volume that a unit of it becomes."""
    wide = _repeat(cells, len(next(iter(codes.values()))))
    for name in encoder.plans:
        wide = wide.knowing(name, codes[name])
    factors = encoder.log_factors(wide)
    return {name: score - encoder.described[name].coder.log_det(codes[name]) for name, score in factors.items()}


def require_template_model(model: object) -> TemplateModel:
    """Return a template model; raise `OptionError` for anything else."""
    if not isinstance(model, TemplateModel):
        raise OptionError(
            f"vary= and missing= are for a TemplateModel, not a {type(model).__name__}",
            remedy="Read the program with rd.from_numpyro(..., template=True).",
        )
    return model
