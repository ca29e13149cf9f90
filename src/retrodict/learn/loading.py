"""`load`: a posterior or a learned model out of the folder that it was saved in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, overload

from retrodict.encode.encoder import Encoder
from retrodict.encode.space import Space
from retrodict.encode.summaries import Summary
from retrodict.errors import FileError
from retrodict.files.checkpoint import Header, find_file, fitting, read_body, read_header
from retrodict.graph.bayesnet import BayesNet
from retrodict.learn import learned_storage
from retrodict.learn.generator import ProgramGenerator
from retrodict.learn.learned import LearnedModel
from retrodict.learn.parameters import as_module
from retrodict.learn.series import series_storage
from retrodict.learn.series.learned_series import LearnedSeries
from retrodict.models.black_box import BlackBox
from retrodict.models.model import Model
from retrodict.models.series_program import SeriesProgram
from retrodict.models.template_model import TemplateModel
from retrodict.posterior import storage
from retrodict.posterior.any_evidence import evidence_storage
from retrodict.posterior.any_evidence.evidence_loading import read_evidence
from retrodict.posterior.any_evidence.evidence_posterior import EvidencePosterior
from retrodict.posterior.lifted import lifted_storage
from retrodict.posterior.lifted.lifted_loading import read_lifted
from retrodict.posterior.lifted.lifted_posterior import LiftedPosterior
from retrodict.posterior.posterior import AmortizedPosterior
from retrodict.train.autoencoder import Autoencoder

# The name of the file for each kind of content, and what is needed to load it.
FILES = {
    storage.KIND: storage.FILE,
    learned_storage.KIND: learned_storage.FILE,
    lifted_storage.KIND: lifted_storage.FILE,
    evidence_storage.KIND: evidence_storage.FILE,
    series_storage.KIND: series_storage.FILE,
}
SOURCES = {
    storage.KIND: "the Model that it was made from",
    learned_storage.KIND: "the program that it was learned for: an Equinox module, or a function of NumPyro",
    lifted_storage.KIND: "the TemplateModel that it was made from",
    evidence_storage.KIND: "the Model that it was made from",
    series_storage.KIND: "the SeriesProgram that it was learned for",
}


@overload
def load(
    folder: str | Path, source: Model | BayesNet, summaries: Mapping[str, Summary] | None = None
) -> AmortizedPosterior | EvidencePosterior: ...


@overload
def load(
    folder: str | Path, source: TemplateModel, summaries: Mapping[str, Summary] | None = None
) -> LiftedPosterior: ...


@overload
def load(
    folder: str | Path, source: SeriesProgram, summaries: Mapping[str, Summary] | None = None
) -> LearnedSeries: ...


@overload
def load(
    folder: str | Path, source: Callable[[], Any], summaries: Mapping[str, Summary] | None = None
) -> LearnedModel: ...


def load(
    folder: str | Path,
    source: Model | BayesNet | TemplateModel | SeriesProgram | Callable[[], Any],
    summaries: Mapping[str, Summary] | None = None,
) -> AmortizedPosterior | EvidencePosterior | LiftedPosterior | LearnedModel | LearnedSeries:
    """Return the posterior or the learned model that was saved in a folder.

    Every byte is checked, the model is compared by its digest, and the inverse is certified again.

    Arguments:
        folder: the folder that `AmortizedPosterior.save` or `LearnedModel.save` was given.
        source: for a posterior, the `Model` or the `TemplateModel` that it was made from, or the `BayesNet` where it
            was made from stored simulations; for a learned model, the
            program that it was learned for, with any parameters: an Equinox module, or a function with
            ``numpyro.param`` sites; for learned series the `SeriesProgram`.
        summaries: for an encoder that was trained with summaries, modules built like them, ``{name: module}``; the
            file holds only their weights. Default none.

    Returns: an `AmortizedPosterior` for a `Model`, or the `EvidencePosterior` that was saved for it, a
    `LiftedPosterior` for a `TemplateModel`, a `LearnedSeries` for a `SeriesProgram` and a `LearnedModel` for other
    programs.

    Raises: `FileError`, which names the file, for whatever is missing, damaged, or does not fit.

    >>> import tempfile
    >>> from retrodict import amortize, zoo
    >>> model, data = zoo.binary_tree(depth=2), {"x1": 0.5, "x2": 1.0}
    >>> posterior = amortize(model, steps=50, quiet=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     posterior.save(folder)
    ...     again = load(folder, model)
    >>> bool((posterior.sample(data)["x0"] == again.sample(data)["x0"]).all())
    True
    """
    if isinstance(source, BayesNet):
        source = BlackBox(source)
    if isinstance(source, TemplateModel):
        return _load_lifted(_find(folder, lifted_storage.KIND, source), source)
    if isinstance(source, Model) and _holds_evidence(folder):
        return _load_evidence(_find(folder, evidence_storage.KIND, source), source)
    if isinstance(source, SeriesProgram):
        return _load_series(_find(folder, series_storage.KIND, source), source)
    if isinstance(source, Model):
        return _load_posterior(_find(folder, storage.KIND, source), source, summaries or {})
    return _load_learned(_find(folder, learned_storage.KIND, source), source, summaries or {})


def _holds_evidence(folder: str | Path) -> bool:
    """Whether a folder has a posterior for any evidence; raise `FileError` where it has another one, too."""
    path = find_file(folder, evidence_storage.FILE)
    if path and find_file(folder, storage.FILE):
        raise FileError(
            folder,
            f"holds two posteriors, in {storage.FILE} and {evidence_storage.FILE}",
            remedy="Save each in a folder of its own, or move one of both files.",
        )
    return path is not None


def _find(folder: str | Path, kind: str, source: Any) -> Header:
    """Return the header of the file of this kind; raise `FileError` where there is none, or a source is of no kind."""
    there = {held: path for held, name in FILES.items() if (path := find_file(folder, name))}
    if not there:
        raise FileError(folder, "holds nothing that was saved", remedy="Give the folder that was given to save.")
    if kind not in there or not (isinstance(source, Model | TemplateModel | SeriesProgram) or callable(source)):
        held, path = next(iter(there.items()))
        given = type(source).__name__
        raise FileError(path, f"holds a {held}, which a {given} cannot load", remedy=f"Give {SOURCES[held]}.")
    header = read_header(there[kind])
    if header.content.get("kind") != kind:
        raise FileError(header.path, f"is a file of retrodict, but holds no {kind}")
    return header


def _load_series(header: Header, program: SeriesProgram) -> LearnedSeries:
    """Return what a file holds, with a program like the one that was learned."""
    arrays = read_body(header)
    with fitting(header.path):
        return LearnedSeries(*series_storage.read_series_file(header.path, header.content, arrays, program))


def _load_posterior(header: Header, model: Model, summaries: Mapping[str, Summary]) -> AmortizedPosterior:
    storage.require_model(header.path, header.content, model)
    arrays = read_body(header)
    with fitting(header.path):
        parts = storage.read_parts(header.path, header.content, arrays, model, summaries)
    return AmortizedPosterior.of(**vars(parts))


def _load_evidence(header: Header, model: Model) -> EvidencePosterior:
    arrays = read_body(header)
    with fitting(header.path):
        return read_evidence(header.path, header.content, arrays, model)


def _load_lifted(header: Header, source: TemplateModel) -> LiftedPosterior:
    arrays = read_body(header)
    with fitting(header.path):
        return read_lifted(header.path, header.content, arrays, source)


def _load_learned(header: Header, program: Callable[[], Any], summaries: Mapping[str, Summary]) -> LearnedModel:
    module = as_module(program)
    arrays = read_body(header)
    with fitting(header.path):
        filled, model, parts = learned_storage.read_learned(header.path, header.content, arrays, module, summaries)
    if not isinstance(parts.encoder, Encoder) or parts.recipe is None:
        raise FileError(header.path, "holds a learned model without an encoder")
    generator = ProgramGenerator(filled, model, Space(parts.inverse, model=model))
    return LearnedModel(Autoencoder(generator, parts.encoder), parts.recipe, parts.history, parts.familiar)
