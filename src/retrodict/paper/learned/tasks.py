"""What is compared: four models to learn, and encoders by the name of their inverse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import equinox as eqx
import numpy as np

from retrodict import zoo
from retrodict.graph.inverse import Inverse
from retrodict.invert import invert
from retrodict.paper.experiment import require_choice
from retrodict.plan.layout import Floats
from retrodict.read.numpyro.reader import from_numpyro
from retrodict.train.temperature import Temperature
from retrodict.zoo.images import Images, load_images

ENCODERS = ("mean-field", "reversal", "forward", "auto", "fully-connected")
DATA = ("digits", "mnist5k", "fashion")
SMALL_SIDE = 4  # of images whose model is enumerated
REFINING, REFINING_BATCH = 10, 32  # epochs and batches in which the encoder alone is trained on


@dataclass(frozen=True)
class Task:
    """A model, how it is learned, and the parameters in use that every encoder of it gets.

    ``make`` returns the untrained program for a number of pixels and a seed; with ``enumerated``, images are pooled
    to 4x4, the encoder alone is trained on after the model, for at most 10 epochs, and bounds are sums over
    all states.
    """

    title: str
    make: Callable[[int, int], eqx.Module]
    capacity: int
    epochs: int
    options: Mapping[str, Any]
    enumerated: bool = False

    @property
    def temperature(self) -> Temperature | None:
        """How latents are relaxed in training, if they are."""
        return self.options.get("temperature")


FALLING = Temperature(0.5, 0.2, decay=0.02)

TASKS = {
    "exact": Task(
        "sigmoid belief network, 8 latents, 4x4 pixels",
        lambda pixels, seed: zoo.programs.sigmoid_belief_network((8,), pixels, seed),
        3_000,
        100,
        {"objective": "vimco", "draws": 5, "learning_rate": 1e-2},
        enumerated=True,
    ),
    "relaxed": Task(
        "Bernoulli VAE, 30 latents, relaxed in training",
        lambda pixels, seed: zoo.programs.bernoulli_vae(30, pixels, (200,), seed),
        40_000,
        100,
        {"objective": "elbo", "learning_rate": 3e-3, "temperature": FALLING},
    ),
    "sbn": Task(
        "sigmoid belief network, layers of 10 and 20",
        lambda pixels, seed: zoo.programs.sigmoid_belief_network((10, 20), pixels, seed),
        30_000,
        60,
        {"objective": "vimco", "draws": 4, "learning_rate": 3e-3},
    ),
    "gaussian": Task(
        "Gaussian VAE, layers of 5 and 10",
        lambda pixels, seed: zoo.programs.layered_vae((5, 10), pixels, (100,), seed),
        30_000,
        60,
        {"objective": "elbo", "learning_rate": 3e-3},
    ),
}


@dataclass(frozen=True)
class LearnedBudget:
    """What is spent on a run; results of different budgets are not mixed.

    ``epochs`` None: each model its own. Held-out images give the bound with ``judged`` draws each; the first
    ``weighed_images`` of them the log-likelihood with ``weights`` draws, the first ``split_images`` the gaps, with
    ``split_steps`` steps on each. ``marks``: how often in all the importance-weighted bound of ``mark_images``
    images, with ``mark_draws`` draws, is taken during training.
    """

    epochs: int | None = None
    judged: int = 100
    weights: int = 5000
    weighed_images: int = 64
    split_images: int = 12
    split_steps: int = 200
    marks: int = 20
    mark_images: int = 64
    mark_draws: int = 50
    train_images: int | None = None

    def epochs_of(self, task: Task) -> int:
        """Return the epochs of a model."""
        return self.epochs or task.epochs


SMOKE = LearnedBudget(
    epochs=2,
    judged=4,
    weights=20,
    weighed_images=8,
    split_images=2,
    split_steps=3,
    marks=2,
    mark_images=8,
    mark_draws=4,
    train_images=256,
)


def load_rows(data: str, task: Task, budget: LearnedBudget) -> tuple[Floats, Floats, tuple[int, int]]:
    """Return images to learn from and to judge by as rows, and their shape.

    Raises what `load_images` raises.
    """
    images = load_images(data, binarize=not task.enumerated)
    shape = (SMALL_SIDE, SMALL_SIDE) if task.enumerated else images.shape
    train, test = _pool(images) if task.enumerated else (images.train_rows, images.test_rows)
    return train[: budget.train_images], test, shape


def _pool(images: Images) -> tuple[Floats, Floats]:
    """Return images averaged over squares, as many as are enumerated, one where the average is above a half."""
    height, width = (side // SMALL_SIDE for side in images.shape)
    kept = height * SMALL_SIDE, width * SMALL_SIDE

    def pool(pixels: Any) -> Floats:
        squares = pixels[:, : kept[0], : kept[1]].reshape(len(pixels), SMALL_SIDE, height, SMALL_SIDE, width)
        found: Floats = (squares.mean(axis=(2, 4)) > 0.5).astype(np.float32).reshape(len(pixels), -1)
        return found

    return pool(images.train), pool(images.test)


@cache
def find_inverses(model: str) -> Mapping[str, Inverse]:
    """Return the inverse of each encoder of a model; edges do not depend on the number of pixels, which is least."""
    read = from_numpyro(require_task(model).make(SMALL_SIDE, 0), observed=["x"], elementwise=True)  # type: ignore[call-overload]
    return {name: invert(read, name) for name in ENCODERS}


def list_names(model: str, encoder: str) -> tuple[str, ...]:
    """Return all encoders of a model that have the parents of this one: one run serves them.

    >>> list_names("relaxed", "auto")
    ('forward', 'auto', 'fully-connected')
    """
    inverses = find_inverses(model)
    return tuple(name for name in ENCODERS if inverses[name].parents == inverses[encoder].parents)


def require_task(model: str) -> Task:
    """Return the task of a model; raise `OptionError` where there is none of this name."""
    require_choice("a model", model, TASKS, "this experiment")
    return TASKS[model]
