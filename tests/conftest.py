"""Fixtures that tests of several folders share, and the law that every program read may be held to."""

import sys
from collections.abc import Callable

import pytest

from retrodict.cli import main


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line with these arguments; gives its exit status, output and errors."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["retrodict", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        captured = capsys.readouterr()
        return int(stopped.value.code or 0), captured.out, captured.err

    return call


# -- the law of programs -----------------------------------------------------------------------------


def pytest_addoption(parser):
    parser.addoption("--law", action="store_true", help="Hold every NumPyro program that a test reads to tests/law.py.")


@pytest.fixture(scope="session")
def read_programs(request):
    """The models that were read from NumPyro programs since this list was emptied; none are noted without ``--law``."""
    models = []
    if not request.config.getoption("--law"):
        yield models
        return
    from retrodict.read.numpyro import reader as numpyro

    with pytest.MonkeyPatch.context() as patch:
        make = numpyro.NumpyroModel
        patch.setattr(numpyro, "NumpyroModel", lambda *parts: models.append(make(*parts)) or models[-1])
        yield models


@pytest.fixture(autouse=True)
def hold_programs_to_the_law(read_programs):
    yield
    models, read_programs[:] = list(read_programs), []
    for model in models:
        from tests.law import check

        check(model)
