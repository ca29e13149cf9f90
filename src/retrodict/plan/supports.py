"""Where the values of a variable lie, by name, and how many real numbers it takes to say which one it is."""

from __future__ import annotations

import math

from retrodict.graph.bayesnet import Variable

# How many axes at the end of a value belong to one event, where it is not a single number.
EVENT_AXES = {
    "simplex": 1,
    "l1_ball": 1,
    "ordered_vector": 1,
    "positive_ordered_vector": 1,
    "zero_sum": 1,
    "zero_sum_2": 2,
    "zero_sum_3": 3,
    "lower_cholesky": 2,
    "scaled_unit_lower_cholesky": 2,
    "softplus_lower_cholesky": 2,
    "corr_cholesky": 2,
    "corr_matrix": 2,
    "positive_definite": 2,
    "positive_semidefinite": 2,
}
# Matrices that are said by their lower triangle, with and without its diagonal.
TRIANGLES = (
    "lower_cholesky",
    "scaled_unit_lower_cholesky",
    "softplus_lower_cholesky",
    "positive_definite",
    "positive_semidefinite",
)
STRICT_TRIANGLES = ("corr_cholesky", "corr_matrix")
# Numbers on one side of a bound, or between two, which a program may compute.
ENDED = ("interval", "greater_than", "less_than")
BOUNDED = ("unit_interval", "interval", "circular")
NUMBERS = ("real", "positive", "unit_interval", "circular", *ENDED)
DISCRETE = ("boolean", "categorical", "bounded_count", "count", "multinomial")
# Whole numbers that add up to a given total: they can be observed, but no conditional draws them.
SUMMED = ("multinomial",)
# Beyond so many categories they are counts: networks see and give a number, not an indicator each.
MOST_CATEGORIES = 64


def is_discrete(variable: Variable) -> bool:
    """Whether the values of a variable are whole numbers."""
    return variable.support in DISCRETE or variable.categories is not None


def is_categorical(variable: Variable) -> bool:
    """Whether a variable has few enough values for each to have a probability of its own.

    >>> is_categorical(Variable("z", support="categorical", categories=3)), is_categorical(Variable("z"))
    (True, False)
    """
    return variable.categories is not None and variable.categories <= MOST_CATEGORIES


def is_count(variable: Variable) -> bool:
    """Whether a variable has whole numbers for values that are too many to have a probability each."""
    return is_discrete(variable) and not is_categorical(variable)


def event_shape(variable: Variable) -> tuple[int, ...]:
    """Return the shape of one event of a variable; it may hold several.

    >>> event_shape(Variable("z", size=6, shape=(2, 3), support="simplex"))
    (3,)
    """
    shape = variable.shape or ()
    axes = EVENT_AXES.get(variable.support, 0)
    return shape[len(shape) - axes :]


def count_codes(variable: Variable) -> int:
    """Return how many unconstrained numbers stand for a value of a variable.

    >>> count_codes(Variable("z", size=6, shape=(2, 3), support="simplex")), count_codes(Variable("z", size=4))
    (4, 4)
    """
    shape = event_shape(variable)
    events = variable.size // math.prod(shape)
    if variable.support == "simplex" or variable.support.startswith("zero_sum"):
        return events * math.prod(length - 1 for length in shape)
    if variable.support in STRICT_TRIANGLES:
        return events * (shape[0] * (shape[0] - 1) // 2)
    if variable.support in TRIANGLES:
        return events * (shape[0] * (shape[0] + 1) // 2)
    return variable.size
