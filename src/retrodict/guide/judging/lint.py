"""The verdict on parents of latents, or on a NumPyro guide, that somebody wrote by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, overload

from retrodict.certificate.certify import Certificate
from retrodict.certificate.handwritten import read_guide
from retrodict.errors import GuideError
from retrodict.exact.certifying import certify, tell_closed
from retrodict.graph.bayesnet import BayesNet, HasStructure, structure_of
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.guide.judging.verdict import GuideVerdict
from retrodict.invert import invert
from retrodict.lift.lifted_certificate import LiftedCertificate
from retrodict.lift.lifted_inverse import LiftedInverse
from retrodict.lift.schedules.loop_nest import Schedule
from retrodict.lift.templates.template import HasTemplate, Template
from retrodict.lift.written_patterns import read_patterns

if TYPE_CHECKING:
    from retrodict.read.numpyro.numpyro_model import NumpyroModel


@overload
def lint(program: BayesNet | HasStructure, guide: Mapping[Any, Iterable[Name]] | str | Inverse) -> Certificate: ...
@overload
def lint(
    program: Template | HasTemplate,
    guide: Mapping[Any, Iterable[str]] | LiftedInverse | str,
    *,
    order: str | Schedule | None = None,
) -> LiftedCertificate: ...
@overload
def lint(program: NumpyroModel, guide: Callable[..., Any]) -> GuideVerdict: ...
@overload
def lint(program: Callable[..., Any], guide: Callable[..., Any], *args: Any, **kwargs: Any) -> GuideVerdict: ...
def lint(program: Any, guide: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the verdict on a guide somebody wrote: parents of each latent, or a NumPyro guide.

    A NumPyro guide is read beside its program, both called with ``args`` and ``kwargs``, data among them. The verdict
    says which dependencies the guide lacks, with the open paths that prove it, and what NumPyro accepts in silence:
    sites that are missing, extra, on a wrong support or of a wrong shape.

    Parents of the latents of a `Template` are patterns, ``{"z[t]": ["z[t-1]", "x[t..T-1]"]}``, judged for all sizes.

    Arguments:
        program: a model or its structure, a `Template` or `TemplateModel`, or a NumPyro program. A model that
            `from_numpyro` made with its data may stand for the program; if it was read with ``elementwise=True``, the
            guide is judged element by element.
        guide: ``{latent: [parents]}``, any ``order`` that `invert` takes by name, an `Inverse`, or a NumPyro guide.
        *args: arguments of the NumPyro program and its guide.
        **kwargs: their arguments by name. For a template ``order``, the schedule in which the latents are drawn.
            Default: the one that the patterns imply.

    Returns: a `Certificate`; a `GuideVerdict` for a NumPyro guide; a `LiftedCertificate` for a template.

    Raises: `GuideError` for a guide that does not name every latent, `UnknownVariableError` for names that are not in
    the model, and what `invert`, or `from_numpyro` and `read_numpyro_guide`, raise.

    >>> net = BayesNet({"x0": [], "x1": ["x0"], "x2": ["x0"]}, observed=["x1", "x2"])
    >>> lint(net, {"x0": ["x1"]}).missing[0].drawing
    'x2 <- x0'
    >>> template = Template("mu; theta[j] | mu; y[j,n] | theta[j]", observed=["y"])
    >>> lint(template, {"mu": ["y[*,*]"], "theta[j]": ["y[j,*]"]}).missing[0].drawing
    'mu -> theta[0]'
    >>> import numpyro, numpyro.distributions as dist
    >>> def program(x):
    ...     scale = numpyro.sample("scale", dist.HalfNormal(1.0))
    ...     numpyro.sample("x", dist.Normal(0.0, scale), obs=x)
    >>> def guide(x):
    ...     numpyro.sample("scale", dist.Normal(x**2, 1.0))
    >>> print(lint(program, guide, 0.5))
    scale is drawn on real, but lies on positive

    """
    if isinstance(program, HasTemplate):
        program = program.template
    if isinstance(program, Template):
        return _lint_template(program, guide, *args, **kwargs)
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
    return tell_closed(certify(read_guide(structure_of(program), guide)), program)


def _lint_template(
    template: Template, guide: Any, *args: Any, order: str | Schedule | None = None, **kwargs: Any
) -> LiftedCertificate:
    if args or kwargs:
        raise GuideError(
            "arguments are for a NumPyro program and its guide, not for a template",
            remedy="Give lint(template, {latent: [patterns]}), and order= if the schedule is not to be implied.",
        )
    if isinstance(guide, str | LiftedInverse | Schedule):
        return certify(invert(template, guide))
    return certify(read_patterns(template, guide, order))


def _lint_numpyro(model: NumpyroModel, guide: Callable[..., Any]) -> GuideVerdict:
    from retrodict.guide.judging.reading import read_numpyro_guide
    from retrodict.guide.judging.uses import list_units
    from retrodict.read.numpyro.numpyro_model import NumpyroModel

    if not isinstance(model, NumpyroModel):
        raise GuideError(
            f"a guide that is a function needs a NumPyro program beside it, not a {type(model).__name__}",
            remedy="Give the program, or what from_numpyro made of it.",
        )
    reading = read_numpyro_guide(model, guide)
    undrawn = [unit for name in reading.missing_sites for unit in list_units(model, name)]
    generative = {unit: model.net.parents(unit) for unit in undrawn}
    certificate = tell_closed(certify(read_guide(model.net, {**reading.parents, **generative})), model)
    return GuideVerdict(**vars(reading), certificate=certificate)
