"""The inverse of a template: for every latent patterns of parents that hold at every index and at all sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from retrodict.graph.frozen import FrozenMap, Portable
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.lift.patterns.margins import Margins
from retrodict.lift.patterns.pattern import Pattern, RunEnd
from retrodict.lift.schedules.loop_nest import Schedule
from retrodict.lift.spreading import spread_out
from retrodict.lift.templates.template import Template

if TYPE_CHECKING:
    from retrodict.lift.lifted_certificate import LiftedCertificate
    from retrodict.lift.roles import Reading
    from retrodict.pictures import Picture

Exceptions = Mapping[str, tuple[tuple[RunEnd, tuple[Pattern, ...]], ...]]


@dataclass(frozen=True, eq=False, repr=False)
class LiftedInverse(Portable):
    r"""A factorization of the posterior of a template, one pattern of parents for all instances of a latent.

    It is made by `invert` of a `Template`; ``rd.certify`` proves it for all sizes.

    Arguments:
        template: the template that was inverted.
        schedule: the order in which latents are drawn, a nest of loops.
        patterns: the parents of each latent, each a `Pattern`.
        exceptions: what a latent needs beside at single first or last times, where relations single these out.
        regular: whether the parents of a latent skip no times; where they do, its runs are hulls, and not minimal.
        margins: how far an end of time is felt, and the length of time that shows every case.
        strategy: ``lifted`` if it was derived, ``guide`` if somebody wrote it.

    >>> from retrodict import Template, invert
    >>> inverse = invert(Template("mu; theta[j] | mu; y[j,n] | theta[j]", observed=["y"]))
    >>> inverse.schedule, inverse.parents["theta"]
    ((mu; each j: (theta)), ('mu', 'y[j,*]'))
    >>> inverse.at({"j": 2, "n": 3}).parents["theta[1]"]
    ('mu', 'y[1,0]', 'y[1,1]', 'y[1,2]')
    """

    template: Template
    schedule: Schedule
    patterns: Mapping[str, tuple[Pattern, ...]]
    exceptions: Exceptions
    regular: Mapping[str, bool]
    margins: Margins
    strategy: str = "lifted"

    def __repr__(self) -> str:
        return f"LiftedInverse({self.strategy}: {self.schedule}, {len(self.patterns)} latents)"

    def __str__(self) -> str:
        return "\n".join(self.list_rows())

    @cached_property
    def parents(self) -> Mapping[str, tuple[str, ...]]:
        """The parents of each latent as texts such as ``y[j,*]``: all that a pattern means, at every index."""
        return FrozenMap({name: self._write(patterns) for name, patterns in self.patterns.items()})

    @property
    def generative(self) -> tuple[str, ...]:
        """Barren latents, drawn from the model's own conditionals."""
        return self.template.barren

    @cached_property
    def roles(self) -> Mapping[str, Reading]:
        """What the encoder of each latent reads: families of its component, by what is known of them."""
        from retrodict.lift.roles import find_roles

        return FrozenMap(find_roles(self))

    def _write(self, patterns: Iterable[Pattern]) -> tuple[str, ...]:
        return tuple(pattern.write(self.template[pattern.name].dims, self.template.time) for pattern in patterns)

    def list_rows(self) -> list[str]:
        """Return the inverse as text, a line a latent, and one for each exception at an end of time.

        >>> from retrodict import Template, invert
        >>> invert(Template("z0; z[t] | z[t-1] z0@0; x[t] | z[t]", observed=["x"])).list_rows()
        ['z0 <- x[*]', 'z[t] <- z[t-1] x[t..T-1]', 'z[t] at t=0 also <- z0']
        """
        rows = []
        for name in self.schedule.drawn:
            head = str(self.template[name])
            rows.append(f"{head} <- {' '.join(self.parents[name]) or '()'}")
            rows += [
                f"{head} at {self.template.time}={end.write(self.template.time or '')} also <- "
                f"{' '.join(self._write(patterns))}"
                for end, patterns in self.exceptions[name]
            ]
        return rows

    def at(self, sizes: Mapping[str, int], missing: Iterable[Name] = ()) -> Inverse:
        """Return the inverse at given sizes, an ordinary one of `Template.at`.

        Arguments:
            sizes: the size of each dim, at least 1.
            missing: names of instances that are missing, such as ``y[3]``, of variables that may be.

        Returns: an `Inverse`; a pattern means there what of it exists, is informed and is known in time.

        Raises: what `Template.at` raises, `SizeError` for more edges than can be written out, and `OptionError` for
        instances that may not be missing.
        """
        return spread_out(self, sizes, list(missing))

    def depth(self, sizes: Mapping[str, int]) -> int:
        """Return how many steps it takes to draw all latents at given sizes, the length of the longest chain.

        >>> from retrodict import Template, invert
        >>> invert(Template("z[t] | z[t-1]; x[t] | z[t]", observed=["x"])).depth({"t": 50})
        50
        """
        return self.at(sizes).depth

    def n_edges(self, sizes: Mapping[str, int]) -> int:
        """Return the number of edges at given sizes."""
        return self.at(sizes).n_edges

    def judge(self) -> LiftedCertificate:
        """Return the verdict for all sizes; ``rd.certify`` calls it."""
        from retrodict.lift.lifted_certificate import judge

        return judge(self)

    def plot(self) -> Picture:
        """Return a picture in plate notation: from parents to latents, each arrow with the indices that it means."""
        from retrodict.lift.lifted_picture import draw_lifted

        return draw_lifted(self)

    def _repr_svg_(self) -> str:
        return self.plot().to_svg()
