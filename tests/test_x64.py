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


WRITE_AND_READ = """
precision.write_{what}(folder / "64")
print(json.dumps([precision.read_{what}(folder / written) for written in ("32", "64")]))
"""


@pytest.mark.parametrize(
    ("what", "tolerances"),
    [
        ("posterior", {"rtol": 1e-4}),
        pytest.param("learned", {"atol": 0.05}, marks=pytest.mark.slow),  # means over other draws
    ],
)
def test_what_is_trained_is_loaded_in_either_precision(what: str, tolerances: Any, tmp_path: Path) -> None:
    write, read = getattr(precision, f"write_{what}"), getattr(precision, f"read_{what}")
    write(tmp_path / "32")
    there = run_in_64_bits(WRITE_AND_READ.format(what=what), tmp_path)
    np.testing.assert_allclose(there, [read(tmp_path / written) for written in ("32", "64")], **tolerances)


@pytest.mark.slow
def test_guides_and_variables_of_every_kind_work_in_64_bits(tmp_path: Path) -> None:
    assert run_in_64_bits("precision.amortize_all(); print(json.dumps(precision.guide()))", tmp_path) < 100
