"""A saved posterior is read by an example of ten lines that imports nothing of ours: the arrays are the encoder's."""

from __future__ import annotations

import ast
import subprocess
import sys

import equinox as eqx
import jax
import numpy as np

import retrodict as rd
from tests.processes import ROOT

PROGRAM = ROOT / "examples" / "read_weights.py"


def test_an_encoder_is_computed_from_a_file_without_this_package(tmp_path):
    posterior = rd.amortize(rd.zoo.binary_tree(2), steps=0, exact=False, widths=(4,))
    posterior.save(tmp_path)
    names: dict = {"__name__": "script"}
    exec(compile(PROGRAM.read_text(), str(PROGRAM), "exec"), names)  # noqa: S102
    stated, arrays = names["read"](tmp_path / "posterior.safetensors")
    assert stated["content"]["kind"] == "posterior"
    own = jax.tree.leaves(eqx.filter(posterior.encoder, eqx.is_inexact_array))
    found = [array for name, array in arrays.items() if name.startswith("encoder")]
    assert sorted(map(np.shape, own)) == sorted(map(np.shape, found))
    for array in own:
        assert any(np.shape(array) == other.shape and (np.asarray(array) == other).all() for other in found)


def test_the_script_runs_alone_and_imports_nothing_of_ours(tmp_path):
    rd.amortize(rd.zoo.binary_tree(2), steps=0, exact=False, widths=(4,)).save(tmp_path)
    command = [sys.executable, str(PROGRAM), str(tmp_path / "posterior.safetensors")]
    told = subprocess.run(command, capture_output=True, check=True, text=True).stdout  # noqa: S603
    assert "format 3" in told
    assert "float32" in told
    imported = [
        node for node in ast.walk(ast.parse(PROGRAM.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert "retrodict" not in "".join(ast.unparse(node) for node in imported)
