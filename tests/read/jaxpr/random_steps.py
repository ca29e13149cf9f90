"""Steps of random programs: each takes vectors of `SIZE` numbers and gives one.

Steps that could outgrow floating-point numbers are bent back by a sine, which is NaN of an infinity, and quotients are
of absolute values, for zero has no sign: see `retrodict.read.jaxpr.doubts` for both.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

SIZE = 4
STEPS = {}


def step(arity, *names):
    """Register a maker of steps: of a generator, and for several names of the name, it makes a function of vectors."""

    def register(maker):
        for name in names or [maker.__name__]:
            STEPS[name] = arity, (lambda rng, name=name: maker(rng, name)) if names else maker
        return maker

    return register


def pick(rng, *choices):
    return choices[rng.integers(len(choices))]


def constant(rng, *shape):
    """An array with many zeros."""
    return jnp.asarray(rng.choice([0.0, 0.0, 0.0, 1.0, -1.0, 2.0, 0.5], shape or SIZE), jnp.float32)


def places(rng, low=0, high=SIZE, size=SIZE):
    return rng.integers(low, high, size)


def as_places(v, spread=2.0):
    """Places that values decide."""
    return jnp.clip(jnp.nan_to_num(v * spread, nan=1.0), -1, SIZE).astype(int)


# -- elementwise -------------------------------------------------------------------------------------

UNARY = {
    "sin": jnp.sin,
    "tanh": jnp.tanh,
    "exp": lambda v: jnp.sin(jnp.exp(v)),
    "log": jnp.log,
    "reciprocal": lambda v: 1 / jnp.abs(v),
    "sqrt": jnp.sqrt,
    "rsqrt": lambda v: lax.rsqrt(jnp.abs(v)),
    "log1p": jnp.log1p,
    "square": lambda v: jnp.sin(v * v),
    "cube": lambda v: jnp.sin(v**3),
    "inverse square": lambda v: v**-2,
    "zeroth power": lambda v: jnp.power(v, 0.0),
    "abs": jnp.abs,
    "sign": jnp.sign,
    "floor": jnp.floor,
    "relu": jax.nn.relu,
    "softplus": jax.nn.softplus,
    "sigmoid": jax.nn.sigmoid,
    "gelu": jax.nn.gelu,
    "nan_to_num": jnp.nan_to_num,
    "is nan": lambda v: jnp.isnan(v).astype(jnp.float32),
    "is finite": lambda v: jnp.isfinite(v).astype(jnp.float32),
    "stop_gradient": lax.stop_gradient,
    "clip": lambda v: jnp.clip(v, -0.5, 0.5),
    "half": lambda v: v / 2,
    "itself taken off": lambda v: v - v,
    "times zero": lambda v: v * 0.0,
    "to integers": lambda v: v.astype(jnp.int32).astype(jnp.float32),
    "to booleans": lambda v: v.astype(bool).astype(jnp.float32),
    "to complex": lambda v: (v * (1 + 2j) * (1 - 1j)).real,
    "erf": jax.scipy.special.erf,
    "erf_inv": jax.scipy.special.erfinv,
    "lgamma": jax.scipy.special.gammaln,
    "xlogy": lambda v: jax.scipy.special.xlogy(v, v),
    "remainder": lambda v: jnp.remainder(v, 0.7),
    "signs of bits": lambda v: (lax.bitcast_convert_type(jnp.abs(v), jnp.int32) & 1).astype(jnp.float32),
    "reduced precision": lambda v: lax.reduce_precision(v, 8, 4),
    "recomputed": jax.checkpoint(lambda v: jnp.sin(v) + v),
    "inner": jax.jit(lambda v: jnp.cos(v) - v),
}


@step(1, *UNARY)
def unary(rng, name):
    return UNARY[name]


BINARY = {
    "add": jnp.add,
    "subtract": jnp.subtract,
    "multiply": lambda a, b: jnp.sin(a * b),
    "divide": lambda a, b: a / jnp.abs(b),
    "maximum": jnp.maximum,
    "minimum": jnp.minimum,
    "power": lambda a, b: jnp.sin(jnp.power(jnp.abs(a), b)),
    "logaddexp": jnp.logaddexp,
    "hypot": jnp.hypot,
    "less": lambda a, b: (a < b).astype(jnp.float32),
    "both": lambda a, b: ((a > 0) & (b > 0)).astype(jnp.float32),
    "outer": lambda a, b: jnp.outer(a, b).sum(0),
    "einsum": lambda a, b: jnp.einsum("ij,kj->ik", a.reshape(2, 2), b.reshape(2, 2)).ravel(),
    "concatenate": lambda a, b: jnp.concatenate([a[1:], b[:1]]),
    "stack": lambda a, b: jnp.stack([a, b], 1).ravel()[::2],
    "segment_sum": lambda a, b: jax.ops.segment_sum(a, jnp.array([0, 2, 2, 3]), SIZE) + b,
    "segment_max": lambda a, b: jax.ops.segment_max(a, jnp.array([0, 1, 1, 3]), SIZE) + b,
    "search": lambda a, b: jnp.searchsorted(jnp.sort(a), b).astype(jnp.float32),
    "convolve": lambda a, b: jnp.convolve(a, b[:2], mode="same"),
    "triangular": lambda a, b: lax.linalg.triangular_solve(
        jnp.tril(jnp.outer(a, a)) + 2 * jnp.eye(SIZE), b[:, None], left_side=True, lower=True
    )[:, 0],
    "dot": lambda a, b: jnp.sin(jnp.dot(a, b)) * jnp.ones(SIZE),
}


@step(2, *BINARY)
def binary(rng, name):
    return BINARY[name]


@step(2)
def choose_by_value(rng):
    threshold = pick(rng, -1.0, 0.0, 0.5)
    compare = pick(rng, jnp.greater, jnp.less_equal, jnp.equal, jnp.not_equal)
    return lambda a, b: jnp.where(compare(a, threshold), b[::-1], a)


@step(2)
def choose_by_mask(rng):
    mask = rng.integers(0, 2, SIZE).astype(bool)
    return lambda a, b: jnp.where(mask, a, b)


@step(2)
def choose_by_nan(rng):
    return lambda a, b: jnp.where(jnp.isnan(a), b, 0.5)


@step(1)
def guard(rng):
    return lambda a: jnp.where(a > 0, jnp.log(jnp.where(a > 0, a, 1.0)), -1.0)


@step(1)
def select_of_three(rng):
    which = places(rng, 0, 3)
    return lambda a: lax.select_n(jnp.asarray(which, jnp.int32), a, a[::-1], jnp.zeros(SIZE))


# -- masks and matrices ------------------------------------------------------------------------------


@step(1)
def mask(rng):
    factors = constant(rng)
    return lambda a: factors * a


@step(1)
def infinite_mask(rng):
    factors = jnp.asarray(rng.choice([0.0, 1.0, np.inf, np.nan], SIZE), jnp.float32)
    return lambda a: factors * a


@step(1)
def computed_mask(rng):
    factors = rng.integers(0, 3, SIZE)
    return lambda a: jnp.log(jnp.exp2(jnp.asarray(factors % 2, jnp.float32))) * a


@step(1)
def matrix(rng):
    weights = constant(rng, SIZE, SIZE)
    return pick(rng, lambda a: jnp.sin(weights @ a), lambda a: jnp.sin(a @ weights))


@step(2)
def masked_matrix(rng):
    weights = constant(rng, SIZE, SIZE)
    return lambda a, b: jnp.sin((weights * a) @ b)


@step(1)
def batched_matrix(rng):
    weights = constant(rng, 2, 2, 2)
    return lambda a: jnp.einsum("bij,bj->bi", weights, a.reshape(2, 2)).ravel()


@step(1)
def integer_mask(rng):
    factors = rng.integers(0, 2, SIZE)
    return lambda a: (as_places(a) * factors).astype(jnp.float32)


# -- moving about ------------------------------------------------------------------------------------

SHAPES = {
    "roll": lambda a: jnp.roll(a, 1),
    "reverse": lambda a: a[::-1],
    "transpose": lambda a: a.reshape(2, 2).T.ravel(),
    "pad": lambda a: lax.pad(a, 0.5, [(1, -2, 0)])[: SIZE - 1].repeat(2)[:SIZE],
    "tile": lambda a: jnp.tile(a[:2], 2),
    "repeat": lambda a: jnp.repeat(a[1:3], 2),
    "differences": lambda a: jnp.diff(a, prepend=0.0),
    "halves": lambda a: jnp.concatenate(jnp.split(a, 2)[::-1]),
    "sort": jnp.sort,
    "argsort": lambda a: jnp.argsort(a).astype(jnp.float32),
    "rank": lambda a: a[jnp.argsort(a)],
    "top_k": lambda a: jnp.tile(lax.top_k(a, 2)[0], 2),
    "argmax": lambda a: jax.nn.one_hot(jnp.argmax(a), SIZE),
    "sum": lambda a: jnp.sin(a.sum()) + a * 0.5,
    "maximum of all": lambda a: a.max() - a,
    "minimum of rows": lambda a: a.reshape(2, 2).min(1).repeat(2),
    "product": lambda a: jnp.sin(a.prod()) * jnp.ones(SIZE),
    "any": lambda a: jnp.any(a > 1).astype(jnp.float32) + a,
    "softmax": jax.nn.softmax,
    "logsumexp": lambda a: jax.nn.logsumexp(a) + jnp.arange(SIZE),
    "cumsum": jnp.cumsum,
    "cumsum reversed": lambda a: lax.cumsum(a, reverse=True),
    "cumprod": lambda a: jnp.sin(jnp.cumprod(a)),
    "cummax": lax.cummax,
    "cummin": lambda a: lax.cummin(a, reverse=True),
    "cumlogsumexp": lax.cumlogsumexp,
    "associative scan": lambda a: lax.associative_scan(jnp.maximum, a),
    "windows": lambda a: lax.reduce_window(a, 0.0, lax.add, (2,), (1,), "SAME"),
    "reduce": lambda a: lax.reduce(a, np.float32(0), lambda x, y: jnp.sin(x + y), (0,)) * jnp.ones(SIZE),
    "fourier": lambda a: jnp.fft.rfft(a).real[jnp.array([0, 1, 2, 0])],
    "cholesky": lambda a: jnp.linalg.cholesky(jnp.eye(SIZE) * (1 + jnp.abs(a)))[jnp.arange(SIZE), jnp.arange(SIZE)],
    "solve": lambda a: jnp.linalg.solve(jnp.eye(SIZE) + jnp.diag(jnp.ones(SIZE - 1), 1), a),
    "unique mask": lambda a: a * (jnp.arange(SIZE) % 2),
}


@step(1, *SHAPES)
def shape(rng, name):
    return SHAPES[name]


@step(1)
def gather(rng):
    index, mode = places(rng, -2, SIZE + 2), pick(rng, "fill", "clip", None)
    return lambda a: a.at[index].get(mode=mode)


@step(1)
def gather_with_filling(rng):
    index, filling = places(rng, 0, SIZE + 2), pick(rng, 0.5, np.inf)
    return lambda a: jnp.take(a, index, mode="fill", fill_value=filling)


@step(2)
def gather_by_value(rng):
    mode = pick(rng, "fill", "clip", None)
    return lambda a, b: a.at[as_places(b)].get(mode=mode)


@step(1)
def gather_by_masked_value(rng):
    factors = jnp.asarray(rng.integers(0, 2, SIZE), jnp.float32)
    return lambda a: a[as_places(factors * a)]


@step(1)
def along_axis(rng):
    index, axis = places(rng, 0, 2).reshape(2, 2), pick(rng, 0, 1)
    return lambda a: jnp.take_along_axis(a.reshape(2, 2), index, axis).ravel()


UPDATES = ["set", "add", "multiply", "min", "max"]


@step(2, *(f"scatter {name}" for name in UPDATES))
def scatter(rng, name):
    index, mode = places(rng, -1, SIZE + 1, 2), pick(rng, "drop", "clip", None, "fill")
    update = name.split()[1]
    return lambda a, b: jnp.sin(getattr(a.at[index], update)(b[:2], mode=mode))


@step(2, *(f"scatter {name} by value" for name in UPDATES))
def scatter_by_value(rng, name):
    update, mode = name.split()[1], pick(rng, "drop", "clip", None)
    return lambda a, b: jnp.sin(getattr(a.at[as_places(b)[:2]], update)(b[2:], mode=mode))


@step(1)
def scatter_function(rng):
    index, mode = places(rng, 0, SIZE + 1, 2), pick(rng, "drop", "clip", None)
    function = pick(rng, jnp.sin, lambda v: v * 0.0, lambda v: 1 / jnp.abs(v), jnp.isnan)
    return lambda a: a.at[index].apply(lambda v: function(v).astype(v.dtype), mode=mode)


@step(2)
def scatter_rows(rng):
    index = places(rng, 0, 2, 1)
    return lambda a, b: a.reshape(2, 2).at[:, index].set(b.reshape(2, 2)[:, :1]).ravel()


@step(1)
def scatter_power(rng):
    index = places(rng, size=2)
    return pick(rng, lambda a: a.at[index].divide(2.0), lambda a: jnp.abs(a).at[index].power(2.0) / 8)


@step(1)
def dynamic_slice(rng):
    start = int(rng.integers(-1, SIZE))
    return lambda a: jnp.tile(lax.dynamic_slice(a, (start,), (2,)), 2)


@step(2)
def dynamic_slice_by_value(rng):
    return lambda a, b: jnp.tile(lax.dynamic_slice(a.reshape(2, 2), (as_places(b)[0], 0), (1, 2))[0], 2)


@step(2)
def dynamic_update(rng):
    start = int(rng.integers(-1, SIZE))
    return lambda a, b: lax.dynamic_update_slice(a, b[1:3], (start,))


@step(2)
def dynamic_update_by_value(rng):
    return lambda a, b: lax.dynamic_update_slice(a, b[1:3], (as_places(a)[0],))


# -- control -----------------------------------------------------------------------------------------


@step(1)
def scan(rng):
    reverse, factors = bool(rng.integers(2)), constant(rng)
    body = pick(
        rng,
        lambda c, x: (jnp.sin(c + x[0]), c),
        lambda c, x: (jnp.where(c > x[0], c, x[1]), x[0]),
        lambda c, x: (x[0], x[1] * c),
        lambda c, x: (jnp.log(jnp.abs(c)) * x[1], jnp.where(c > -1, x[0], 0.5)),
    )
    return lambda a: lax.scan(body, 0.5, (a, factors), reverse=reverse)[1]


@step(1)
def counting_scan(rng):
    jump = int(rng.integers(1, 3))
    return lambda a: lax.scan(lambda i, _: ((i + jump) % SIZE, a[i]), 0, None, length=SIZE)[1]


@step(1)
def branching_scan(rng):
    def body(c, x):
        return lax.cond(x[1] > 0, lambda: (c + 1, x[0]), lambda: (c, jnp.sin(c)))

    flags = constant(rng)
    return lambda a: lax.scan(body, 0.0, (a, flags))[1]


@step(1)
def for_loop(rng):
    return lambda a: lax.fori_loop(1, SIZE, lambda i, v: v.at[i].set(jnp.sin(v[i - 1] + v[i])), a)


@step(1)
def while_loop(rng):
    limit = pick(rng, 0.5, 1.5)
    return lambda a: lax.while_loop(lambda s: (s[0] < 3) & (s[1][0] < limit), lambda s: (s[0] + 1, s[1] + 0.5), (0, a))[
        1
    ]


@step(2)
def branch_by_value(rng):
    return lambda a, b: lax.cond(a[0] > 0.5, lambda: jnp.roll(b, 1), lambda: a * 0.5)


@step(2)
def branch_by_masked_value(rng):
    factors, function = constant(rng), pick(rng, jnp.log, lambda v: v, lambda v: 1 / jnp.abs(v), jnp.tan)
    return lambda a, b: lax.cond((factors * function(a))[0] > -1, lambda: jnp.roll(b, 1), lambda: a * 0.5)


@step(2)
def choose_by_masked_value(rng):
    weights, function = constant(rng, SIZE, SIZE), pick(rng, jnp.log, lambda v: v, lambda v: 1 / jnp.abs(v), jnp.tan)
    return lambda a, b: jnp.where(weights @ function(a) > -1, b[::-1], 0.0)


@step(1)
def switch(rng):
    number = int(rng.integers(-1, 4))
    return lambda a: lax.switch(number, [lambda v: v, lambda v: v[::-1], lambda v: jnp.zeros(SIZE)], a)


@step(1)
def switch_by_value(rng):
    return lambda a: lax.switch(as_places(a)[1], [lambda v: v, lambda v: v[::-1], lambda v: jnp.zeros(SIZE)], a)


@step(1)
def mapped(rng):
    factors = constant(rng)
    function = pick(
        rng,
        lambda x, f: lax.cond(f > 0, jnp.sin, lambda v: v * 0.0, x),
        lambda x, f: lax.cond(x > 0, jnp.sin, lambda v: f, x),
        lambda x, f: lax.fori_loop(0, 2, lambda i, v: v * f, x),
        lambda x, f: lax.while_loop(lambda v: v < f, lambda v: v + 1, x),
    )
    return pick(rng, lambda a: jax.vmap(function)(a, factors), lambda a: lax.map(lambda p: function(*p), (a, factors)))


@jax.custom_jvp
def own_jvp(x):
    return jnp.sin(x) + x[::-1]


own_jvp.defjvp(lambda primals, tangents: (own_jvp(*primals), tangents[0]))


@jax.custom_vjp
def own_vjp(x, y):
    return jnp.where(x > 0, y, x)


own_vjp.defvjp(lambda x, y: (own_vjp(x, y), None), lambda _, g: (g, g))


@step(1)
def with_own_jvp(rng):
    return own_jvp


@step(2)
def with_own_vjp(rng):
    return own_vjp


@step(1)
def derivative(rng):
    function = pick(rng, own_jvp, jnp.sin, jax.nn.relu, lambda v: jnp.sort(v) * v)
    return jax.grad(lambda a: function(a).sum())


@step(1)
def root(rng):
    return lambda a: lax.custom_linear_solve(lambda x: 2 * x, a, lambda _, b: b / 2, symmetric=True)
