"""Named templates: models of plates and series whose inverse for all sizes is known."""

from __future__ import annotations

from dataclasses import dataclass

from retrodict.errors import SourceError
from retrodict.lift.templates.template import Template


@dataclass(frozen=True)
class NamedTemplate:
    """A template as text, what of it is observed, and what it is a template of."""

    text: str
    observed: str
    about: str


TEMPLATES: dict[str, NamedTemplate] = {
    "hierarchy": NamedTemplate(
        "mu; tau; sigma; theta[j] | mu tau; y[j,n] | theta[j] sigma", "y", "groups of observations, conjugate"
    ),
    "schools": NamedTemplate(
        "se[j]; mu; tau; theta[j] | mu tau; y[j] | theta[j] se[j]", "se y", "Rubin's eight schools, any number of them"
    ),
    "radon": NamedTemplate(
        "u[j]; floor[j,n]; g; tau; beta; sigma; alpha[j] | g tau u[j]; y[j,n] | alpha[j] beta sigma floor[j,n]",
        "u floor y",
        "houses in counties, covariates of both (Gelman & Hill 2006)",
    ),
    "three-levels": NamedTemplate(
        "mu; s1; s2; s3; a[s] | mu s1; b[s,c] | a[s] s2; y[s,c,k] | b[s,c] s3", "y", "children in classes in schools"
    ),
    "crossed": NamedTemplate("mu; a[i]; b[j]; y[i,j] | mu a[i] b[j]", "y", "two crossed effects"),
    "item-response": NamedTemplate(
        "m; s; x[i]; a[i] | x[i]; b[j] | m s; y[i,j] | a[i] b[j]", "x y", "answers of people to items"
    ),
    "birds": NamedTemplate(
        "mu; sr; ss; sy; region[r] | mu sr; square[r,q] | region[r] ss; year[y] | sy; "
        "count[r,q,y] | square[r,q] year[y]",
        "count",
        "squares in regions, crossed with years",
    ),
    "topics": NamedTemplate(
        "phi[k]; theta[d]; z[d,n] | theta[d]; w[d,n] | z[d,n] phi[:]", "w", "latent Dirichlet allocation"
    ),
    "ssm": NamedTemplate("z[t] | z[t-1]; x[t] | z[t]", "x", "a state-space model (Krishnan et al. 2017)"),
    "lgssm": NamedTemplate("z[t] | z[t-1]; x[t] | z[t]", "x", "a linear-Gaussian state-space model with known weights"),
    "second-order": NamedTemplate("z[t] | z[t-1] z[t-2]; x[t] | z[t]", "x", "a state-space model of order two"),
    "hmm": NamedTemplate("A; B; z[t] | z[t-1] A; x[t] | z[t] B", "x", "a hidden Markov model with parameters"),
    "inputs": NamedTemplate("phi; u[t]; z[t] | z[t-1] phi u[t]; x[t] | z[t]", "u x", "a state-space model with inputs"),
    "autoregressive": NamedTemplate(
        "phi; z[t] | z[t-1] phi; y[t] | y[t-1] z[t]", "y", "observations that depend on those before"
    ),
    "panel": NamedTemplate(
        "phi; z[j,t] | z[j,t-1] phi; x[j,t] | z[j,t] phi", "x", "series of units that share their parameters"
    ),
    "units-of-series": NamedTemplate(
        "phi; psi[j] | phi; z[j,t] | z[j,t-1] psi[j]; x[j,t] | z[j,t]",
        "x",
        "series of units with parameters of their own",
    ),
    "two-layers": NamedTemplate(
        "z2[t] | z2[t-1]; z1[t] | z2[t] z1[t-1]; x[t] | z1[t]", "x", "two layers of states, both with memory"
    ),
    "two-layers-plain": NamedTemplate(
        "z2[t] | z2[t-1]; z1[t] | z2[t]; x[t] | z1[t]", "x", "two layers of states, the lower without memory"
    ),
    "three-layers": NamedTemplate(
        "z3[t] | z3[t-1]; z2[t] | z3[t] z2[t-1]; z1[t] | z2[t] z1[t-1]; x[t] | z1[t]", "x", "three layers of states"
    ),
    "three-layers-plain": NamedTemplate(
        "z3[t] | z3[t-1]; z2[t] | z3[t]; z1[t] | z2[t]; x[t] | z1[t]", "x", "three layers, memory in the top one alone"
    ),
    "ssm-autoregressive": NamedTemplate(
        "z[t] | z[t-1] x[t-1]; x[t] | z[t] x[t-1]", "x", "a state-space model whose emissions feed back"
    ),
    "switching": NamedTemplate("s[t] | s[t-1]; z[t] | z[t-1] s[t]; x[t] | z[t]", "x", "a switching state-space model"),
    "common-factor": NamedTemplate(
        "f[t] | f[t-1]; z[j,t] | z[j,t-1]; x[j,t] | f[t] z[j,t]", "x", "series with a factor in common"
    ),
}


def template(name: str) -> Template:
    """Return a named template, such as ``schools``, ``radon``, ``crossed``, ``ssm``, ``hmm`` or ``units-of-series``.

    Arguments:
        name: one of ``zoo.TEMPLATES``, which says what each is.

    Returns: a `Template`.

    Raises: `SourceError` for a name that there is not.

    >>> template("ssm")
    Template(z[t] | z[t-1]; x[t] | z[t]; observed: 'x')
    """
    if name not in TEMPLATES:
        raise SourceError(f"{name!r:.60} is not a template of the zoo", remedy=f"It has {', '.join(TEMPLATES)}.")
    found = TEMPLATES[name]
    return Template(found.text, observed=found.observed.split())
