"""Random data in long format, ragged, nested and crossed, with covariates at each level, read back by their keys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import retrodict as rd
from tests.read.templates.test_template_programs import require_law


@dataclass(frozen=True)
class Table:
    """Rows with a class, and either classes with a school, or rows with a school."""

    nested: bool
    classes: np.ndarray
    schools: np.ndarray
    x_school: np.ndarray
    x_class: np.ndarray
    x_row: np.ndarray


def draw_table(seed: int) -> Table:
    rng = np.random.default_rng(seed)
    nested, n_schools = bool(rng.integers(2)), int(rng.integers(3, 6))
    n_classes = n_schools + int(rng.integers(1, 5))
    n_rows = n_classes + int(rng.integers(1, 12))
    n_keyed = n_classes if nested else n_rows
    classes = rng.permutation(np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n_rows - n_classes)]))
    schools = rng.permutation(np.concatenate([np.arange(n_schools), rng.integers(0, n_schools, n_keyed - n_schools)]))
    return Table(nested, classes, schools, *(rng.normal(size=n) for n in (n_schools, n_classes, n_rows)))


def program(table: Table) -> None:
    slope = numpyro.sample("slope", dist.Normal(0, 1))
    with numpyro.plate("school", len(table.x_school)):
        a = numpyro.sample("a", dist.Normal(slope * table.x_school, 1))
    with numpyro.plate("class", len(table.x_class)):
        above = a[table.schools] if table.nested else 0.0
        b = numpyro.sample("b", dist.Normal(above + table.x_class, 1))
    beside = 0.0 if table.nested else a[table.schools]
    with numpyro.plate("row", len(table.x_row)):
        numpyro.sample("y", dist.Normal(b[table.classes] + beside + table.x_row, 1))


def list_cells(table: Table) -> list[tuple[int, ...]]:
    schools = table.schools[table.classes] if table.nested else table.schools
    return list(zip(schools.tolist(), table.classes.tolist(), strict=True))


@pytest.mark.parametrize("seed", range(10))
def test_reads_long_format_by_its_keys(seed):
    table = draw_table(seed)
    model = rd.from_numpyro(lambda: program(table), observed=["y"], template=True)
    template, cells = model.template, list_cells(table)
    inner = {"school", "class"} if table.nested else {"class"}
    rows = {"school", "class"} | ({"row"} if len(set(cells)) < len(cells) else set())
    assert {v.name: set(v.dims) for v in template.variables if v.name in "aby"} == {
        "a": {"school"},
        "b": inner,
        "y": rows,
    }
    known = [v for v in template.variables if v.name in model.covariates]
    assert sorted((frozenset(v.dims) for v in known), key=len) == sorted(
        map(frozenset, ({"school"}, inner, rows)), key=len
    )
    assert set(template.constants) == set(model.covariates)  # closed over
    (values,) = (values for v in known if set(v.dims) == rows for values in [model.covariates[v.name]])
    present = ~np.isnan(values)
    assert sorted(values[present].tolist()) == pytest.approx(sorted(table.x_row.tolist()))
    counts = present.sum(axis=tuple(k for k, dim in enumerate(template["y"].dims) if dim != "school"))
    assert counts.tolist() == np.bincount([school for school, _ in cells]).tolist()
    require_law(model)
    assert rd.certify(rd.invert(model).at(model.sizes)).faithful
