"""Models of textbooks and data sets as NumPyro programs: groups, crossings, long format, series, units."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.contrib.control_flow import scan


def eight_schools(error):
    """Rubin 1981."""
    mu, tau = numpyro.sample("mu", dist.Normal(0, 5)), numpyro.sample("tau", dist.HalfCauchy(5))
    with numpyro.plate("schools", len(error)):
        theta = numpyro.sample("theta", dist.Normal(mu, tau))
        numpyro.sample("y", dist.Normal(theta, error))


def radon(county, floor, uranium):
    """Gelman & Hill 2006, chapter 12, in long format: a row for each house."""
    g = numpyro.sample("g", dist.Normal(0, 1).expand([3]).to_event(1))
    tau, sigma = numpyro.sample("tau", dist.HalfNormal(1)), numpyro.sample("sigma", dist.HalfNormal(1))
    beta = numpyro.sample("beta", dist.Normal(0, 1))
    design = jnp.stack([jnp.ones(len(uranium)), uranium, uranium**2], axis=1)
    with numpyro.plate("county", len(uranium)):
        alpha = numpyro.sample("alpha", dist.Normal(design @ g, tau))
    with numpyro.plate("house", len(county)):
        numpyro.sample("y", dist.Normal(alpha[county] + beta * floor, sigma))


def radon_of_a_line(county, floor, uranium):
    """The same with one coefficient of uranium, and an intercept of its own."""
    g, h = numpyro.sample("g", dist.Normal(0, 1)), numpyro.sample("h", dist.Normal(0, 1))
    tau, sigma = numpyro.sample("tau", dist.HalfNormal(1)), numpyro.sample("sigma", dist.HalfNormal(1))
    beta = numpyro.sample("beta", dist.Normal(0, 1))
    with numpyro.plate("county", len(uranium)):
        alpha = numpyro.sample("alpha", dist.Normal(g + h * uranium, tau))
    with numpyro.plate("house", len(county)):
        numpyro.sample("y", dist.Normal(alpha[county] + beta * floor, sigma))


def sleepstudy(subject, days):
    """Belenky et al. 2003, as in lme4: an intercept and a slope for each subject."""
    scale = numpyro.sample("scale", dist.HalfNormal(1).expand([2]))
    mean = numpyro.sample("mean", dist.Normal(0, 1))
    drift = numpyro.sample("drift", dist.Normal(0, 1))
    with numpyro.plate("subject", int(subject.max()) + 1):
        a = numpyro.sample("a", dist.Normal(mean, scale[0]))
        b = numpyro.sample("b", dist.Normal(drift, scale[0]))
    with numpyro.plate("row", len(subject)):
        numpyro.sample("y", dist.Normal(a[subject] + b[subject] * days, scale[1]))


def three_levels(area_of_school, school):
    """Chem97 of mlmRev: pupils in schools in areas, by two keys, one above the other."""
    mu, s1, s2, s3 = (numpyro.sample(name, dist.HalfNormal(1)) for name in ("mu", "s1", "s2", "s3"))
    with numpyro.plate("area", int(area_of_school.max()) + 1):
        a = numpyro.sample("a", dist.Normal(mu, s1))
    with numpyro.plate("school", len(area_of_school)):
        b = numpyro.sample("b", dist.Normal(a[area_of_school], s2))
    with numpyro.plate("pupil", len(school)):
        numpyro.sample("y", dist.Normal(b[school], s3))


def evaluations(student, lecturer):
    """InstEval of lme4: marks of lecturers by students, two keys that cross, some cells seen more than once."""
    mu, ss, sl = (numpyro.sample(name, dist.HalfNormal(1)) for name in ("mu", "ss", "sl"))
    with numpyro.plate("student", int(student.max()) + 1):
        a = numpyro.sample("a", dist.Normal(0, ss))
    with numpyro.plate("lecturer", int(lecturer.max()) + 1):
        b = numpyro.sample("b", dist.Normal(0, sl))
    with numpyro.plate("mark", len(student)):
        numpyro.sample("y", dist.Normal(mu + a[student] + b[lecturer], 1))


def crossed(n_people, n_items):
    """Two crossed effects as plates."""
    mu = numpyro.sample("mu", dist.Normal(0, 1))
    people, items = numpyro.plate("i", n_people, dim=-2), numpyro.plate("j", n_items, dim=-1)
    with people:
        a = numpyro.sample("a", dist.Normal(0, 1))
    with items:
        b = numpyro.sample("b", dist.Normal(0, 1))
    with people, items:
        numpyro.sample("y", dist.Normal(mu + a + b, 1))


def item_response(person, item, age):
    """A two-parameter logistic model of item response in long format, ability by age."""
    slope = numpyro.sample("slope", dist.Normal(0, 1))
    with numpyro.plate("person", len(age)):
        theta = numpyro.sample("theta", dist.Normal(slope * age, 1))
    with numpyro.plate("item", int(item.max()) + 1):
        discrimination = numpyro.sample("discrimination", dist.LogNormal(0, 0.5))
        difficulty = numpyro.sample("difficulty", dist.Normal(0, 1))
    with numpyro.plate("answer", len(person)):
        logits = discrimination[item] * (theta[person] - difficulty[item])
        numpyro.sample("y", dist.Bernoulli(logits=logits))


def state_space(n_steps):
    """A linear state-space model, its first state around zero."""

    def step(z, _):
        z = numpyro.sample("z", dist.Normal(0.9 * z, 1))
        numpyro.sample("x", dist.Normal(z, 1))
        return z, None

    scan(step, 0.0, None, length=n_steps)


def started(n_steps):
    """The same, its first state drawn outside of the loop."""
    z0 = numpyro.sample("z0", dist.Normal(0, 1))

    def step(z, _):
        z = numpyro.sample("z", dist.Normal(z, 1))
        numpyro.sample("x", dist.Normal(z, 1))
        return z, None

    scan(step, z0, None, length=n_steps)


def ended(n_steps):
    """One observation, of the last state."""

    def step(z, _):
        z = numpyro.sample("z", dist.Normal(z, 1))
        return z, None

    last, _ = scan(step, 0.0, None, length=n_steps)
    numpyro.sample("x", dist.Normal(last, 1))


def with_inputs(inputs):
    """A state-space model with inputs and a parameter."""
    phi = numpyro.sample("phi", dist.Normal(0, 1))

    def step(z, u):
        z = numpyro.sample("z", dist.Normal(phi * z + u, 1))
        numpyro.sample("x", dist.Normal(z, 1))
        return z, None

    scan(step, 0.0, inputs)


def units_of_series(n_units, n_steps):
    """Units with a parameter each, a series each."""
    phi = numpyro.sample("phi", dist.Normal(0, 1))
    with numpyro.plate("units", n_units):
        psi = numpyro.sample("psi", dist.Normal(phi, 1))

    def step(z, _):
        with numpyro.plate("units", n_units):
            z = numpyro.sample("z", dist.Normal(psi * z, 1))
            numpyro.sample("x", dist.Normal(z, 1))
        return z, None

    scan(step, jnp.zeros(n_units), None, length=n_steps)


def common_factor(n_units, n_steps):
    """Series with a factor in common."""

    def step(carry, _):
        f, z = carry
        f = numpyro.sample("f", dist.Normal(f, 1))
        with numpyro.plate("units", n_units):
            z = numpyro.sample("z", dist.Normal(z, 1))
            numpyro.sample("x", dist.Normal(f + z, 1))
        return (f, z), None

    scan(step, (0.0, jnp.zeros(n_units)), None, length=n_steps)


def switching(n_steps):
    """A switching state-space model."""

    def step(carry, _):
        s, z = carry
        s = numpyro.sample("s", dist.Bernoulli(0.1 + 0.8 * s))
        z = numpyro.sample("z", dist.Normal(z * s, 1))
        numpyro.sample("x", dist.Normal(z, 1))
        return (s, z), None

    scan(step, (0, 0.0), None, length=n_steps)


def shocks(n_steps):
    """Sums of all shocks up to each time, drawn as one vector."""
    shock = numpyro.sample("shock", dist.Normal(0, 1).expand([n_steps]))
    numpyro.sample("y", dist.Normal(jnp.cumsum(shock), 1))


def vectors(n):
    """Elements of vectors that no plate names."""
    theta = numpyro.sample("theta", dist.Normal(jnp.zeros(n), 1))
    numpyro.sample("y", dist.Normal(theta, 1))


def regression(design):
    """Coefficients of a design."""
    beta = numpyro.sample("beta", dist.Normal(0, 1).expand([design.shape[1]]))
    numpyro.sample("y", dist.Normal(design @ beta, 1))


def panel_of_rows(unit, time):
    """Rows in any order, each of a unit and a time, by two keys; the level of each time is a random walk."""

    def step(level, _):
        level = numpyro.sample("level", dist.Normal(level, 1))
        return level, level

    _, levels = scan(step, 0.0, None, length=int(time.max()) + 1)
    with numpyro.plate("unit", int(unit.max()) + 1):
        effect = numpyro.sample("effect", dist.Normal(0, 1))
    with numpyro.plate("row", len(unit)):
        numpyro.sample("y", dist.Normal(levels[time] + effect[unit], 1))


def ring(n):
    """Neighbors on a ring."""
    z = numpyro.sample("z", dist.Normal(jnp.zeros(n), 1).to_event(1))
    numpyro.sample("y", dist.Normal(z + jnp.roll(z, 1), 1))


def lattice(n):
    """Neighbors on a lattice."""
    with numpyro.plate("rows", n, dim=-2), numpyro.plate("columns", n, dim=-1):
        z = numpyro.sample("z", dist.Normal(0, 1))
    inner = z + jnp.pad(z[1:], ((0, 1), (0, 0))) + jnp.pad(z[:, 1:], ((0, 0), (0, 1)))
    with numpyro.plate("rows", n, dim=-2), numpyro.plate("columns", n, dim=-1):
        numpyro.sample("y", dist.Normal(inner, 1))


def matches(home, away):
    """Bradley & Terry 1952: two keys to the same players."""
    with numpyro.plate("player", int(max(home.max(), away.max())) + 1):
        skill = numpyro.sample("skill", dist.Normal(0, 1))
    with numpyro.plate("match", len(home)):
        numpyro.sample("y", dist.Bernoulli(logits=skill[home] - skill[away]))


def trend(n_steps):
    """A trend over the index itself, which no argument says."""
    slope = numpyro.sample("slope", dist.Normal(0, 1))
    with numpyro.plate("year", n_steps):
        numpyro.sample("y", dist.Normal(slope * jnp.arange(1, n_steps + 1), 1))


def trend_of_times(times):
    """The same trend over times that are given."""
    slope = numpyro.sample("slope", dist.Normal(0, 1))
    with numpyro.plate("year", len(times)):
        numpyro.sample("y", dist.Normal(slope * times, 1))


def polynomial(x, n=3):
    """Coefficients of a vector that are used in different ways."""
    b = numpyro.sample("b", dist.Normal(0, 1).expand([n]))
    numpyro.sample("y", dist.Normal(sum(b[k] * x**k for k in range(n)), 1))


def autoregression(length, order):
    """arK of posteriordb, whose coefficients each meet another lag."""
    alpha, sigma = numpyro.sample("alpha", dist.Normal(0, 10)), numpyro.sample("sigma", dist.HalfCauchy(2.5))
    beta = numpyro.sample("beta", dist.Normal(0, 10).expand([order]))

    def step(past, _):
        y = numpyro.sample("y", dist.Normal(alpha + beta @ past, sigma))
        return jnp.concatenate([y[None], past[:-1]]), None

    scan(step, jnp.zeros(order), None, length=length)


WEIGHTS = np.array([0.5, 1.0, 2.0, 4.0])


def closed_over():
    """Scales that the program has closed over."""
    mu = numpyro.sample("mu", dist.Normal(0, 1))
    with numpyro.plate("source", 4):
        numpyro.sample("y", dist.Normal(mu, WEIGHTS))


def two_loops():
    """Two loops of different lengths."""

    def step(z, _):
        return numpyro.sample("z", dist.Normal(z, 1)), None

    def other(w, _):
        return numpyro.sample("w", dist.Normal(w, 1)), None

    scan(step, 0.0, None, length=4)
    scan(other, 0.0, None, length=5)


def seasons(n_steps, season):
    """A series whose seasons are looked up by time."""
    with numpyro.plate("season", 3):
        effect = numpyro.sample("effect", dist.Normal(0, 1))

    def step(z, now):
        z = numpyro.sample("z", dist.Normal(z, 1))
        numpyro.sample("x", dist.Normal(z + effect[now], 1))
        return z, None

    scan(step, 0.0, season)


def some_without_parents(group):
    """Observations of which the last one has no group."""
    with numpyro.plate("group", 3):
        a = numpyro.sample("a", dist.Normal(0, 1))
    means = jnp.concatenate([a[group], jnp.zeros(1)])
    with numpyro.plate("row", len(group) + 1):
        numpyro.sample("y", dist.Normal(means, 1))


def index_as_a_number(group, table):
    """A look-up in a table by an index that is also a covariate."""
    mu, slope = numpyro.sample("mu", dist.Normal(0, 1)), numpyro.sample("slope", dist.Normal(0, 1))
    with numpyro.plate("row", len(group)):
        numpyro.sample("y", dist.Normal(mu + table[group] + slope * group, 1))


def key_as_a_number(group):
    """A foreign key that also is a number, which tells groups apart."""
    slope = numpyro.sample("slope", dist.Normal(0, 1))
    with numpyro.plate("group", 3):
        a = numpyro.sample("a", dist.Normal(0, 1))
    with numpyro.plate("row", len(group)):
        numpyro.sample("y", dist.Normal(a[group] + slope * group, 1))


def factors(n, n_columns, n_factors):
    """Factor analysis: which factor an entry of the weights belongs to is told by the scores."""
    weights = numpyro.sample("weights", dist.Normal(0, 1).expand([n_columns, n_factors]).to_event(2))
    with numpyro.plate("row", n):
        scores = numpyro.sample("scores", dist.Normal(0, 1).expand([n_factors]).to_event(1))
        numpyro.sample("x", dist.Normal(scores @ weights.T, 1).to_event(1))


def vector_autoregression(n_steps):
    """Weights between the same variables, before and after: a dim twice."""
    weights = numpyro.sample("weights", dist.Normal(0, 1).expand([3, 3]).to_event(2))

    def step(y, _):
        y = numpyro.sample("y", dist.Normal(weights @ y, 1).to_event(1))
        return y, None

    scan(step, jnp.ones(3), None, length=n_steps)


def volatility(n_steps):
    """GARCH(1, 1): the scale is carried along, so that each value depends on all before."""
    weight = numpyro.sample("weight", dist.Beta(2, 2))

    def step(scale, _):
        y = numpyro.sample("y", dist.Normal(0, scale))
        return jnp.sqrt(0.1 + weight * y**2 + 0.5 * scale**2), None

    scan(step, 1.0, None, length=n_steps)
