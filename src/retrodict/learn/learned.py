"""A learned model: the program with its parameters, and its encoder with the proof of its structure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from retrodict.certificate.certify import Certificate, certify
from retrodict.encode.recipe import Recipe
from retrodict.graph.inverse import Inverse
from retrodict.learn.data import pick_sites, read_rows, read_sites
from retrodict.learn.expectation import expect
from retrodict.learn.generator import ProgramGenerator
from retrodict.learn.learned_storage import save_learned
from retrodict.plan.counts import read_count, read_seed
from retrodict.plan.layout import Floats, take_columns
from retrodict.posterior.novelty import Familiar
from retrodict.posterior.posterior import AmortizedPosterior
from retrodict.posterior.trained import describe_trained
from retrodict.read.numpyro.numpyro_model import NumpyroModel
from retrodict.train.autoencoder import Autoencoder
from retrodict.train.learning import estimate, evaluate
from retrodict.train.loop import History


@dataclass(frozen=True, eq=False, repr=False)
class LearnedModel:
    """A generative model learned from data, and the encoder of its latents; `fit_model` makes one.

    Arguments:
        pair: the program with the parameters learned, and the encoder, as they were trained.
        recipe: how the encoder was built.
        history: negative bounds in nats after each epoch: ``train`` of the objective, ``test`` on held-out data.
        familiar: a summary of the data in training; data unlike them raise a `NoveltyWarning`. None for no warnings.

    Source: Kingma & Welling 2013; Webb et al. 2017.
    """

    pair: Autoencoder[ProgramGenerator]
    recipe: Recipe
    history: History
    familiar: Familiar | None = None

    def __repr__(self) -> str:
        return f"LearnedModel({self.inverse!r}, {len(self.history.step)} epochs)"

    def _repr_html_(self) -> str:
        title = f"LearnedModel of {type(self.program).__name__}"
        return describe_trained(title, self.inverse, self.pair.encoder, self.history).to_html()

    @property
    def generator(self) -> ProgramGenerator:
        """The program on the columns of its encoder."""
        return self.pair.generator

    @property
    def program(self) -> eqx.Module:
        """The program with the parameters learned: an Equinox module that can be called in NumPyro."""
        return self.generator.program

    @cached_property
    def model(self) -> NumpyroModel:
        """The program as a `Model`."""
        return self.generator.model

    @property
    def inverse(self) -> Inverse:
        """Which variables the encoder draws each latent from, and in which order."""
        return self.generator.space.inverse

    @cached_property
    def certificate(self) -> Certificate:
        """The verdict on the inverse: which dependencies the encoder lacks, and which it could do without."""
        return certify(self.inverse)

    @cached_property
    def posterior(self) -> AmortizedPosterior:
        """The encoder as an `AmortizedPosterior` of the learned model, whose variables are elements of sites."""
        return AmortizedPosterior.of(
            self.model, self.inverse, self.pair.encoder, self.history, recipe=self.recipe, familiar=self.familiar
        )

    def read(self, data: Mapping[str, Any]) -> jax.Array:
        """Return data as rows of what the encoder is given, checked.

        Arguments:
            data: the values of each observed site, ``{site: array (observations, *shape of the site)}``.

        Returns: an array ``(observations, columns)`` of single precision.

        Raises: `DataError` for data that do not fit the program.
        """
        return jnp.asarray(read_rows(self.model, self.generator.space, data))

    def bound(self, data: Mapping[str, Any], draws: int = 1, *, seed: int = 0) -> Floats:
        r"""Return the evidence lower bound of each observation, :math:`E_q[\log p(z, x) - \log q(z \mid x)]`.

        Latents are not relaxed, however the model was trained.

        Arguments:
            data: the values of each observed site, ``{site: array (observations, *shape of the site)}``.
            draws: number of draws over which the expectation is estimated. Default 1.
            seed: the same seed gives the same result. Default 0.

        Returns: an array ``(observations,)``, in nats.

        Raises: `DataError` for data that do not fit the program.

        Source: Kingma & Welling 2013.
        """
        rows = self.read(data)
        return np.asarray(evaluate(self.pair, jax.random.key(read_seed(seed)), rows, read_count("draws", draws)))

    def log_likelihood(self, data: Mapping[str, Any], draws: int = 5000, *, seed: int = 0) -> Floats:
        r"""Return an estimate of :math:`\log p(x)`, :math:`\log \frac1K \sum_k p(z_k, x) / q(z_k \mid x)`.

        Its expectation is a lower bound of log p(x), which it reaches as K grows.

        Arguments:
            data: the values of each observed site, ``{site: array (observations, *shape of the site)}``.
            draws: the number K of draws for each observation. Default 5000.
            seed: the same seed gives the same result. Default 0.

        Returns: an array ``(observations,)``, in nats.

        Raises: `DataError` for data that do not fit the program.

        Source: Burda et al. 2015, section 3.
        """
        rows = self.read(data)
        return np.asarray(estimate(self.pair, jax.random.key(read_seed(seed)), rows, read_count("draws", draws)))

    def infer(self, data: Mapping[str, Any], n: int = 1000, *, seed: int = 0) -> dict[str, Any]:
        """Return draws of each latent site for each observation.

        Arguments:
            data: the values of each observed site, ``{site: array (observations, *shape of the site)}``.
            n: number of draws for each observation. Default 1000.
            seed: the same seed gives the same result. Default 0.

        Returns: ``{site: array (n, observations, *shape of the site)}``.

        Raises: `DataError` for data that do not fit the program.

        >>> from retrodict import fit_model, zoo
        >>> images = {"x": np.random.default_rng(0).integers(0, 2, (64, 9))}
        >>> learned = fit_model(zoo.programs.vae(2, 9, hidden=(8,)), images, epochs=1, quiet=True)
        >>> learned.infer({"x": images["x"][:5]}, 10)["z"].shape
        (10, 5, 2)
        """
        space = self.generator.space
        return pick_sites(self.model, space, self.posterior.draw(read_sites(self.model, space, data), n, seed=seed))

    def reconstruct(self, data: Mapping[str, Any], *, seed: int = 0) -> dict[str, Any]:
        """Return the mean of each observed site given one draw of the latents.

        Arguments:
            data: the values of each observed site, ``{site: array (observations, *shape of the site)}``.
            seed: the same seed gives the same result. Default 0.

        Returns: ``{site: array (observations, *shape of the site)}``.

        Raises: `DataError` for data that do not fit the program.
        """
        latents = self.infer(data, 1, seed=seed)
        return expect(self.model, {name: value[0] for name, value in latents.items()}, seed)

    def generate(self, n: int = 100, *, seed: int = 0) -> dict[str, Any]:
        """Return joint draws of the learned model.

        Arguments:
            n: number of draws. Default 100.
            seed: the same seed gives the same result. Default 0.

        Returns: ``{site: array (n, *shape of the site)}`` of all sites.

        Raises: `OptionError` for counts and seeds that are none.
        """
        columns = np.asarray(self.model.draw(jax.random.key(read_seed(seed)), read_count("n", n)))
        return {name: take_columns(columns, places) for name, places in self.model.structure.columns.items()}

    def save(self, folder: str | Path) -> None:
        """Write parameters, inverse, certificate and encoder into a folder; `rd.load` reads them back.

        Arguments:
            folder: where to write ``model.safetensors``. The folder is made if it is not there; a learned model that
                was saved in it before is replaced. The file holds numbers, and names that this package knows: no code.

        Raises: `FileError` where the folder cannot be written.
        """
        save_learned(folder, self.program, self.model, self.posterior.parts)
