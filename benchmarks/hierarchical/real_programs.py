"""NumPyro programs of real tables, with the data in the form of their templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist

import retrodict as rd
from benchmarks.hierarchical.tables import load

EFFECTS = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
ERRORS = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])


def schools(errors: Any) -> None:
    """Effects of schools with errors that are known (Rubin 1981)."""
    mu, tau = numpyro.sample("mu", dist.Normal(0, 10)), numpyro.sample("tau", dist.HalfNormal(10))
    with numpyro.plate("schools", len(errors)):
        theta = numpyro.sample("theta", dist.Normal(mu, tau))
        numpyro.sample("y", dist.Normal(theta, errors))


def radon(county: Any, floor: Any, uranium: Any) -> None:
    """Radon in houses of counties, with predictors at both levels (Gelman and Hill 2007)."""
    g, h, beta = (numpyro.sample(name, dist.Normal(0, 2)) for name in ("g", "h", "beta"))
    tau, sigma = (numpyro.sample(name, dist.HalfNormal(1)) for name in ("tau", "sigma"))
    with numpyro.plate("county", len(uranium)):
        alpha = numpyro.sample("alpha", dist.Normal(g + h * uranium, tau))
    with numpyro.plate("house", len(county)):
        numpyro.sample("y", dist.Normal(alpha[county] + beta * floor, sigma))


def sleepstudy(days: Any, count: int) -> None:
    """Reaction times of subjects that sleep little, each with a line of its own."""
    a, b = numpyro.sample("a", dist.Normal(2.5, 1)), numpyro.sample("b", dist.Normal(0, 0.5))
    spread = numpyro.sample("spread", dist.HalfNormal(0.5))
    slopes = numpyro.sample("slopes", dist.HalfNormal(0.2))
    link, sigma = numpyro.sample("link", dist.Normal(0, 0.3)), numpyro.sample("sigma", dist.HalfNormal(0.5))
    with numpyro.plate("subject", count):
        level = numpyro.sample("level", dist.Normal(a, spread))
        slope = numpyro.sample("slope", dist.Normal(b + link * (level - a), slopes))
    with numpyro.plate("subjects", count, dim=-2), numpyro.plate("day", len(days), dim=-1):
        numpyro.sample("y", dist.Normal(level[:, None] + slope[:, None] * days, sigma))


def crossed(row: Any, column: Any, rows: int, columns: int) -> None:
    """Measurements with an effect of their row and one of their column."""
    mu = numpyro.sample("mu", dist.Normal(0, 2))
    of_rows, of_columns, sigma = (
        numpyro.sample(name, dist.HalfNormal(1)) for name in ("of_rows", "of_columns", "sigma")
    )
    with numpyro.plate("i", rows):
        a = numpyro.sample("a", dist.Normal(0, of_rows))
    with numpyro.plate("j", columns):
        b = numpyro.sample("b", dist.Normal(0, of_columns))
    with numpyro.plate("cell", len(row)):
        numpyro.sample("y", dist.Normal(mu + a[row] + b[column], sigma))


def chem97(school: Any, district: Any, grade: Any, districts: int) -> None:
    """Scores of pupils in schools in districts, with a predictor of pupils."""
    mu, slope = (numpyro.sample(name, dist.Normal(0, 2)) for name in ("mu", "slope"))
    of_districts, of_schools, sigma = (
        numpyro.sample(name, dist.HalfNormal(1)) for name in ("of_districts", "of_schools", "sigma")
    )
    with numpyro.plate("district", districts):
        u = numpyro.sample("u", dist.Normal(mu, of_districts))
    with numpyro.plate("school", len(district)):
        v = numpyro.sample("v", dist.Normal(u[district], of_schools))
    with numpyro.plate("pupil", len(school)):
        numpyro.sample("y", dist.Normal(v[school] + slope * grade, sigma))


def grouseticks(brood: Any, location: Any, later: Any, last: Any, height: Any) -> None:
    """Numbers of ticks on chicks, in broods in locations, seen in one of three years (Elston et al. 2001)."""
    level, slope, second, third = (
        numpyro.sample(name, dist.Normal(0, 1)) for name in ("level", "slope", "second", "third")
    )
    of_locations, of_broods = (numpyro.sample(name, dist.HalfNormal(1)) for name in ("of_locations", "of_broods"))
    with numpyro.plate("location", len(height)):
        a = numpyro.sample("a", dist.Normal(level + slope * height, of_locations))
    with numpyro.plate("brood", len(location)):
        b = numpyro.sample("b", dist.Normal(a[location] + second * later + third * last, of_broods))
    with numpyro.plate("chick", len(brood)):
        numpyro.sample("y", dist.Poisson(jnp.exp(b[brood])))


@dataclass(frozen=True, eq=False)
class RealTable:
    """A program with a real table: what NUTS runs, what is read as a template, and the data of that template.

    ``read`` are the arguments at which it is read; ``vary`` the sizes of training.
    """

    program: Callable[..., None]
    arguments: tuple[Any, ...]
    y: Any
    read: tuple[Any, ...]
    vary: Mapping[str, tuple[int, int]]
    missing: float

    def template(self) -> rd.TemplateModel:
        """Return the program as a template."""
        return rd.from_numpyro(self.program, *self.read, observed=["y"], template=True)

    def arrange(self, model: rd.TemplateModel) -> dict[str, Any]:
        """Return the data in the form of the template: what is a row in a table stands at its group there."""
        if model.template["y"].dims and np.ndim(self.y) == len(model.template["y"].dims):
            more = {"errors": self.arguments[0]} if self.program is schools else {}
            return {"y": self.y, **more}
        names = model.names["y"]
        found = np.full(names.shape, np.nan)
        for place, name in np.ndenumerate(names):
            if name is not None:
                found[place] = self.y[int(str(name)[2:-1])]
        return {"y": found}


def make_schools(count: int) -> RealTable:
    """Return eight schools, or so many made like them."""
    rng = np.random.default_rng(count)
    errors = ERRORS[:count] if count <= len(ERRORS) else np.exp(2.5 + 0.3 * rng.normal(size=count)).round()
    y = (
        EFFECTS[:count]
        if count <= len(ERRORS)
        else (8 + 6 * rng.normal(size=count) + errors * rng.normal(size=count)).round()
    )
    trained = np.exp(2.5 + 0.4 * np.random.default_rng(0).normal(size=20))
    return RealTable(schools, (errors,), y, (trained,), {"schools": (2, 20)}, 0.1)


def make_table(name: str, folder: Path | None) -> RealTable:
    """Return a real table by its name."""
    if name.startswith("schools"):
        return make_schools(int(name.split()[1]))
    own = load(name, folder)
    if name == "radon":
        given = own["county"], own["floor"], own["uranium"]
        return RealTable(radon, given, own["y"], given, {"county": (20, len(own["uranium"]))}, 0.0)
    if name == "sleepstudy":
        given = own["days"], len(own["y"])
        return RealTable(sleepstudy, given, own["y"], given, {}, 0.0)
    if name == "chem97":
        given = own["school"], own["district"], own["grade"], int(own["district"].max()) + 1
        return RealTable(chem97, given, own["y"], given, {}, 0.0)
    if name == "grouseticks":
        years = (np.asarray(own["year"] == year, float) for year in (1, 2))
        given = own["brood"], own["location"], *years, own["height"]
        return RealTable(grouseticks, given, own["y"], given, {}, 0.0)
    shape = int(own["row"].max()) + 1, int(own["column"].max()) + 1
    given = own["row"], own["column"], *shape
    return RealTable(crossed, given, own["y"], given, {}, 0.0)


TABLES = (
    "schools 3",
    "schools 8",
    "schools 20",
    "schools 50",
    "radon",
    "sleepstudy",
    "penicillin",
    "chem97",
    "ratings",
    "grouseticks",
)


def as_arrays(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return arguments as arrays of JAX, whole numbers aside, for NUTS in double precision."""
    return tuple(
        jnp.asarray(a, jnp.int32 if a.dtype.kind == "i" else float) if isinstance(a, np.ndarray) else a
        for a in arguments
    )
