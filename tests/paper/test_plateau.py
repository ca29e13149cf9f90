"""The learning rate falls where an objective is flat, by the rule written out in plain Python."""

import jax
import numpy as np
import optax
import pytest

from retrodict.paper.plateau import Plateau


def follow(rule: Plateau, objectives) -> list[float]:
    """What the learning rate is multiplied by after each objective, in a compiled loop."""
    optimizer = rule.follow(optax.sgd(1.0))

    def advance(state, value):
        update, state = optimizer.update(1.0, state, value=value)
        return state, -update

    return jax.lax.scan(advance, optimizer.init(0.0), np.asarray(objectives, dtype=np.float32))[1].tolist()


def follow_plainly(rule: Plateau, objectives) -> list[float]:
    best, waited, falls, rate, rates = np.inf, 0, 0, 1.0, []
    for start in range(0, len(objectives), rule.window):
        window = objectives[start : start + rule.window]
        rates += [rate] * (len(window) - 1)
        if len(window) == rule.window:
            mean = np.mean(window)
            waited = 0 if mean < best - rule.least else waited + 1
            best = mean if waited == 0 else best
            if waited == rule.patience and falls < rule.times:
                best, waited, rate, falls = np.inf, 0, rate / 10, falls + 1
        rates.append(rate)
    return rates


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("window", "patience"), [(1, 1), (3, 2), (5, 3)])
def test_it_is_the_plain_rule(seed, window, patience):
    rule = Plateau(window, patience, least=0.05)
    noise = np.random.default_rng(seed).normal(scale=0.1, size=200)
    objectives = 3 * np.exp(-np.arange(200) / 20) + noise
    rates = follow_plainly(rule, objectives)
    assert min(rates) == pytest.approx(0.01)  # it was seen to fall
    assert follow(rule, objectives) == pytest.approx(rates, rel=1e-5)


def test_what_goes_on_improving_keeps_its_rate():
    rule = Plateau(window=4, patience=2, least=0.1)
    assert set(follow(rule, -0.03 * np.arange(400))) == {1.0}
    assert min(follow(rule, -0.01 * np.arange(400))) < 0.02  # 0.08 nats in two windows are not enough


def test_the_constant_of_an_objective_does_not_matter():
    rule = Plateau(window=4, patience=2, least=0.25)
    objectives = np.repeat(2.0 ** -np.arange(12), 4)
    assert follow(rule, objectives) == follow(rule, objectives - 16.0) == follow(rule, objectives + 16.0)


def test_the_report_is_the_last_factor():
    rule = Plateau(window=1, patience=1, least=0.1)
    optimizer = rule.follow(optax.adam(1e-3))
    state = optimizer.init(np.zeros(2))
    seen = []
    for _ in range(5):
        _, state = optimizer.update(np.ones(2), state, value=1.0)
        seen.append(rule.report(state)["rate"])
    assert seen == pytest.approx([1.0, 0.1, 0.1, 0.01, 0.01])


def test_what_comes_after_a_fall_is_not_compared_with_what_came_before():
    rule = Plateau(window=1, patience=2, least=0.1)
    bump = [3.0, 2.0, 1.0, 9.0, 9.0]  # the rate falls here
    recovery = [8.0, 7.0, 6.0, 5.0, 4.0, 3.0]
    assert follow(rule, bump + recovery)[-1] == pytest.approx(0.1)
