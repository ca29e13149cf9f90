"""Read a NumPyro program: an ordinary model function in, a `Model` with its structure out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from retrodict.errors import ProgramError
from retrodict.graph.names import Name, require_list
from retrodict.models.model import Model
from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.read.numpyro.observed.apart import require_data_apart
from retrodict.read.numpyro.observed.fixed import read_data, require_finite
from retrodict.read.numpyro.program_structure import read_structure
from retrodict.read.numpyro.program_summaries import list_summaries, read_summarized
from retrodict.read.numpyro.random_walks import expand_walks
from retrodict.read.numpyro.sites import Program, Site, read_sites

if TYPE_CHECKING:
    from retrodict.models.template_model import TemplateModel


@overload
def from_numpyro(
    program: Callable[..., Any],
    *args: Any,
    observed: Iterable[str] | None = None,
    elementwise: bool = False,
    template: Literal[False] = False,
    **kwargs: Any,
) -> NumpyroModel: ...
@overload
def from_numpyro(
    program: Callable[..., Any],
    *args: Any,
    observed: Iterable[str] | None = None,
    template: Literal[True],
    **kwargs: Any,
) -> TemplateModel: ...
def from_numpyro(
    program: Callable[..., Any],
    *args: Any,
    observed: Iterable[str] | None = None,
    elementwise: bool = False,
    template: bool = False,
    **kwargs: Any,
) -> Any:
    r"""Return a NumPyro program as a `Model` whose net is :math:`p(z, x) = \prod_i p(v_i \mid \mathrm{pa}(v_i))`.

    Each random site is a variable, of the shape that it has in the program; deterministic sites are not variables,
    unless ``observed`` names them.

    Arguments:
        program: the program, a function.
        *args: arguments with which the program is called.
        observed: names of the observed sites, or elements. Default: the sites with data (``obs=`` or
            ``handlers.condition``). The data are placeholders: a posterior takes new ones. With ``observed``, a program
            can be read without data. Deterministic sites may be among them, as summaries of data: the sites with data
            that are not named are no variables then, and the model has no density.
        elementwise: whether each element of a site is a variable of its own, named as ``z[3]`` or ``z[1,2]``. Its
            parents are the elements that its distribution needs, found from the operations of the program. Elements
            that are drawn jointly (a multivariate normal, a simplex) stay one variable; ``to_event`` alone joins
            nothing. An unknown operation, or an index that is drawn, counts as needing every element. Default False.
        template: whether the program is read as a `Template`, element by element at the sizes of its arguments, each
            dim at least 3: plates, time in a ``scan``, foreign keys as in ``alpha[county]``; known arrays along them
            become observed variables. See `docs/templates.md`. Default False.
        **kwargs: arguments by name with which the program is called.

    Returns: a `NumpyroModel`; a `SummarizedProgram` where ``observed`` names deterministic sites; with
        ``template=True`` a `TemplateModel`.

    Raises: `ProgramError`, naming the site, for a program that fails, that decides in Python on a latent, or that no
    Bayesian network describes: factors, data computed from latents, masks, scaled or subsampled sites, improper
    priors, values put in by ``handlers.substitute``, and, without ``elementwise=True``, sites in a ``scan``,
    and, with ``template=True``, dims that follow no relation of templates and sizes below 3; `SizeError` for a template
    with arrays too large to be followed; `DataError` for data that are not numbers, and for NaN or infinity at observed
    elements, which it names.

    Sources: Wingate et al. 2011 (nonstandard interpretation of programs); NumPyro's ``get_model_relations``.

    >>> import numpyro, numpyro.distributions as dist
    >>> def eight_schools(sigma, y=None):
    ...     mu = numpyro.sample("mu", dist.Normal(0, 5))
    ...     tau = numpyro.sample("tau", dist.HalfCauchy(5))
    ...     with numpyro.plate("schools", len(sigma)):
    ...         theta = numpyro.sample("theta", dist.Normal(mu, tau))
    ...         numpyro.sample("y", dist.Normal(theta, sigma), obs=y)
    >>> import numpy as np
    >>> model = from_numpyro(eight_schools, np.array([15.0, 10.0, 16.0]), observed=["y"])
    >>> model.net.parents("theta"), model.net.variable("tau").support, model.net.variable("y").plates
    (('mu', 'tau'), 'positive', ('schools',))
    >>> model.simulate(seed=0, n=5)["theta"].shape
    (5, 3)
    >>> from_numpyro(eight_schools, np.ones(2), observed=["y"], elementwise=True).net.parents("y[1]")
    ('theta[1]',)
    >>> str(from_numpyro(eight_schools, np.array([15.0, 10.0, 16.0]), observed=["y"], template=True).template)
    'sigma[schools]; mu; tau; theta[schools] | mu tau; y[schools] | theta[schools] sigma[schools]'
    """
    if not callable(program):
        raise ProgramError(f"a program must be a function, not {type(program).__name__}")
    called = Program(program, args, kwargs)
    if not template:
        return _read_sites(called, observed, elementwise)
    from retrodict.read.templates.template_reader import read_template

    seen = None if observed is None else require_list(observed, "observed=")
    written, walks = expand_walks(called, read_sites(called), seen or ())
    return read_template(_read(written, read_sites(written), seen, elementwise=True), walks)


def _read_sites(called: Program, observed: Iterable[Name] | None, elementwise: bool) -> Model:
    sites = read_sites(called)
    if observed is None:
        return _read(called, sites, None, elementwise)
    named = require_list(observed, "observed=")
    summaries = {} if {site.name for site in sites}.issuperset(named) else list_summaries(called)
    if summaries.keys() & set(named):
        return read_summarized(called, sites, summaries, named, elementwise=elementwise)
    return _read(called, sites, named, elementwise)


def _read(called: Program, sites: Sequence[Site], observed: Iterable[Name] | None, elementwise: bool) -> NumpyroModel:
    data = read_data(called, sites)
    structure = read_structure(called, sites, observed, elementwise)
    require_finite(data, structure)
    require_data_apart(called, sites, structure.observed_sites)
    return NumpyroModel(called, structure)
