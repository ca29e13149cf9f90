"""Every example runs, and what it prints is right: a few steps in ordinary tests, as many as it takes in slow ones."""

from __future__ import annotations

import importlib.util
import inspect

import numpy as np
import pytest

from tests.processes import ROOT

UNTRAINED = ("read_weights", "recheck_certificate", "recheck_lifted_certificate", "vae_structure")
PROGRAMS = sorted(path for path in (ROOT / "examples").glob("*.py") if path.stem not in UNTRAINED)

QUICK = ("binary_tree", "covariates", "hidden_markov")  # the others are compiled in slow tests only


def load(name):
    specification = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", [*PROGRAMS, ROOT / "examples" / "vae_structure.py"], ids=lambda path: path.stem)
def test_examples_are_short(path):
    assert len(path.read_text().splitlines()) <= 40


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_examples_train_until_they_are_right(path):
    assert inspect.signature(load(path.stem).main).parameters["steps"].default >= 1000


@pytest.mark.filterwarnings("ignore::retrodict.errors.NoveltyWarning")
@pytest.mark.parametrize("name", QUICK)
def test_examples_run(name, capsys):
    load(name).main(steps=20)
    assert capsys.readouterr().out


def test_edges_of_autoencoders_are_those_of_the_formula():
    """Of 30 latents over 64 pixels: 435 pairs. Of 10 above 20: all edges of the program, and 45 + 190 pairs."""
    found, verdict = load("vae_structure").main()
    assert found["one layer"] == {
        "mean field": (1920, 435),
        "reversal": (1920, 435),
        "forward": (2355, 0),
        "auto": (2355, 0),
    }
    assert found["two layers"] == {
        "mean field": (1920, 435),
        "reversal": (1480, 235),
        "forward": (1715, 0),
        "auto": (1715, 0),
    }
    pairs = {frozenset((edge.parent, edge.child)) for edge in verdict.missing}
    assert len(verdict.missing) == len(pairs) == 5 * 4 / 2


def check_eight_schools(found):
    """Beside NUTS, 50,000 draws of the non-centered program. Where weights cannot be relied on, they say so."""
    assert found["non_centered"].khat < 0.7
    for weighed in (weighed for weighed in found.values() if weighed.reliable):
        for name, mean, sd in (("mean", 4.398, 3.336), ("spread", 3.63, 3.263)):
            assert float(weighed.mean[name]) == pytest.approx(mean, abs=0.1 * sd)
            assert float(weighed.sd[name]) == pytest.approx(sd, rel=0.1)


def check_any_number_of_schools(found):
    """Beside quadrature over mu and tau, each theta integrated out."""
    module = load("any_number_of_schools")
    mu, tau = np.meshgrid(np.linspace(-40, 40, 401), np.linspace(0.02, 80, 800), indexing="ij")
    known = {
        "eight schools": np.arange(8),
        "three schools": np.arange(3),
        "two silent": np.flatnonzero(module.EFFECTS > 0),
    }
    for asked, weighed in found.items():
        log_p = -0.5 * (mu / 10) ** 2 - 0.5 * (tau / 10) ** 2
        for y, error in zip(module.EFFECTS[known[asked]], module.ERRORS[known[asked]], strict=True):
            log_p = log_p - 0.5 * ((y - mu) ** 2 / (tau**2 + error**2) + np.log(tau**2 + error**2))
        weights = np.exp(log_p - log_p.max())
        weights /= weights.sum()
        assert weighed.reliable
        for name, grid in (("mu", mu), ("tau", tau)):
            mean = (weights * grid).sum()
            sd = np.sqrt((weights * (grid - mean) ** 2).sum())
            assert float(weighed.mean[name]) == pytest.approx(mean, abs=0.1 * sd)
            assert float(weighed.sd[name]) == pytest.approx(sd, rel=0.1)


def check_gaussian_mixture(draws):
    assert draws["group"].mean(axis=0) == pytest.approx([0, 0, 1, 1], abs=0.02)
    assert draws["centers"].mean(axis=0) == pytest.approx([-1.97, 1.97], abs=0.1)


def check_sigmoid_belief_net(distance):
    assert distance <= 0.01


def check_binary_tree(result):
    assert result[0] == pytest.approx(result[1], abs=0.05)


def check_hidden_markov(result):
    assert np.abs(result[0] - result[1]).max() < 0.05


def check_prediction(draws):
    assert float(draws.mean()) == pytest.approx(1.0, abs=0.15)
    assert float(draws.var()) == pytest.approx(4.5, rel=0.15)


def check_covariates(result):
    assert result[0] == pytest.approx(result[1], abs=0.05)


def check_positive_and_simplex(result):
    mean, exact = result
    assert float(mean["rate"]) == pytest.approx(exact["rate"], rel=0.03)
    assert mean["shares"] == pytest.approx(exact["shares"], abs=0.02)


CHECKS = {
    "any_number_of_schools": check_any_number_of_schools,
    "binary_tree": check_binary_tree,
    "covariates": check_covariates,
    "eight_schools": check_eight_schools,
    "gaussian_mixture": check_gaussian_mixture,
    "hidden_markov": check_hidden_markov,
    "positive_and_simplex": check_positive_and_simplex,
    "prediction": check_prediction,
    "sigmoid_belief_net": check_sigmoid_belief_net,
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::retrodict.errors.NoveltyWarning")
@pytest.mark.parametrize("name", [path.stem for path in PROGRAMS])
def test_examples_are_right(name):
    CHECKS[name](load(name).main())
