"""Prove that a log joint is quadratic in some of its arguments, and which residuals need which, from its program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from retrodict.graph.rows import Mask
from retrodict.read.jaxpr.sets import SetTable
from retrodict.read.jaxpr.walk import follow

Values = Mapping[str, Any]
LogJoint = Callable[[Values], jax.Array]

# What a result may need: values of the block, values of the rest, the direction in which the slope is followed.
BLOCK, REST, DIRECTION = range(3)


def is_quadratic(log_joint: LogJoint, block: Values, rest: Values) -> bool:
    r"""Return whether the Hessian of a function with respect to a block of its arguments is free of that block.

    The function is then :math:`f(b, r) = c(r) + g(r)^\top b - \tfrac12 b^\top P(r)\, b`. This is proved, not probed:
    the product of the Hessian and a direction is traced by JAX, and followed from its results back to the
    arguments that they need. Derivatives drop what is constant. The answer "no" may be wrong; "yes" never is.

    Arguments:
        log_joint: function of a mapping from names to arrays, differentiable by those of the block.
        block: arrays of the shapes and types of the block; their values do not matter.
        rest: the same of all other arguments.

    >>> import jax.numpy as jnp
    >>> def log_joint(values):
    ...     return -0.5 * (values["x"] - values["mean"]) ** 2 * jnp.exp(values["log_scale"])
    >>> zero = np.zeros((), np.float32)
    >>> is_quadratic(log_joint, {"mean": zero}, {"x": zero, "log_scale": zero})
    True
    >>> is_quadratic(log_joint, {"log_scale": zero}, {"x": zero, "mean": zero})
    False
    """

    def curve(inside: Values, outside: Values, direction: Values) -> Any:
        def slope(values: Values) -> Any:
            return jax.grad(lambda own: log_joint({**own, **outside}))(values)

        return jax.jvp(slope, (dict(inside),), (dict(direction),))[1]

    arguments = dict(block), dict(rest), dict(block)
    program = jax.make_jaxpr(curve)(*arguments)
    table = SetTable()
    marks = table.singletons([BLOCK, REST, DIRECTION])
    inputs = [
        np.full(np.shape(leaf), mark)
        for part, mark in zip(arguments, marks, strict=True)
        for leaf in jax.tree.leaves(part)
    ]
    found = follow(program, inputs, table)
    return not table.bits(table.total(each.sets for each in found)) >> BLOCK & 1


def find_pattern(residuals: LogJoint, block: Values, rest: Values) -> Mask:
    """Return which residuals need which elements of a block, shape ``(residuals, elements)``: no one fewer than do.

    >>> zero = {"a": np.zeros(2, np.float32)}
    >>> find_pattern(lambda values: values["a"][::-1] * values["s"], zero, {"s": np.ones(2, np.float32)}).tolist()
    [[False, True], [True, False]]
    """
    arguments = dict(block), dict(rest)
    program = jax.make_jaxpr(lambda inside, outside: residuals({**inside, **outside}))(*arguments)
    table, sizes = SetTable(), [np.size(leaf) for leaf in jax.tree.leaves(arguments[0])]
    *numbers, outside = table.singletons(range(sum(sizes) + 1))  # the last one stands for all of the rest
    parts = np.split(np.array(numbers), np.cumsum(sizes)[:-1])
    inputs = [part.reshape(np.shape(leaf)) for part, leaf in zip(parts, jax.tree.leaves(arguments[0]), strict=True)]
    inputs += [np.full(np.shape(leaf), outside) for leaf in jax.tree.leaves(arguments[1])]
    [found] = follow(program, inputs, table)
    members = table.members(found.sets)
    pattern = np.zeros((len(members), len(numbers)), dtype=bool)
    for row, needed in zip(pattern, members, strict=True):
        row[[number for number in needed if number < len(numbers)]] = True
    names = sorted(block)  # the order in which JAX lists the arguments
    starts = dict(zip(names, np.cumsum([0, *(np.size(block[name]) for name in names)]), strict=False))
    return pattern[:, np.concatenate([starts[name] + np.arange(np.size(block[name])) for name in block])]
