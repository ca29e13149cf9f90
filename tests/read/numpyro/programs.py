"""NumPyro programs with graphs written by hand, many with a trap that an inspection of programs can fall into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro import handlers
from numpyro.contrib.control_flow import cond, scan
from numpyro.infer.reparam import LocScaleReparam

Graph = Mapping[str, list[str]]
sample = numpyro.sample


@dataclass(frozen=True)
class Case:
    """A program, how it is called, and its graph: one variable a site, and one an element."""

    program: Callable[..., Any]
    graph: Graph | None  # None: refused unless elementwise
    elements: Graph
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    observed: tuple[str, ...] | None = ("x",)

    @property
    def name(self) -> str:
        return getattr(self.program, "__name__", type(self.program).__name__)


CASES: list[Case] = []


def case(graph: Graph | None, elements: Graph | None = None, **options: Any) -> Callable[[Any], Any]:
    """Register a program; without ``elements`` every site is a single number, so that both graphs are one."""

    def register(program: Any) -> Any:
        CASES.append(Case(program, graph, graph if elements is None else elements, **options))
        return program

    return register


def repeat(pattern: Graph, times: int) -> dict[str, list[str]]:
    """Write a graph out: ``{i}`` is each number below ``times``, and a parent with a negative number is none."""
    written = {}
    for i in range(times):
        for name, parents in pattern.items():
            filled = [p.replace("{i}", str(i)).replace("{i-1}", str(i - 1)) for p in parents]
            written[name.replace("{i}", str(i))] = [p for p in filled if "-1" not in p]
    return written


# -- scalars -----------------------------------------------------------------------------------------


@case({"a": [], "b": [], "x": ["a", "b"]})
def collider():
    a, b = sample("a", dist.Normal(0, 1)), sample("b", dist.LogNormal(0, 1))
    sample("x", dist.Normal(a, b))


@case({"a": [], "x": ["a"], "b": ["x"], "y": ["b"]}, observed=("x", "y"))
def observed_parent():
    """NumPyro's get_dependencies loses the edge out of x."""
    x = sample("x", dist.Normal(sample("a", dist.Normal(0, 1)), 1))
    sample("y", dist.Normal(sample("b", dist.Normal(x, 1)), 1))


@case({"w": [], "z": ["w"], "x": ["z"]}, args=(0.5, 2.0), observed=None)
def conditioned(w, x):
    """An observed covariate is a variable like others."""
    sample("x", dist.Normal(sample("z", dist.Normal(sample("w", dist.Normal(0, 1), obs=w), 1)), 1), obs=x)


@case({"a": [], "b": ["a"], "x": ["a", "b"]})
def deterministic_between():
    a = sample("a", dist.Normal(0, 1))
    twice = numpyro.deterministic("twice", 2 * a)
    b = sample("b", dist.Normal(numpyro.deterministic("thrice", twice + a), 1))
    sample("x", dist.Normal(b, jnp.exp(0.1 * twice)))


@case({"a": [], "x": ["a"]})
def point_mass_between():
    a = sample("a", dist.Normal(0, 1))
    sample("x", dist.Normal(sample("copy", dist.Delta(a)), 1))


@case({"a": [], "b": ["a"], "x": ["b"]})
def support_only():
    """b depends on a through the end of its support alone."""
    b = sample("b", dist.Uniform(0.0, sample("a", dist.Gamma(2.0, 1.0))))
    sample("x", dist.Poisson(b))


@case({"a": [], "b": [], "x": ["a", "b"]})
def written_but_not_needed():
    """Zero times a is still a to whoever reads the program: too many edges, never too few."""
    a, b = sample("a", dist.Normal(0, 1)), sample("b", dist.Normal(0, 1))
    sample("x", dist.Normal(0 * a + b, 1))


@case({"k": [], "a": [], "b": [], "x": ["k", "a", "b"]})
def both_branches():
    k = sample("k", dist.Bernoulli(0.5))
    a, b = sample("a", dist.Normal(0, 1)), sample("b", dist.Normal(3, 1))
    sample("x", dist.Normal(jnp.where(k > 0, a, b), 1))


@case({"c": [], "a": ["c"], "x": ["a", "c"]})
def control_flow_cond():
    c = sample("c", dist.Normal(0, 1))
    a = cond(c > 0, lambda _: sample("a", dist.Normal(3.0, 1.0)), lambda _: sample("a", dist.Normal(-3.0, 2.0)), None)
    sample("x", dist.Normal(a + c, 1))


@case({"d": [], "g": ["d"], "x": ["d", "g"]})
def discrete_parents():
    table = jnp.array([[0.9, 0.1], [0.3, 0.7]])
    d = sample("d", dist.Categorical(jnp.array([0.2, 0.8])))
    g = sample("g", dist.Categorical(table[d]))
    sample("x", dist.Normal(jnp.array([0.0, 1.0, 2.0, 3.0])[2 * d + g], 0.5))


@case(
    {f"z{t}": [f"z{t - 1}"] if t else [] for t in range(4)} | {f"x{t}": [f"z{t}"] for t in range(4)},
    observed=("x0", "x1", "x2", "x3"),
)
def loop_chain():
    z = 0.0
    for t in range(4):
        z = sample(f"z{t}", dist.Normal(z, 1))
        sample(f"x{t}", dist.Normal(z, 1))


@case({"a": [], "b": [], "m": ["a"], "x": ["m", "b"], "y": ["m"]}, observed=("x",))
def barren_prediction():
    a, b = sample("a", dist.Normal(0, 1)), sample("b", dist.HalfNormal(1))
    m = sample("m", dist.Normal(a, 1))
    sample("x", dist.Normal(m, b))
    sample("y", dist.Normal(m, 1))


@case({"part/z": [], "x": ["part/z"]})
def scoped():
    with handlers.scope(prefix="part"):
        z = sample("z", dist.Normal(0, 1))
    sample("x", dist.Normal(z, 1))


def _intervened():
    a = sample("a", dist.Normal(0, 1))
    b = sample("b", dist.Normal(a, 1))
    sample("x", dist.Normal(b, 1))
    sample("y", dist.Normal(a, 1))


@case({"a": [], "b": ["a"], "x": [], "y": ["a"]}, observed=("x", "y"))
def do_cuts():
    handlers.do(_intervened, data={"b": 1.0})()


@case({"a": [], "b": ["a"], "x": ["b"], "y": ["a"]}, observed=None)
def condition_observes():
    handlers.condition(_intervened, data={"x": 1.0, "y": 2.0})()


@case({"w": [], "x": ["w"]}, observed=("x",))
def parameter():
    scale = numpyro.param("scale", 2.0, constraint=dist.constraints.positive)
    sample("x", dist.Normal(sample("w", dist.Normal(0, scale)), scale))


# -- plates and vectors ------------------------------------------------------------------------------

SIGMA = np.array([15.0, 10.0, 16.0])
SCHOOLS = {"mu": [], "tau": [], "theta": ["mu", "tau"], "x": ["theta"]}


@case(
    SCHOOLS,
    {"mu": [], "tau": []} | repeat({"theta[{i}]": ["mu", "tau"], "x[{i}]": ["theta[{i}]"]}, 3),
    args=(SIGMA,),
    kwargs={"x": np.array([28.0, 8.0, -3.0])},
    observed=None,
)
def eight_schools(sigma, x=None):
    mu, tau = sample("mu", dist.Normal(0, 5)), sample("tau", dist.HalfCauchy(5))
    with numpyro.plate("schools", len(sigma)):
        sample("x", dist.Normal(sample("theta", dist.Normal(mu, tau)), sigma), obs=x)


@case(
    {"mu": [], "tau": [], "raw": [], "x": ["mu", "tau", "raw"]},
    {"mu": [], "tau": []} | repeat({"raw[{i}]": [], "x[{i}]": ["mu", "tau", "raw[{i}]"]}, 3),
)
def eight_schools_noncentered():
    mu, tau = sample("mu", dist.Normal(0, 5)), sample("tau", dist.HalfCauchy(5))
    with numpyro.plate("schools", 3):
        theta = numpyro.deterministic("theta", mu + tau * sample("raw", dist.Normal(0, 1)))
        sample("x", dist.Normal(theta, SIGMA))


@case(
    {"mu": [], "tau": [], "theta_decentered": ["mu", "tau"], "x": ["mu", "tau", "theta_decentered"]},
    {"mu": [], "tau": []}
    | repeat({"theta_decentered[{i}]": ["mu", "tau"], "x[{i}]": ["mu", "tau", "theta_decentered[{i}]"]}, 3),
)
def eight_schools_reparametrized():
    """LocScaleReparam turns theta into a deterministic site."""
    with handlers.reparam(config={"theta": LocScaleReparam(centered=0.5)}):
        eight_schools(SIGMA)


def _mixture_graph(n_components, n):
    components = repeat({"mu[{i}]": []}, n_components)
    return {"w": []} | components | repeat({"k[{i}]": ["w"], "x[{i}]": ["k[{i}]", *components]}, n)


@case({"w": [], "mu": [], "k": ["w"], "x": ["k", "mu"]}, _mixture_graph(2, 3))
def mixture():
    """mu[k] may be any component: which one, a value decides."""
    w = sample("w", dist.Dirichlet(jnp.ones(2)))
    with numpyro.plate("components", 2):
        mu = sample("mu", dist.Normal(0, 5))
    with numpyro.plate("data", 3):
        k = sample("k", dist.Categorical(w))
        sample("x", dist.Normal(mu[k], 1))


WEIGHTS = np.random.default_rng(0).normal(size=(2, 3, 3))


@case(
    {"z2": [], "z1": ["z2"], "x": ["z1"]},
    {f"z2[{i}]": [] for i in range(3)}
    | {f"z1[{i}]": [f"z2[{j}]" for j in range(3)] for i in range(3)}
    | {f"x[{i}]": [f"z1[{j}]" for j in range(3)] for i in range(3)},
)
def sigmoid_belief_net():
    z = sample("z2", dist.Bernoulli(0.3 * jnp.ones(3)).to_event(1))
    z = sample("z1", dist.Bernoulli(logits=z @ WEIGHTS[0]).to_event(1))
    sample("x", dist.Bernoulli(logits=z @ WEIGHTS[1]).to_event(1))


@case(
    {"z": [], "x": ["z"]},
    {"z[0]": [], "z[1]": [], "z[2]": [], "x[0]": ["z[0]", "z[2]"], "x[1]": ["z[1]"]},
)
def sparse_matrix():
    """Zeros of a constant matrix cut edges."""
    z = sample("z", dist.Normal(jnp.zeros(3), 1))
    sample("x", dist.Normal(jnp.array([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]]) @ z, 1))


@case(
    {"z": [], "x": ["z"]},
    repeat({"z[{i}]": [], "x[{i}]": ["z[{i}]", "z[{i-1}]"]}, 4),
)
def moving_average():
    z = sample("z", dist.Normal(jnp.zeros(4), 1).to_event(1))
    sample("x", dist.Normal(z + jnp.concatenate([jnp.zeros(1), z[:-1]]), 1).to_event(1))


@case(
    {"z": [], "x": ["z"]},
    {f"z[{i}]": [] for i in range(4)} | {f"x[{i}]": [f"z[{j}]" for j in range(i + 1)] for i in range(4)},
)
def random_walk_by_cumsum():
    z = sample("z", dist.Normal(jnp.zeros(4), 1))
    sample("x", dist.Normal(jnp.cumsum(z), 1))


@case(
    {"z": [], "x": ["z"]},
    {"z[0,0]": [], "z[0,1]": [], "z[1,0]": [], "z[1,1]": []}
    | {f"x[{i}]": [f"z[{i},0]", f"z[{i},1]"] for i in range(2)},
)
def matrix_and_row_sums():
    with numpyro.plate("columns", 2, dim=-1), numpyro.plate("rows", 2, dim=-2):
        z = sample("z", dist.Normal(0, 1))
    with numpyro.plate("sums", 2):
        sample("x", dist.Normal(z.sum(axis=1), 1))


@case({"z": [], "m": ["z"], "x": ["m"]}, {"z": [], "m[0]": ["z"], "m[1]": ["z"], "x[0]": ["m[0]"], "x[1]": ["m[1]"]})
def jointly_drawn():
    """The components of one multivariate normal stay together; a batch of them comes apart."""
    cov = jnp.array([[1.0, 0.5], [0.5, 1.0]])
    z = sample("z", dist.MultivariateNormal(jnp.zeros(2), cov))
    with numpyro.plate("rows", 2):
        m = sample("m", dist.MultivariateNormal(z, cov))
        sample("x", dist.Normal(m[:, 0] * m[:, 1], 1))


@case(
    {"p": [], "x": ["p"]},
    {"p[0]": [], "p[1]": [], "x[0]": ["p[0]"], "x[1]": ["p[1]"]},
)
def simplex_rows():
    with numpyro.plate("rows", 2):
        sample("x", dist.Multinomial(5, probs=sample("p", dist.Dirichlet(jnp.array([1.0, 2.0, 3.0])))))


@case(
    {"w": [], "z": [], "x": ["w", "z"]},
    {"w": [], "z[0]": [], "z[1]": []} | {f"x[{i}]": ["w", "z[0]", "z[1]"] for i in range(3)},
)
def marginal_mixture():
    """Parameters lie inside of a distribution of distributions."""
    w = sample("w", dist.Beta(2, 2))
    z = sample("z", dist.Normal(jnp.zeros(2), 3))
    parts = dist.MixtureSameFamily(dist.Categorical(jnp.stack([w, 1 - w])), dist.Normal(z, 1))
    with numpyro.plate("data", 3):
        sample("x", parts)


@case(
    {"z": [], "x": ["z"]},
    {"z[0]": [], "z[1]": [], "z[2]": [], "x": ["z[0]", "z[2]"]},
)
def written_into_a_buffer():
    z = sample("z", dist.Normal(jnp.zeros(3), 1))
    buffer = jnp.zeros(3).at[0].set(z[0]).at[1].set(z[1]).at[1].set(7.0).at[2].add(z[2])
    sample("x", dist.Normal(buffer.sum(), 1))


def layered_tree(depth, weights=None):
    """A binary tree with one vector site a layer."""
    layer = sample("layer0", dist.Normal(jnp.zeros(1), 1))
    for d in range(1, depth):
        start = 2**d - 1
        scale = jnp.ones(2**d) if weights is None else jnp.asarray(weights[start - 1 : 2 * start])
        layer = sample(f"layer{d}", dist.Normal(scale * jnp.repeat(layer, 2), 1))


@case(
    {"layer0": [], "layer1": ["layer0"], "layer2": ["layer1"]},
    {"layer0[0]": []} | {f"layer{d}[{i}]": [f"layer{d - 1}[{i // 2}]"] for d in (1, 2) for i in range(2**d)},
    observed=("layer2",),
)
def tree_in_layers():
    layered_tree(3)


GROUP = np.array([0, 2, 2, 1])


@case(
    {"a": [], "x": ["a"]},
    repeat({"a[{i}]": []}, 3) | {f"x[{i}]": [f"a[{g}]"] for i, g in enumerate(GROUP)},
)
def constant_index():
    with numpyro.plate("groups", 3):
        a = sample("a", dist.Normal(0, 1))
    with numpyro.plate("data", 4):
        sample("x", dist.Normal(a[GROUP], 1))


@case({"a": [], "x": ["a"]}, {"a": [], "x[0]": ["a"], "x[1]": ["a"]}, args=(np.array([1, 2]),), observed=None)
def whole_numbers_as_data(x):
    """Data may be of another type than draws."""
    a = sample("a", dist.Normal(0, 1))
    with numpyro.plate("data", 2):
        sample("x", dist.Normal(a, 1), obs=x)


# -- loops -------------------------------------------------------------------------------------------

CHAIN = repeat({"z[{i}]": ["z[{i-1}]"], "x[{i}]": ["z[{i}]"]}, 5)
TRANSITION = jnp.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])


@case(None, CHAIN, args=(np.zeros(5),), observed=None)
def scan_discrete_hmm(x):
    """NumPyro's relations of this have a cycle."""

    def step(z, x):
        z = sample("z", dist.Categorical(TRANSITION[z]))
        return z, sample("x", dist.Normal(jnp.array([-1.0, 0.0, 2.0])[z], 0.5), obs=x)

    scan(step, 0, x)


@case(None, {"z_init": []} | CHAIN | {"z[0]": ["z_init"]})
def scan_gaussian_hmm():
    def step(z, _):
        z = sample("z", dist.Normal(0.9 * z, 1))
        return z, sample("x", dist.Normal(z, 1))

    scan(step, sample("z_init", dist.Normal(0, 1)), None, length=5)


@case(None, repeat({"x[{i}]": ["x[{i-1}]", "a"]}, 4) | {"a": [], "x[0]": ["a"]}, args=(np.ones(4),), observed=None)
def scan_autoregression(x):
    """Data feed on data: the edge from x to the next x is there whatever is observed."""
    a = sample("a", dist.Normal(0, 0.5))

    def step(last, x):
        x = sample("x", dist.Normal(a * last, 1), obs=x)
        return x, None

    scan(step, 1.0, x)


@case(None, repeat({"z[{i}]": ["z[{i-1}]"], "x[{i},0]": ["z[{i}]"], "x[{i},1]": ["z[{i}]"]}, 3))
def scan_vector_states():
    """States are drawn jointly, emissions one by one in a plate inside of the loop."""

    def step(z, _):
        z = sample("z", dist.MultivariateNormal(z, jnp.eye(2)))
        with numpyro.plate("channels", 2):
            sample("x", dist.Normal(z.sum(), 1))
        return z, None

    scan(step, jnp.zeros(2), None, length=3)


@case(
    {"z": [], "x": ["z"]},
    {f"z[{i}]": [] for i in range(4)} | {f"x[{i}]": [f"z[{j}]" for j in range(i + 1)] for i in range(4)},
)
def lax_scan_over_a_vector():
    """A loop of JAX, without sites in it, is no obstacle to either reading."""
    z = sample("z", dist.Normal(jnp.zeros(4), 1))
    _, levels = jax.lax.scan(lambda level, z: (level * 0.9 + z,) * 2, 0.0, z)
    sample("x", dist.Normal(levels, 1))


@case(
    {"z": [], "x": ["z"]},
    {f"z[{i}]": [] for i in range(3)} | {f"x[{i}]": [f"z[{j}]" for j in range(3)] for i in range(3)},
)
def while_loop_needs_all():
    """What a while loop does with its operands is not followed."""
    z = sample("z", dist.Normal(jnp.zeros(3), 1))
    halved = jax.lax.while_loop(lambda v: jnp.abs(v).max() > 1, lambda v: v / 2, z)
    sample("x", dist.Normal(halved, 1))


@case({"z": [], "x": ["z"]}, repeat({"z[{i}]": [], "x[{i}]": ["z[0]", "z[1]", "z[2]"]}, 3))
def sorted_values():
    z = sample("z", dist.Normal(jnp.zeros(3), 1))
    sample("x", dist.Normal(jnp.sort(z), 1))
