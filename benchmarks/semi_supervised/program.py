"""The generator as a program: a label, a style, marks of what label was seen, and an image."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist

from benchmarks.semi_supervised.structures import LATENTS, STYLES, Parents
from retrodict.zoo.programs.perceptron import Perceptron

CLASSES, PIXELS = 10, 64
# How likely a mark is at the true label, and at any other: marks are zero where no label was seen.
SEEN, WRONG = 0.1, 1e-3
DECODERS = ("hidden layer", "linear")
# The spread of the first weights from label and styles to styles.
START = 0.1


class LabeledImages(eqx.Module):
    """p(y) p(z | y) p(seen | y) p(x | y, z): each style is affine in the parents that a graph gives it."""

    decoder: Perceptron
    by_label: jax.Array
    by_style: jax.Array
    reads_label: tuple[bool, ...] = eqx.field(static=True)
    reads_style: tuple[tuple[bool, ...], ...] = eqx.field(static=True)

    def __init__(self, parents: Parents, hidden: tuple[int, ...], seed: int) -> None:
        keys = jax.random.split(jax.random.key(seed), 3)
        self.decoder = Perceptron(CLASSES + STYLES, PIXELS, hidden, keys[0])
        self.reads_label = tuple("y" in parents[name] for name in LATENTS[1:])
        self.reads_style = tuple(tuple(other in parents[name] for other in LATENTS[1:]) for name in LATENTS[1:])
        # Not zero: where a weight is, no dependency is seen.
        self.by_label = START * jax.random.normal(keys[1], (STYLES * any(self.reads_label), 2, CLASSES))
        self.by_style = START * jax.random.normal(keys[2], (STYLES * any(map(any, self.reads_style)), 2, STYLES))

    def __call__(self) -> None:
        """Describe one observation."""
        label = numpyro.sample("y", dist.Categorical(logits=jnp.zeros(CLASSES)))
        code = jax.nn.one_hot(jnp.asarray(label, jnp.int32), CLASSES)
        styles: list[jax.Array] = []
        for number in range(STYLES):
            mean, log_scale = self._describe_style(number, code, styles)
            styles.append(numpyro.sample(f"z{number}", dist.Normal(mean, jnp.exp(log_scale))))
        numpyro.sample("seen", dist.Bernoulli(probs=WRONG + (SEEN - WRONG) * code))
        numpyro.sample("x", dist.Bernoulli(logits=self.decoder(jnp.concatenate([code, jnp.stack(styles)]))))

    def _describe_style(self, number: int, code: jax.Array, styles: list[jax.Array]) -> tuple[jax.Array, jax.Array]:
        """Return mean and log scale of a style given its parents, zero where it has none."""
        found = jnp.zeros(2)
        if self.reads_label[number]:
            found = found + self.by_label[number] @ code
        for other, read in enumerate(self.reads_style[number]):
            if read:
                found = found + self.by_style[number, :, other] * styles[other]
        return found[0], found[1]


def count_parameters(program: LabeledImages) -> int:
    """Return the number of parameters that have an effect."""
    decoder = sum(part.size for part in jax.tree.leaves(eqx.filter(program.decoder, eqx.is_array)))
    reading = sum(program.reads_label) * CLASSES + sum(map(sum, program.reads_style))
    return int(decoder + 2 * reading)


def make_program(parents: Parents, parameters: int, seed: int, decoder: str = DECODERS[0]) -> LabeledImages:
    """Return the program whose hidden layer brings it nearest to so many parameters; a linear decoder has none."""
    if decoder == "linear":
        return LabeledImages(parents, (), seed)
    least = count_parameters(LabeledImages(parents, (1,), seed))
    unit = CLASSES + STYLES + 1 + PIXELS
    return LabeledImages(parents, (1 + round((parameters - least) / unit),), seed)
