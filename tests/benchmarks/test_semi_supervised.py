"""Digits with few labels: structures are derived and not written, programs have them, and the page judges fairly."""

from __future__ import annotations

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import handlers

import retrodict as rd
from benchmarks.semi_supervised.page import PAGE, write_page
from benchmarks.semi_supervised.program import CLASSES, STYLES, LabeledImages, count_parameters, make_program
from benchmarks.semi_supervised.run import RESULTS, mark_labels, state_encoder
from benchmarks.semi_supervised.structures import GIVEN, LATENTS, find_lacking, make_arms
from benchmarks.stamp import unstamp

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


@pytest.mark.parametrize("hidden", [(), (5,)])
def test_naive_bayes_says_all_that_edges_say_of_means(hidden: tuple[int, ...]) -> None:
    """Styles whose means alone depend on others: a decoder with other first weights draws the same images."""
    derived = LabeledImages(ARMS["derived"].generator, hidden, 3)
    no_spread = (derived.by_label.at[:, 1].set(0.0), derived.by_style.at[:, 1].set(0.0))
    derived = eqx.tree_at(lambda program: (program.by_label, program.by_style), derived, no_spread)
    by_label, by_style = derived.by_label[:, 0], jnp.tril(derived.by_style[:, 0], -1)
    from_label, from_style = jnp.split(derived.decoder.layers[0].weight, [CLASSES], axis=1)
    from_style = from_style @ jnp.linalg.inv(jnp.eye(STYLES) - by_style)
    weight = jnp.concatenate([from_label + from_style @ by_label, from_style], axis=1)
    decoder = eqx.tree_at(lambda net: net.layers[0].weight, derived.decoder, weight)
    naive = LabeledImages(ARMS["naive Bayes"].generator, hidden, 4)
    naive = eqx.tree_at(lambda program: program.decoder, naive, decoder)
    for key in jax.random.split(jax.random.key(0), 5):
        drawn = [handlers.trace(handlers.seed(program, key)).get_trace() for program in (derived, naive)]
        assert drawn[0]["z3"]["value"] != drawn[1]["z3"]["value"]
        np.testing.assert_allclose(*(one["x"]["fn"].logits for one in drawn), atol=1e-5)


def test_a_linear_decoder_is_one_affine_map() -> None:
    for arm in ARMS.values():
        program = make_program(arm.generator, 4000, 0, "linear")
        assert len(program.decoder.layers) == 1
        edges = 4 * CLASSES + 6 if any(arm.generator.values()) else 0
        assert count_parameters(program) == (CLASSES + STYLES + 1) * 64 + 2 * edges


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

    linear = {"naive Bayes": make(0.0), "derived": make(gain)}
    page = write_page({"hidden layer": linear | {"fully connected": make(gain)}, "linear": linear})
    assert page.count(f"The derived model {said} naive Bayes by more than two standard errors") == 2
    assert page.count("derived above naive Bayes") == 2
    assert page.count("fully connected above naive Bayes") == 1


def test_the_page_is_that_of_the_results() -> None:
    assert write_page(json.loads(RESULTS.read_text())) == unstamp(PAGE.read_text(encoding="utf-8"))
