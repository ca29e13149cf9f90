"""Trees and named arrays: what is listed fills the tree again, and what does not fit is named by its place."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from retrodict.encode.trees import fill, find_misfits, list_arrays


class Part(eqx.Module):
    weight: Any
    index: Any
    name: str = eqx.field(static=True)


def build(value: float) -> dict[str, Any]:
    return {"part": Part(jnp.full((2, 3), value), jnp.arange(3), "x"), "scale": jnp.array(value), "word": "kept"}


def test_what_is_listed_fills_the_tree_again() -> None:
    listed = list_arrays(build(1.0))
    assert sorted(listed) == ["['part'].weight", "['scale']"]
    filled = fill(build(2.0), listed)
    assert eqx.tree_equal(filled, build(1.0))
    assert "['part'].index" in list_arrays(build(1.0), eqx.is_array)


def test_a_tree_keeps_its_precision() -> None:
    wide = {place: array.astype(np.float64) for place, array in list_arrays(build(1.0)).items()}
    assert find_misfits(build(2.0), wide) == []
    assert fill(build(2.0), wide)["scale"].dtype == jnp.float32


@pytest.mark.parametrize(
    ("place", "array"),
    [
        ("['scale']", np.zeros(1)),
        ("['scale']", np.zeros((), np.int32)),
        ("['scale']", None),
        ("['stranger']", np.zeros(2)),
        ("['part'].index", np.arange(3)),
    ],
    ids=["shape", "kind", "missing", "stranger", "not chosen"],
)
def test_misfits_are_named(place: str, array: Any) -> None:
    listed = list_arrays(build(1.0)) | {place: array}
    given = {place: array for place, array in listed.items() if array is not None}
    assert find_misfits(build(1.0), given) == [place]
