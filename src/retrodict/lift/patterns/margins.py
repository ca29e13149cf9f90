"""How far an end of time is felt, and the length of time that shows every case: the bounds of theorem 2."""

from __future__ import annotations

from dataclasses import dataclass

from retrodict.lift.templates.template import Template

# Copies of a plate that show every case: one below, one at and one above the own index (theorem 1).
CELLS = 3


@dataclass(frozen=True)
class Margins:
    r"""``end``: columns after which an end of time is no longer felt; ``near``: how far the window of a time reaches.

    With :math:`k` the largest lag, :math:`n` variables, and :math:`P` ports, the latents in :math:`k` columns of time
    and those without time, copies counted: :math:`M = (n + 2) k + P`, :math:`D = M + P`, :math:`T_0 = 2 (M + D) + 1`.

    >>> Margins.of(Template("z[t] | z[t-1]; x[t] | z[t]", observed=["x"]))
    Margins(end=5, near=6)
    """

    end: int
    near: int

    @classmethod
    def of(cls, template: Template) -> Margins:
        """Return the bounds of theorem 2: a partition of P ports can be merged P - 1 times, once a column."""
        if template.time is None:
            return cls(0, 0)
        reach = max(template.max_lag, 1)
        plates = {name: [dim for dim in template[name].dims if dim != template.time] for name in template.latents}
        ports = sum(CELLS ** len(dims) * (reach if template.is_timed(name) else 1) for name, dims in plates.items())
        end = (len(template.variables) + 2) * reach + ports
        return cls(end, end + ports)

    @property
    def length(self) -> int:
        """The time that shows every case."""
        return 2 * (self.end + self.near) + 1

    def list_sizes(self, template: Template) -> dict[str, int]:
        """Return the sizes that show every case."""
        return {dim: self.length if dim == template.time else CELLS for dim in template.dims}
