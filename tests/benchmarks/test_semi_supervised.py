"""Digits with few labels: structures are derived and not written, programs have them, and the page judges fairly."""

from __future__ import annotations

import numpy as np
import pytest

import retrodict as rd
from benchmarks.semi_supervised.page import write_page
from benchmarks.semi_supervised.program import CLASSES, count_parameters, make_program
from benchmarks.semi_supervised.run import mark_labels, state_encoder
from benchmarks.semi_supervised.structures import GIVEN, LATENTS, find_lacking, make_arms

ARMS = make_arms()


def test_the_derived_generator_lacks_nothing_and_naive_bayes_does() -> None:
    assert find_lacking(GIVEN, ARMS["derived"].generator) == ()
    lacking = find_lacking(GIVEN, ARMS["naive Bayes"].generator)
    assert len(lacking) == sum(map(len, ARMS["derived"].generator.values())) > 0


@pytest.mark.parametrize("name", ARMS)
def test_programs_have_the_graphs_and_equally_many_parameters(name: str) -> None:
    arm = ARMS[name]
    program = make_program(arm.generator, 4000, 0)
    assert abs(count_parameters(program) / 4000 - 1) < 0.015
    model = rd.from_numpyro(program, observed=["x", "seen"], elementwise=True)
    for latent in LATENTS:
        assert set(model.net.parents(latent)) == set(arm.generator[latent])
    assert set(model.net.parents("x[0]")) == set(LATENTS)
    inverse = state_encoder(model, arm)
    for latent in LATENTS:
        read = {parent for parent in inverse.parents[latent] if not parent.startswith("x[")}
        marks = {f"seen[{k}]" for k in range(CLASSES)} if latent == "y" else set()
        assert read == {parent for parent in arm.encoder[latent] if parent != "x"} | marks
        assert f"x[{63}]" in inverse.parents[latent]


def test_ten_labels_of_each_digit_are_seen() -> None:
    labels = np.arange(500) % 10
    marks = mark_labels(labels, 3)
    assert (marks.sum(axis=0) == 10).all()
    assert (labels[marks.any(axis=1)] == marks.argmax(axis=1)[marks.any(axis=1)]).all()


@pytest.mark.parametrize(("gain", "said"), [(0.5, "is above"), (0.001, "is not above")])
def test_the_page_says_what_two_standard_errors_say(gain: float, said: str) -> None:
    def make(shift: float) -> dict[str, dict[str, float]]:
        noise = [0.05 * (-1) ** seed * (shift > 0) for seed in range(5)]
        return {
            str(seed): {
                "likelihood": shift - 20 + away,
                "error": 0.1,
                "parameters": 4000,
                "epochs": 200,
                "seconds": 30.0,
            }
            for seed, away in enumerate(noise)
        }

    results = {"naive Bayes": make(0.0), "derived": make(gain), "fully connected": make(gain)}
    assert f"The derived model {said} naive Bayes by more than two standard errors" in write_page(results)
