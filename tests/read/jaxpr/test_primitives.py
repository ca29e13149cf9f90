"""Every primitive of the installed JAX is known of, and what is said of NaN and infinities holds of each."""

import dataclasses
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from retrodict.errors import ProgramError
from retrodict.read.jaxpr.doubts import KEEPS_NAN, MOVING, STAYS_FINITE
from retrodict.read.jaxpr.internals import CALLS, open_program, read_branches, read_call, read_loop
from retrodict.read.jaxpr.rules import KNOWN_PROGRAMS, RULES, STATEFUL, apply_rule
from retrodict.read.jaxpr.sets import DOUBTFUL, EMPTY, SetTable
from retrodict.read.jaxpr.values import Tracked
from retrodict.read.jaxpr.walk import follow
from tests.processes import run_python
from tests.read.jaxpr.primitives import EVERYTHING
from tests.read.jaxpr.test_walk import floats, moved, needed

CONTROL = {"scan", "cond"}

# Primitives of Pallas that bear the names of others; kernels are not entered.
NAMESAKES = {"gather", "scatter", "swap", "semaphore_signal", "semaphore_wait", "load", "bitcast"}

LIST_PRIMITIVES = """
import gc, importlib, pkgutil, warnings
warnings.simplefilter("ignore")
import jax
from jax.extend.core import Primitive
left_out = "tools jax2tf test colocated profiler xprof cloud clusters serialization collect".split()
for module in pkgutil.walk_packages(jax.__path__, "jax."):
    if not any(part in module.name for part in left_out):
        try:
            importlib.import_module(module.name)
        except ImportError:
            pass  # needs a package of its own
print(*sorted(found.name for found in gc.get_objects() if isinstance(found, Primitive)))
"""


@pytest.fixture(scope="module")
def primitives():
    return run_python(LIST_PRIMITIVES).split()


def test_every_primitive_of_this_release_is_listed(primitives):
    assert len(primitives) > 300
    assert set(primitives) <= {*RULES, *CALLS, *CONTROL, *EVERYTHING, *STATEFUL}


def test_no_primitive_is_listed_twice():
    names = [*RULES, *CALLS, *CONTROL, *EVERYTHING, *STATEFUL]
    assert len(names) == len(set(names))


def test_a_name_stands_for_one_primitive(primitives):
    assert {name for name in primitives if primitives.count(name) > 1} <= NAMESAKES


def test_what_is_said_of_nan_is_said_of_primitives_with_rules():
    assert {*KEEPS_NAN.split(), *STAYS_FINITE.split()} <= {*RULES, "iota"}


# -- NaN and infinities ------------------------------------------------------------------------------

SPECIAL = {
    "add_any": (lax.add, 2),
    "logaddexp": (jnp.logaddexp, 2),
    "xlogy": (jax.scipy.special.xlogy, 2),
    "xlog1py": (jax.scipy.special.xlog1py, 2),
    "integer_pow": (lambda a: [lax.integer_pow(a, y) for y in (1, 2, 3)], 1),
    "convert_element_type": (lambda a: a.astype(jnp.float16), 1),
    "reduce_max": (lambda a, b: jnp.stack([a, b]).max(0), 2),
    "reduce_min": (lambda a, b: jnp.stack([a, b]).min(0), 2),
    "reduce_prod": (lambda a, b: jnp.stack([a, b]).prod(0), 2),
    "reduce_sum": (lambda a, b: jnp.stack([a, b]).sum(0), 2),
    "cumsum": (lambda a, b: lax.cumsum(jnp.stack([a, b]))[1], 2),
    "cumprod": (lambda a, b: lax.cumprod(jnp.stack([a, b]))[1], 2),
    "cummax": (lambda a, b: lax.cummax(jnp.stack([a, b]))[1], 2),
    "cummin": (lambda a, b: lax.cummin(jnp.stack([a, b]))[1], 2),
    "dot_general": (lambda a, b: jax.vmap(jnp.dot)(jnp.stack([a, b], 1), jnp.stack([b, a], 1)), 2),
    "conv_general_dilated": (jax.vmap(lambda a, b: jnp.convolve(jnp.stack([a, a]), jnp.stack([b, b])).sum()), 2),
    "scatter-add": (lambda a, b: a.at[jnp.arange(len(a))].add(b), 2),
    "scatter-sub": (lambda a, b: a.at[jnp.arange(len(a))].subtract(b), 2),
    "scatter-mul": (lambda a, b: a.at[jnp.arange(len(a))].multiply(b), 2),
    "scatter-max": (lambda a, b: a.at[jnp.arange(len(a))].max(b), 2),
    "scatter-min": (lambda a, b: a.at[jnp.arange(len(a))].min(b), 2),
    "clamp": (lax.clamp, 3),
    "sort": (lambda a, b: lax.sort(jnp.stack([a, b], 1))[:, 0], 2),
    "top_k": (lambda a, b: lax.top_k(jnp.stack([a, b], 1), 1)[0], 2),
    "argmax": (lambda a, b: jnp.argmax(jnp.stack([a, b]), 0), 2),
    "argmin": (lambda a, b: jnp.argmin(jnp.stack([a, b]), 0), 2),
}
BINARY = {"add", "sub", "mul", "div", "max", "min", "rem", "atan2"}
NOT_IN_ALL_RELEASES = {"log2", "one_minus_square"}
CONSTANT_ONLY = {"iota", "div"}  # finite for constants, tested as such below


def evaluate(names, values):
    """Each operation at all combinations of values of its operands, compiled."""
    operations = {name: SPECIAL.get(name) or (getattr(lax, name), 2 if name in BINARY else 1) for name in names}
    grids = {n: [each.ravel() for each in np.meshgrid(*[np.array(values, np.float32)] * n)] for n in (1, 2, 3)}

    def compute(grids):
        return {name: function(*grids[n]) for name, (function, n) in operations.items()}

    computed = jax.jit(compute)(grids)
    found = {name: np.stack(jax.tree.leaves(results)) for name, results in computed.items()}
    return {name: (np.stack(grids[n]), found[name]) for name, (_, n) in operations.items()}


def list_operations(text, left_out=frozenset()):
    names = set(text.split()) - set(MOVING.split()) - left_out
    return sorted(name for name in names if name not in NOT_IN_ALL_RELEASES or hasattr(lax, name))


def test_nan_stays_nan():
    values = [np.nan, 0, 1, -1, 0.5, 3, np.inf, -np.inf]
    for name, (operands, results) in evaluate(list_operations(KEEPS_NAN), values).items():
        assert results.shape[1:] == operands.shape[1:], name
        assert np.isnan(results[..., np.isnan(operands).any(0)]).all(), name


def test_finite_stays_finite():
    values = [0, 1, -1, 0.5, -0.25, 3, -7]
    for name, (_, results) in evaluate(list_operations(STAYS_FINITE, CONSTANT_ONLY), values).items():
        assert np.isfinite(results).all(), name


MASK = np.array([0.0, 1.0], np.float32)
SURE = {
    "a latent": lambda z: z,
    "half of it": lambda z: z / 2,
    "a matrix": lambda z: jnp.ones((2, 2)) @ z + 1,
    "an element": lambda z: z[np.array([1, 0])],
    "relu": jax.nn.relu,
    "tanh": jnp.tanh,
    "exponential": jnp.exp,
    "softplus": jax.nn.softplus,
    "its largest": lambda z: z - z.max(),
    "a power": lambda z: z**3,
    "divided by a constant": lambda z: z / jnp.sqrt(2.0),
}
UNSURE = {
    "logarithm": jnp.log,
    "inverse": lambda z: 1 / z,
    "inverse power": lambda z: z**-1,
    "divided by zero": lambda z: z / np.zeros(2, np.float32),
    "infinite constant": lambda z: z * np.inf,
    "infinite choice": lambda z: jnp.where(z > 0, np.inf, 1.0),
    "outside": lambda z: z.at[jnp.where(z > 0, 0, 7)].get(mode="fill"),
    "minus infinity": lambda z: jnp.maximum(z, jnp.log(0.0 * jnp.ones(2))) * jnp.where(z > 0, 1.0, np.nan),
}


@pytest.mark.parametrize("name", SURE)
def test_zero_times_something_finite_is_a_constant(name):
    function = lambda z: MASK * SURE[name](z)  # noqa: E731
    assert needed(lambda z: jnp.where(function(z) > -1, z[::-1], 0.0), floats(2))[0] == {1}


@pytest.mark.parametrize("name", UNSURE)
def test_zero_times_something_that_may_be_infinite_is_a_constant_until_asked(name):
    function = lambda z: MASK * UNSURE[name](z)  # noqa: E731
    assert needed(function, floats(2))[0] == set()
    assert 0 in needed(lambda z: jnp.where(function(z) > -1, z[::-1], 0.0), floats(2))[0]


def own_logaddexp(a, b):
    """A function that only bears the name."""
    return jnp.where(jnp.isnan(a - b), 0.0, a)


own_logaddexp.__name__ = "logaddexp"
own_logaddexp = jax.custom_jvp(own_logaddexp)
own_logaddexp.defjvp(lambda primals, _: (own_logaddexp(*primals), primals[0]))


@pytest.mark.parametrize("function", [jnp.logaddexp, jax.scipy.special.xlogy, jax.scipy.special.xlog1py])
@pytest.mark.parametrize("other", [np.float32(0), np.ones(2, np.float32), 0.0])
def test_functions_that_look_for_nan_and_keep_it_are_known(function, other):
    assert needed(lambda z: function(MASK * jnp.log(z), other), floats(2)) == [set(), {1}]
    assert needed(lambda z: jax.nn.softplus(MASK * z) + function(other, MASK * (1 / z)), floats(2)) == [set(), {1}]


def test_a_function_that_only_bears_the_name_is_followed():
    assert needed(lambda z: own_logaddexp(MASK * jnp.log(z), z[::-1]), floats(2)) == [{0, 1}, {0, 1}]


def test_infinite_constants_are_doubted():
    assert Tracked.constant(np.array([0.0, np.inf, np.nan])).sets.tolist() == [EMPTY, DOUBTFUL, DOUBTFUL]
    assert Tracked.constant(3).sets == EMPTY


# -- programs in parameters --------------------------------------------------------------------------


def in_a_loop(v):
    return lax.while_loop(lambda c: c[0] < 2, lambda c: (c[0] + 1, jnp.roll(c[1], 1)), (0, v))[1]


def solved(v):
    return lax.custom_linear_solve(lambda x: 2 * x, v, lambda _, b: b[::-1] / 2, symmetric=True)


def root(v):
    def solve(g, y):
        return y / g(jnp.ones(()))

    return jax.vmap(lambda x: lax.custom_root(lambda r: r**3 - x, 1.0, lambda f, r: x * r, solve))(v[::-1])


CARRIERS = {
    "while": in_a_loop,
    "custom_linear_solve": solved,
    "custom_root": root,
    "scatter": lambda v: v.at[np.array([0, 2])].apply(jnp.sin),
    "reduce": lambda v: lax.reduce(v, np.float32(0), lambda a, b: a + 2 * b, (0,)),
    "reduce_window": lambda v: lax.reduce_window(v, np.float32(0), lambda a, b: a + 2 * b, (2,), (1,), "VALID"),
    "custom_vmap_call": lambda v: jax.custom_batching.sequential_vmap(lambda x: x[::-1])(v),
    "remat": lambda v: jax.checkpoint(lambda x: jnp.roll(x, 1))(v),
    "switch": lambda v: lax.switch((v[0] * 3).astype(int), [jnp.sin, jnp.flip, lambda x: x * 0], v),
    "platform": lambda v: lax.platform_dependent(v, cpu=jnp.flip, default=jnp.sin),
}


@pytest.mark.parametrize("name", CARRIERS)
def test_programs_in_parameters_lose_nothing(name):
    stated, seen = needed(CARRIERS[name], floats(3)), moved(CARRIERS[name], floats(3), probes=10)
    assert all(small <= large for small, large in zip(seen, stated, strict=True))


def test_programs_that_cannot_be_vectorized_lose_nothing():
    """So that `moved` has no word in it."""
    composite = lax.composite(lambda x: x[::-1] + 1, name="own.name")
    assert needed(composite, floats(3)) == [{2}, {1}, {0}]
    turn = lambda _, x: x[::-1]  # noqa: E731
    assert needed(lambda v: jax.custom_derivatives.linear_call(turn, turn, (), v), floats(3)) == [{0, 1, 2}] * 3


def test_a_scatter_with_a_function_is_followed():
    assert needed(CARRIERS["scatter"], floats(3)) == [{0}, {1}, {2}]


def first_equation(function, *arrays):
    return open_program(jax.make_jaxpr(function)(*arrays)).equations[0]


def test_a_primitive_that_runs_a_program_its_rule_does_not_know_of_needs_everything():
    equation, table = first_equation(lambda v: lax.rev(v, (0,)), floats(2)), SetTable()
    operand = Tracked.input(table.singletons(range(2)), floats(2))
    assert table.members(apply_rule(table, equation, [operand])[0]) == [[1], [0]]
    with_program = dataclasses.replace(equation, carries_programs=True)
    assert table.members(apply_rule(table, with_program, [operand])[0]) == [[0, 1], [0, 1]]
    assert {*KNOWN_PROGRAMS} <= {*RULES}


def test_a_primitive_that_is_not_listed_needs_everything():
    equation, table = first_equation(lambda v: lax.rev(v, (0,)), floats(2)), SetTable()
    operand = Tracked.input(table.singletons(range(2)), floats(2))
    unknown = dataclasses.replace(equation, name="of another release")
    results = apply_rule(table, unknown, [operand])
    assert table.members(results[0]) == [[0, 1], [0, 1]]
    assert (results[0] != table.total([operand.sets])).all()  # and may be NaN


def test_values_of_python_are_refused():
    def function(v):
        return jax.experimental.io_callback(lambda x: x, jax.ShapeDtypeStruct((2,), np.float32), v)

    with pytest.raises(ProgramError, match=r"uses 'io_callback' of JAX.* jax\.pure_callback instead"):
        needed(function, floats(2))


# -- the forms of releases ---------------------------------------------------------------------------


def make_loop(v):
    return lax.scan(lambda c, x: (c + x * v[0], c), 0.0, v)


def test_loops_are_read_in_both_forms():
    equation = first_equation(make_loop, floats(3))
    loop = read_loop(equation)
    assert (loop.n_constants, loop.n_carry, loop.length, loop.reverse) == (1, 1, 3, False)
    same = {"jaxpr": loop.body, "length": 3, "reverse": False}
    grouped = SimpleNamespace(unpack=lambda: ([None], [None], [None]))
    for params in ({**same, "num_consts": 1, "num_carry": 1}, {**same, "ft_in": grouped, "ft_out": grouped}):
        assert read_loop(dataclasses.replace(equation, params=params)) == loop


@pytest.mark.parametrize("params", [{}, {"ft_in": None}, {"ft_in": SimpleNamespace(unpack=lambda: [[1]])}])
def test_an_unknown_form_of_a_loop_is_an_error_of_ours(params):
    equation = dataclasses.replace(first_equation(make_loop, floats(3)), params=params)
    with pytest.raises(ProgramError, match=rf"JAX {jax.__version__} writes a loop \(scan\) in a way .* Install"):
        read_loop(equation)


def test_an_unknown_form_of_a_branch_is_an_error_of_ours():
    equation = dataclasses.replace(first_equation(make_loop, floats(3)), name="cond", params={})
    with pytest.raises(ProgramError, match=r"a branch \(cond\) in a way"):
        read_branches(equation)


def test_a_call_of_another_form_is_no_call():
    equation = first_equation(jax.jit(lambda v: v + 1), floats(2))
    assert read_call(equation) is not None
    assert read_call(dataclasses.replace(equation, params={})) is None
    assert read_call(dataclasses.replace(equation, reads=())) is None


def test_a_value_that_cannot_be_computed_by_itself_is_an_error_of_ours():
    equation = first_equation(lambda v: v + 1, floats(2))
    with pytest.raises(ProgramError, match=r"the operation 'add' of JAX .* cannot be computed by itself"):
        equation.compute([floats(2), floats(3)])


def test_results_are_followed_across_releases():
    table = SetTable()
    carry, rows = follow(jax.make_jaxpr(make_loop)(floats(3)), [table.singletons(range(3))], table)
    assert table.members(carry.sets) == [[0, 1, 2]]
    assert table.members(rows.sets) == [[], [0], [0, 1]]
