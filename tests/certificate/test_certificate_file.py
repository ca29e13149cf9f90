"""A saved certificate is confirmed by a program that knows nothing of retrodict, and a forged one is not."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from retrodict.certificate.certify import Certificate, certify
from retrodict.errors import FileError, GraphError, SizeError
from retrodict.exact.certifying import certify as certify_model
from retrodict.graph.bayesnet import BayesNet
from retrodict.guide.judging.lint import lint
from retrodict.invert import fully_connected, invert, mean_field, reversal
from retrodict.zoo import binary_tree
from tests.cases import SMALL_CASES, Case, pick
from tests.processes import ROOT
from tests.random_models import RandomModel, guided_models

PROGRAM = ROOT / "examples" / "recheck_certificate.py"
File = dict[str, Any]

_spec = spec_from_file_location("recheck_certificate", PROGRAM)
assert _spec is not None
assert _spec.loader is not None
recheck = module_from_spec(_spec)
_spec.loader.exec_module(recheck)


def run(path: Path) -> int:
    """Run the program apart: -I and -S leave it nothing but the standard library."""
    command = [sys.executable, "-I", "-S", str(PROGRAM), str(path)]
    return subprocess.run(command, check=False, capture_output=True, timeout=60).returncode  # noqa: S603


def certify_reversal() -> Certificate:
    return certify(reversal(pick("figure 1").net))


@pytest.mark.parametrize(("make", "status"), [(invert, 0), (reversal, 1), (mean_field, 1), (fully_connected, 1)])
def test_the_program_confirms_what_was_saved(make: Callable[..., Any], status: int, tmp_path: Path) -> None:
    certify(make(pick("figure 1").net)).save(tmp_path / "certificate.json")
    assert run(tmp_path / "certificate.json") == status


@pytest.mark.parametrize("case", SMALL_CASES, ids=str)
def test_every_case_is_confirmed(case: Case, tmp_path: Path) -> None:
    for make in (invert, reversal, mean_field, fully_connected):
        certificate = certify(make(case.net))
        certificate.save(tmp_path / "certificate.json")
        assert recheck.main(tmp_path / "certificate.json") == (0 if certificate and certificate.minimal else 1)


@given(guided_models())
def test_every_random_guide_is_confirmed(guided: tuple[RandomModel, dict[int, list[int]]]) -> None:
    model, guide = guided
    named = RandomModel(model.dag, model.observed, tuple(f"v{v}" for v in range(len(model.dag))))
    file = lint(named.net, {f"v{v}": [f"v{u}" for u in above] for v, above in guide.items()}).to_dict()
    recheck.require_truth(file)


def forge(change: Callable[[File], Any]) -> File:
    file = copy.deepcopy(certify_reversal().to_dict())
    change(file)
    return file


def set_verdict(file: File, **values: Any) -> None:
    file["certificate"].update(values)


FORGERIES: dict[str, Callable[[File], Any]] = {
    "faithful after all": lambda file: set_verdict(file, faithful=True),
    "not minimal after all": lambda file: set_verdict(file, minimal=False),
    "nothing missing": lambda file: set_verdict(file, faithful=True, missing=[]),
    "one missing edge less": lambda file: file["certificate"]["missing"].pop(),
    "one missing edge twice": lambda file: file["certificate"]["missing"].append(file["certificate"]["missing"][0]),
    "a removable edge more": lambda file: file["certificate"]["removable"].append({"parent": "x3", "child": "x1"}),
    "a path without evidence": lambda file: file["certificate"]["missing"][0].update(path=[]),
    "a path that jumps": lambda file: file["certificate"]["missing"][0]["path"].__delitem__(1),
    "a path to elsewhere": lambda file: file["certificate"]["missing"][0]["path"].reverse(),
    "another model": lambda file: file["model"]["parents"].update(x1=[]),
    "a model with a cycle": lambda file: file["model"]["parents"].update(x0=["x3"]),
    "an observed variable more": lambda file: file["model"]["observed"].append("x0"),
    "an observed variable less": lambda file: file["model"]["observed"].pop(),
    "an edge of the inverse less": lambda file: file["inverse"]["parents"]["x1"].pop(),
    "another order": lambda file: file["inverse"]["sampling_order"].reverse(),
    "another version": lambda file: file.update(version=2),
    "no verdict": lambda file: file.pop("certificate"),
    "no object": lambda file: file.update(model=[]),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_file_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "forged.json").write_text(json.dumps(forge(FORGERIES[name])))
    assert recheck.main(tmp_path / "forged.json") == 2


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000])
def test_what_is_no_certificate_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "text.json").write_text(text)
    assert run(tmp_path / "text.json") == 2


def test_a_file_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert run(tmp_path / "nothing.json") == 2


def test_the_program_is_a_page_and_imports_the_standard_library() -> None:
    assert len(PROGRAM.read_text().splitlines()) <= 120
    assert "import retrodict" not in PROGRAM.read_text()


def test_a_file_holds_what_was_certified(tmp_path: Path) -> None:
    certificate = certify_reversal()
    certificate.save(tmp_path / "certificate.json")
    file = json.loads((tmp_path / "certificate.json").read_text(encoding="utf-8"))
    assert file == certificate.to_dict() == json.loads(certificate.to_json())
    assert (file["format"], file["version"]) == ("retrodict-certificate", 1)
    assert set(file["certificate"]) == {"faithful", "minimal", "missing", "removable"}
    net = BayesNet(file["model"]["parents"], observed=file["model"]["observed"])
    assert net == certificate.inverse.net
    assert file["inverse"]["parents"] == {name: list(above) for name, above in certificate.inverse.parents.items()}
    assert tuple(file["inverse"]["sampling_order"]) == certificate.inverse.sampling_order
    assert file["inverse"]["edges"] == sum(map(len, file["inverse"]["parents"].values()))


def test_a_file_names_the_latents_that_need_no_network(tmp_path: Path) -> None:
    certify_model(invert(binary_tree(3))).save(tmp_path / "certificate.json")
    file = json.loads((tmp_path / "certificate.json").read_text(encoding="utf-8"))
    assert file["certificate"]["closed"] == dict.fromkeys(("x0", "x1", "x2"), "linear Gaussian")
    assert recheck.main(tmp_path / "certificate.json") == 0


def test_names_of_any_script_are_carried(tmp_path: Path) -> None:
    certify(invert(BayesNet({'ζ \n"': [], "": ['ζ \n"']}, observed=[""]))).save(tmp_path / "certificate.json")
    assert recheck.main(tmp_path / "certificate.json") == 0


@pytest.mark.parametrize("name", [1, ("a", 1), None, "\ud800"])
def test_names_that_json_cannot_carry_are_refused(name: Any, tmp_path: Path) -> None:
    certificate = certify(invert(BayesNet({name: [], "x": [name]}, observed=["x"])))
    with pytest.raises(GraphError, match="a certificate file carries names that are text, not") as error:
        certificate.save(tmp_path / "certificate.json")
    assert error.value.variables == (name,)
    assert list(tmp_path.iterdir()) == []


def test_saving_replaces_as_a_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "certificate.json"
    certify_reversal().save(path)
    before = path.read_text()

    def fail(*_: Any) -> None:
        raise OSError(28, "no space left")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(FileError, match="no space left"):
            certify(invert(pick("figure 1").net)).save(path)
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]
    certify(invert(pick("figure 1").net)).save(path)
    assert run(path) == 0


def test_an_inverse_too_large_to_write_out_is_refused() -> None:
    n = 10_001
    parents = {f"z{t}": [f"z{t - 1}"] if t else [] for t in range(n)} | {f"x{t}": [f"z{t}"] for t in range(n)}
    net = BayesNet(parents, observed=[f"x{t}" for t in range(n)])
    certificate = certify(invert(net, "reverse"))
    assert certificate.minimal
    with pytest.raises(SizeError, match="may be written out"):
        certificate.to_dict()
