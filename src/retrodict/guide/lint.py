"""The verdict on what somebody wrote by hand: parents of latents, or a NumPyro guide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from retrodict.certificate.certify import Certificate, Edge, MissingEdge, certify
from retrodict.certificate.handwritten import read_guide
from retrodict.errors import GuideError
from retrodict.graph.bayesnet import BayesNet, HasStructure, structure_of
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.invert import invert

if TYPE_CHECKING:
    from retrodict.guide.reading import GuideReading, WrongShape, WrongSupport
    from retrodict.read.numpyro.model import NumpyroModel


@dataclass(frozen=True, eq=False, repr=False)
class GuideVerdict:
    """The verdict on a NumPyro guide: true when it is faithful and its sites are those of the program.

    ``certificate`` judges its dependencies. A latent that the guide does not draw counts there as drawn by the
    program, last of all: that is what NumPyro does, with the prior. Of a guide none of whose sites depends on data
    (``is_amortized`` is false), parameters are fitted to the data, and every site counts as depending on all.
    """

    certificate: Certificate
    reading: GuideReading

    def __bool__(self) -> bool:
        return self.faithful and not self.faults

    def __repr__(self) -> str:
        return f"GuideVerdict({self.certificate.n_missing} edges missing, {len(self.faults)} faults of sites)"

    def __str__(self) -> str:
        lines = [f"{edge.child} lacks {edge.parent}: {edge.drawing}" for edge in self.missing]
        return "\n".join([*lines, *self.faults]) or "faithful, and its sites are those of the program"

    @property
    def faithful(self) -> bool:
        """Whether the guide states no independence that the program does not imply."""
        return self.certificate.faithful

    @property
    def missing(self) -> tuple[MissingEdge, ...]:
        """Dependencies that the guide lacks, each with the open path that proves it."""
        return self.certificate.missing

    @property
    def removable(self) -> tuple[Edge, ...]:
        """Dependencies that the guide could do without."""
        return self.certificate.removable

    @property
    def parents(self) -> Mapping[Name, tuple[Name, ...]]:
        """What each latent that the guide draws depends on."""
        return self.reading.parents

    @property
    def missing_sites(self) -> tuple[str, ...]:
        """Latents of the program that the guide does not draw."""
        return self.reading.missing_sites

    @property
    def extra_sites(self) -> tuple[str, ...]:
        """Sites of the guide that are no latents of the program, nor marked as auxiliary."""
        return self.reading.extra_sites

    @property
    def wrong_supports(self) -> tuple[WrongSupport, ...]:
        """Sites that the guide draws on another support."""
        return self.reading.wrong_supports

    @property
    def wrong_shapes(self) -> tuple[WrongShape, ...]:
        """Sites that the guide draws with another shape."""
        return self.reading.wrong_shapes

    @property
    def is_amortized(self) -> bool:
        """Whether any site of the guide depends on data."""
        return self.reading.is_amortized

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with sites, one line each."""
        return (
            *(f"{name} is not drawn: NumPyro takes its prior" for name in self.missing_sites),
            *(f"{name} is no latent of the program: NumPyro ignores it" for name in self.extra_sites),
            *(f"{s.site} is drawn on {s.guide}, but lies on {s.program}" for s in self.wrong_supports),
            *(f"{s.site} is drawn with shape {s.guide}, but has {s.program}" for s in self.wrong_shapes),
        )


@overload
def lint(program: BayesNet | HasStructure, guide: Mapping[Any, Iterable[Name]] | str | Inverse) -> Certificate: ...
@overload
def lint(program: NumpyroModel, guide: Callable[..., Any]) -> GuideVerdict: ...
@overload
def lint(program: Callable[..., Any], guide: Callable[..., Any], *args: Any, **kwargs: Any) -> GuideVerdict: ...
def lint(program: Any, guide: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the verdict on a guide somebody wrote: parents of each latent, or a NumPyro guide.

    A NumPyro guide is read beside its program, both called with ``args`` and ``kwargs``, data among them. The verdict
    says which dependencies the guide lacks, with the open paths that prove it, and what NumPyro accepts in silence:
    sites that are missing, extra, on a wrong support or of a wrong shape.

    Arguments:
        program: a model or its structure, or a NumPyro program. A model that `from_numpyro` made with its data may
            stand for the program; if it was read with ``elementwise=True``, the guide is judged element by element.
        guide: ``{latent: [parents]}``, any ``order`` that `invert` takes by name, an `Inverse`, or a NumPyro guide.
        *args: arguments of the NumPyro program and its guide.
        **kwargs: their arguments by name.

    Returns: a `Certificate`; a `GuideVerdict` for a NumPyro guide.

    Raises: `GuideError` for a guide that does not name every latent, `UnknownVariableError` for names that are not in
    the model, and what `invert`, or `from_numpyro` and `read_numpyro_guide`, raise.

    >>> net = BayesNet({"x0": [], "x1": ["x0"], "x2": ["x0"]}, observed=["x1", "x2"])
    >>> lint(net, {"x0": ["x1"]}).missing[0].drawing
    'x2 <- x0'
    >>> import numpyro, numpyro.distributions as dist
    >>> def program(x):
    ...     scale = numpyro.sample("scale", dist.HalfNormal(1.0))
    ...     numpyro.sample("x", dist.Normal(0.0, scale), obs=x)
    >>> def guide(x):
    ...     numpyro.sample("scale", dist.Normal(x**2, 1.0))
    >>> print(lint(program, guide, 0.5))
    scale is drawn on real, but lies on positive

    """
    if callable(guide) and callable(program):
        from retrodict.read.numpyro.reader import from_numpyro

        return _lint_numpyro(from_numpyro(program, *args, **kwargs), guide)
    if args or kwargs:
        raise GuideError(
            "arguments are for a NumPyro program and its guide, both of them functions",
            remedy="Give lint(net, {latent: [parents]}) and lint(model, guide) nothing more.",
        )
    if callable(guide):
        return _lint_numpyro(program, guide)
    if isinstance(guide, str | Inverse):
        return certify(invert(program, guide))
    return certify(read_guide(structure_of(program), guide))


def _lint_numpyro(model: NumpyroModel, guide: Callable[..., Any]) -> GuideVerdict:
    from retrodict.guide.reading import read_numpyro_guide
    from retrodict.guide.uses import list_units
    from retrodict.read.numpyro.model import NumpyroModel

    if not isinstance(model, NumpyroModel):
        raise GuideError(
            f"a guide that is a function needs a NumPyro program beside it, not a {type(model).__name__}",
            remedy="Give the program, or what from_numpyro made of it.",
        )
    reading = read_numpyro_guide(model, guide)
    undrawn = [unit for name in reading.missing_sites for unit in list_units(model, name)]
    generative = {unit: model.net.parents(unit) for unit in undrawn}
    return GuideVerdict(certify(read_guide(model.net, {**reading.parents, **generative})), reading)
