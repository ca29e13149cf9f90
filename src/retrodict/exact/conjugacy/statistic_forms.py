"""Arrays as functions of an unknown positive v: powers of it, and sums of statistics, with coefficients free of it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from fractions import Fraction

# Exponents of v and of 1 - v.
Power = tuple[Fraction, Fraction]
Statistic = Power | str

LOG, LOG_REST, OTHER = "log v", "log(1 - v)", "something else"
ZERO = Fraction(0)
NO_POWER: Power = (ZERO, ZERO)
V: Power = (Fraction(1), ZERO)
REST: Power = (ZERO, Fraction(1))

# Values of v lie between these bounds: clamps outside of them change nothing.
LEAST, MOST = 1e-30, 1 - 1e-5

# What 1 + s x is, for a sign s and a power x.
ONE_PLUS: dict[tuple[int, Power], Power] = {
    (-1, V): REST,
    (-1, REST): V,
    (1, (Fraction(-1), Fraction(1))): (Fraction(-1), ZERO),
    (1, (Fraction(1), Fraction(-1))): (ZERO, Fraction(-1)),
}
# What s x - 1 is, likewise.
MINUS_ONE: dict[Power, Power] = {
    (Fraction(-1), ZERO): (Fraction(-1), Fraction(1)),
    (ZERO, Fraction(-1)): (Fraction(1), Fraction(-1)),
}

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


@dataclass(frozen=True)
class Product:
    r"""An array whose elements are :math:`c\, v_i^j (1 - v_i)^k`, c being free of v.

    ``powers`` holds all (j, k) that occur, ``factor`` is c where it is one known number. Elements of two arrays that
    have the same ``place`` have the same i.
    """

    powers: frozenset[Power]
    factor: float | None = None
    place: Hashable = field(default_factory=object)

    @property
    def is_free(self) -> bool:
        """Whether the array does not depend on v."""
        return self.powers == {NO_POWER}

    @property
    def statistics(self) -> frozenset[Statistic]:
        """Of which functions of v the elements are sums."""
        return frozenset(self.powers - {NO_POWER})

    @property
    def is_plain(self) -> bool:
        """Whether the elements are v or 1 - v as they are."""
        return self.factor == 1 and self.powers <= {V, REST}


@dataclass(frozen=True)
class Sum:
    """An array whose elements are sums of ``statistics`` of elements of v, times coefficients free of v."""

    statistics: frozenset[Statistic]

    @property
    def is_free(self) -> bool:
        """Whether the array does not depend on v."""
        return False


Form = Product | Sum
ANYTHING = Sum(frozenset([OTHER]))


def make_free(factor: float | None = None) -> Product:
    """Return an array that does not depend on v."""
    return Product(frozenset([NO_POWER]), factor)


def put_at(form: Form, place: Hashable = ...) -> Form:
    """Return a form with another place, by default one that nothing else has."""
    return replace(form, place=object() if place is ... else place) if isinstance(form, Product) else form


def gather_statistics(*forms: Form) -> Form:
    """Return what any combination of forms is whose coefficients are free of v."""
    found = frozenset().union(*(form.statistics for form in forms))
    return Sum(found) if found else make_free()


def join(*forms: Form) -> Form:
    """Return a form of an array that has each of its elements from one of some forms."""
    products = [form for form in forms if isinstance(form, Product)]
    if len(products) < len(forms):
        return gather_statistics(*forms)
    powers = frozenset().union(*(form.powers for form in products if form.factor != 0 or not form.is_free))
    places = {form.place for form in products if not form.is_free}
    factors = {form.factor for form in products}
    factor = factors.pop() if len(factors) == 1 else None
    joined = Product(powers or frozenset([NO_POWER]), factor)
    return replace(joined, place=places.pop()) if len(places) == 1 else joined


def multiply(a: Form, b: Form, *, same: bool) -> Form:
    """Return a times b, whose elements stem from the same elements of v if ``same``."""
    if isinstance(a, Sum) or isinstance(b, Sum):
        linear = all(form.is_free or isinstance(form, Sum) for form in (a, b)) and (a.is_free or b.is_free)
        return gather_statistics(a, b) if linear else ANYTHING
    if not (a.is_free or b.is_free or same):
        return ANYTHING
    factor = None if a.factor is None or b.factor is None else a.factor * b.factor
    powers = frozenset((j + m, k + n) for j, k in a.powers for m, n in b.powers)
    if powers == {NO_POWER}:
        return make_free(factor)
    return Product(powers, factor, b.place if a.is_free else a.place)


def raise_to(form: Form, exponent: Fraction) -> Form:
    """Return a form to a constant power."""
    if isinstance(form, Sum):
        return form if exponent == 1 else ANYTHING
    factor = None
    if form.factor is not None and (form.factor > 0 or (form.factor < 0 and exponent.denominator == 1)):
        factor = form.factor ** float(exponent)
    powers = frozenset((j * exponent, k * exponent) for j, k in form.powers)
    return make_free(factor) if powers == {NO_POWER} else Product(powers, factor, form.place)


def negate(form: Form) -> Form:
    """Return minus a form."""
    return multiply(make_free(-1.0), form, same=False)


def add(a: Form, b: Form, *, same: bool, below_one: bool) -> Form:
    """Return a + b, whose elements stem from the same elements of v if ``same``; v is ``below_one`` or may be more."""
    for one, other in ((a, b), (b, a)):
        if isinstance(one, Product) and one.is_free and not other.is_free:
            shifted = _shift(one.factor, other, below_one=below_one)
            if shifted is not None:
                return shifted
    if same and isinstance(a, Product) and isinstance(b, Product) and a.powers == b.powers and len(a.powers) == 1:
        return Product(a.powers, None, a.place)
    return gather_statistics(a, b)


def _shift(constant: float | None, form: Form, *, below_one: bool) -> Form | None:
    """Return a constant plus a product, where it is a product itself."""
    if constant == 0:
        return form
    if not below_one or isinstance(form, Sum) or len(form.powers) > 1:
        return None
    if constant not in (1, -1) or form.factor not in (1, -1):
        return None
    [power] = form.powers
    sign = int(form.factor * constant)
    found = ONE_PLUS.get((sign, power))
    if found is not None:
        return Product(frozenset([found]), constant, form.place)
    found = MINUS_ONE.get(power) if sign < 0 else None
    return None if found is None else Product(frozenset([found]), -constant, form.place)


def take_log(form: Form) -> Form:
    """Return the logarithm of a form."""
    if form.is_free:
        return make_free()
    if isinstance(form, Sum):
        return ANYTHING
    found: set[Statistic] = set()
    for j, k in form.powers:
        found |= ({LOG} if j else set()) | ({LOG_REST} if k else set())
    return Sum(frozenset(found))


def compare(name: str, a: Form, b: Form, *, below_one: bool) -> Form:
    """Return how two forms compare, which is free of v where one of them is a bound of the other."""
    if isinstance(a, Sum) or isinstance(b, Sum) or not (a.is_free or b.is_free):
        return ANYTHING
    bound, inside = (a.factor, b) if a.is_free else (b.factor, a)
    if bound == 0:
        own = inside.factor  # the sign is that of the factor
    elif bound == 1 and below_one and inside.is_plain:
        own = 0.5
    else:
        return ANYTHING
    if own is None:
        return make_free()
    return make_free(float(COMPARISONS[name](*((bound, own) if a.is_free else (own, bound)))))


def clamp_below(form: Form, bound: Form) -> Form:
    """Return the greater one of a form and a bound."""
    harmless = isinstance(bound, Product) and bound.is_free and bound.factor is not None and bound.factor <= LEAST
    return form if harmless and isinstance(form, Product) and form.is_plain else ANYTHING


def clamp_above(form: Form, bound: Form) -> Form:
    """Return the lesser one of a form and a bound, v being below one."""
    harmless = isinstance(bound, Product) and bound.is_free and bound.factor is not None and bound.factor >= MOST
    return form if harmless and isinstance(form, Product) and form.is_plain else ANYTHING
