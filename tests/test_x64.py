"""With ``JAX_ENABLE_X64=1`` everything works, without a warning, and files go from one kind of process to the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import precision
from tests.processes import run_python

START = """
import json, os, warnings
from pathlib import Path
warnings.simplefilter("error")
import jax
assert jax.numpy.zeros(()).dtype == "float64"
from tests import precision
folder = Path(os.environ["FOLDER"])
"""


def run_in_64_bits(code: str, folder: Path) -> Any:
    """Run code that prints JSON at its end."""
    printed = run_python(START + code, FOLDER=str(folder), JAX_ENABLE_X64="1")
    return json.loads(printed.splitlines()[-1])


def test_a_posterior_is_trained_and_loaded_in_either_precision(tmp_path: Path) -> None:
    precision.write_posterior(tmp_path / "32")
    there = run_in_64_bits(
        """
precision.write_posterior(folder / "64")
print(json.dumps([precision.read_posterior(folder / written) for written in ("32", "64")]))
""",
        tmp_path,
    )
    here = [precision.read_posterior(tmp_path / written) for written in ("32", "64")]
    np.testing.assert_allclose(there, here, rtol=1e-4)


@pytest.mark.slow
def test_a_model_is_learned_and_loaded_in_either_precision(tmp_path: Path) -> None:
    precision.write_learned(tmp_path / "32")
    there = run_in_64_bits(
        """
precision.write_learned(folder / "64")
print(json.dumps([precision.read_learned(folder / written) for written in ("32", "64")]))
""",
        tmp_path,
    )
    here = [precision.read_learned(tmp_path / written) for written in ("32", "64")]
    np.testing.assert_allclose(there, here, atol=0.05)  # means over other draws


@pytest.mark.slow
def test_guides_and_variables_of_every_kind_work_in_64_bits(tmp_path: Path) -> None:
    assert run_in_64_bits("precision.amortize_all(); print(json.dumps(precision.guide()))", tmp_path) < 100
