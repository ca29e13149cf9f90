"""One digest: the same for the same, another for whatever differs."""

from __future__ import annotations

import itertools

import jax.numpy as jnp
import numpy as np

from retrodict.files.digest import digest

ROW = np.arange(6, dtype=np.float32)


def test_the_same_has_the_same_digest() -> None:
    grid = ROW.reshape(2, 3)
    same = [grid, grid.astype(">f4"), np.asfortranarray(grid), jnp.asarray(grid), np.repeat(grid, 2, axis=1)[:, ::2]]
    assert len({digest(array, 1) for array in same}) == 1
    assert digest({"a": 1, "b": [None, 2.5]}) == digest({"b": [None, 2.5], "a": 1})
    assert digest(np.float32(3)) == digest(np.array(3, np.float32))


def test_whatever_differs_has_another_digest() -> None:
    different = [
        (),
        (ROW,),
        (ROW, ROW),
        (ROW[:3], ROW[3:]),
        (np.concatenate([ROW, ROW]),),
        (ROW.reshape(2, 3),),
        (ROW.view(np.int32),),
        (ROW + np.eye(1, 6, 5, dtype=np.float32)[0],),
        (np.zeros((0, 2)),),
        (np.zeros((0, 3)),),
        (np.zeros((2, 0)),),
        (np.zeros(1),),
        (np.array(0.0),),
        (np.zeros(1, bool),),
        ("a", "b"),
        ("ab",),
        (["a", "b"],),
        (1, 23),
        (12, 3),
        ("1", 23),
        (None,),
        (True,),
        ({},),
        ([],),
        ({"a": 1},),
    ]
    for one, other in itertools.combinations(different, 2):
        assert digest(*one) != digest(*other), (one, other)
