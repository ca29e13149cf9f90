"""Certificates for all sizes: their scope, their files, and the program that checks these without the package."""

from __future__ import annotations

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

import retrodict as rd
from retrodict import zoo
from tests.lift.by_hand import BY_HAND
from tests.processes import ROOT

PROGRAM = ROOT / "examples" / "recheck_lifted_certificate.py"


@pytest.fixture(scope="module")
def recheck() -> Any:
    sys.path.insert(0, str(PROGRAM.parent))
    try:
        spec = spec_from_file_location("recheck_lifted_certificate", PROGRAM)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(PROGRAM.parent))
    return module


CHECKED = ["hierarchy", "radon", "crossed", "birds", "ssm", "second-order", "switching", "two-layers"]


@pytest.mark.parametrize("name", [*CHECKED, *(pytest.param(n, marks=pytest.mark.slow) for n in sorted(BY_HAND))])
def test_files_are_confirmed(name: str, recheck: Any, tmp_path: Path) -> None:
    rd.certify(rd.invert(zoo.template(name), BY_HAND[name].schedule)).save(tmp_path / "file.json")
    assert recheck.main(tmp_path / "file.json") == 0


SPECIAL = {
    "missing": rd.Template("phi; z[t] | z[t-1] phi; y[t] | y[t-1] z[t]", observed=["y"], may_be_missing=["y"]),
    "start": rd.Template("z0; z[t] | z[t-1] z0@0; x[t] | z[t]", observed=["x"]),
    "end": rd.Template("z[t] | z[t-1]; x[t] | z[t]; w | z[-1]", observed=["x", "w"]),
    "cumulative": rd.Template("a[i]; x[i] | a[..i]", observed=["x"]),
    "stride": rd.Template("z[t] | z[t-2]; x[t] | z[t]", observed=["x"]),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_special_templates_are_confirmed(name: str, recheck: Any, tmp_path: Path) -> None:
    verdict = rd.certify(rd.invert(SPECIAL[name]))
    assert verdict
    verdict.save(tmp_path / "file.json")
    assert recheck.main(tmp_path / "file.json") == 0


@pytest.mark.parametrize(
    ("name", "order"), [("second-order", "(halves t: (z))"), ("two-layers", "(halves t: (z2; z1))")]
)
def test_halves_are_confirmed(name: str, order: str, recheck: Any, tmp_path: Path) -> None:
    rd.certify(rd.invert(zoo.template(name), order)).save(tmp_path / "file.json")
    assert recheck.main(tmp_path / "file.json") == 0


def test_what_is_missing_is_confirmed(recheck: Any, tmp_path: Path) -> None:
    rd.lint(zoo.template("ssm"), {"z[t]": ["z[t-1]", "x[t]"]}).save(tmp_path / "file.json")
    assert recheck.main(tmp_path / "file.json") == 1


def change(file: dict[str, Any], what: str) -> None:
    """Forge a certificate in one place."""
    if what == "a pattern":
        del file["patterns"]["z"][0]
    elif what == "a relation":
        file["template"]["relations"].append(file["template"]["relations"][0] | {"lag": 2})
    elif what == "the sizes":
        file["sizes"]["t"] = 7
    elif what == "the verdict":
        file["certificate"]["faithful"] = False
    elif what == "the schedule":
        file["schedule"][0]["how"] = "down"


@pytest.mark.parametrize("what", ["a pattern", "a relation", "the sizes", "the verdict", "the schedule"])
def test_forgeries_are_found(what: str, recheck: Any, tmp_path: Path) -> None:
    file = rd.certify(rd.invert(zoo.template("ssm"))).to_dict()
    change(file, what)
    (tmp_path / "file.json").write_text(json.dumps(file))
    assert recheck.main(tmp_path / "file.json") == 2


@pytest.mark.parametrize(
    ("template", "scope"),
    [
        (zoo.template("radon"), "for all sizes"),
        (SPECIAL["stride"], "for all sizes, not minimal"),
        (SPECIAL["start"], "for all sizes with t > 3, shorter series unrolled"),
        (
            rd.Template("se[j]; m; th[j] | m; y[j] | th[j] se[j]", ["se", "y"], constants=["se"]),
            "for all sizes, this design",
        ),
        (rd.Template("z[t] | z[t-1]; y[t] | z[..t]", ["y"]), "checked up to t=23"),
    ],
)
def test_scopes(template: rd.Template, scope: str) -> None:
    assert rd.certify(rd.invert(template)).scope == scope


def test_short_series_are_unrolled() -> None:
    lifted = rd.invert(SPECIAL["end"])
    for t in range(1, 9):
        assert rd.certify(lifted.at({"t": t})).n_missing == 0
