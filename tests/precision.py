"""The core of the package in one run, for processes whose JAX works in 32 bits or in 64; see `test_x64.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.infer import SVI, Trace_ELBO
from numpyro.optim import Adam

import retrodict as rd

SHORT: dict[str, Any] = {"widths": (8, 8), "quiet": True}
SCALE = np.array([0.5, 1.0, 2.0])
DATA = {"y": np.array([0.3, 0.1, 0.2])}
IMAGES = (np.random.default_rng(0).random((64, 4)) < 0.4).astype(float)


def regression(scale, y=None):
    """Two latents on different supports, with arguments of NumPy and a parameter of JAX."""
    z = numpyro.sample("z", dist.Normal(jnp.zeros(()), 1.0))
    r = numpyro.sample("r", dist.Gamma(2.0, 1.0))
    with numpyro.plate("rows", len(scale)):
        numpyro.sample("y", dist.Normal(z, r * scale), obs=y)


def many_kinds(y=None):
    """A latent of every kind, and a barren one."""
    k = numpyro.sample("k", dist.Poisson(3.0))
    s = numpyro.sample("s", dist.Dirichlet(jnp.ones(3)))
    c = numpyro.sample("c", dist.Categorical(s))
    u = numpyro.sample("u", dist.Uniform(0.0, 1.0))
    numpyro.sample("barren", dist.Normal(u, 1.0))
    numpyro.sample("y", dist.Normal(k + c + u, 1.0), obs=y)


def read_regression() -> rd.Model:
    return rd.from_numpyro(regression, SCALE, observed=["y"])


def build_learnable(seed: int) -> Any:
    return rd.zoo.programs.vae(2, pixels=4, hidden=(3,), seed=seed)


def build_summaries(seed: int) -> dict[str, Any]:
    return {"x": eqx.nn.Sequential([eqx.nn.Linear(4, 3, key=jax.random.key(seed)), eqx.nn.Lambda(jnp.tanh)])}


def write_posterior(folder: Path) -> None:
    """Train and save."""
    rd.amortize(read_regression(), steps=30, batch=16, widths=(8,), exact=False, quiet=True).save(folder / "posterior")


def read_posterior(folder: Path) -> list[float]:
    """Load and use; return the density of fixed draws."""
    posterior = rd.load(folder / "posterior", read_regression())
    assert np.isfinite(posterior.importance(DATA, 50).log_weights).all()
    draws = {"z": np.linspace(-1, 1, 5), "r": np.linspace(1, 2, 5)}
    return [float(density) for density in posterior.log_prob(draws, DATA)]


def write_learned(folder: Path) -> None:
    """Learn and save."""
    learned = rd.fit_model(
        build_learnable(0),
        {"x": IMAGES},
        summaries=build_summaries(0),
        epochs=1,
        training=rd.Training(batch=32, folder=folder),
        **SHORT,
    )
    learned.save(folder / "learned")


def read_learned(folder: Path) -> list[float]:
    """Load; return bounds over many draws."""
    learned = rd.load(folder / "learned", build_learnable(1), build_summaries(1))
    return [float(bound) for bound in learned.bound({"x": IMAGES[:3]}, draws=4000)]


def amortize_all() -> None:
    """Train and use posteriors over variables of every kind."""
    tree = rd.zoo.binary_tree(3, seed=0)
    values = dict.fromkeys(tree.net.observed, 0.5)
    _use(rd.amortize(tree, network="separate", conditional="spline", steps=5, batch=16, **SHORT), values)
    kinds = rd.from_numpyro(many_kinds, observed=["y"], elementwise=True)
    _use(rd.amortize(kinds, steps=5, batch=16, exact=False, quiet=True), {"y": 4.0})


def guide() -> float:
    """Take steps of SVI with the guide of a program."""
    own = rd.AutoFaithful(regression)
    svi = SVI(regression, own, Adam(1e-3), Trace_ELBO())
    return float(svi.run(jax.random.key(0), 2, SCALE, y=DATA["y"], progress_bar=False).losses[-1])


def _use(posterior: rd.AmortizedPosterior, data: dict[Any, Any]) -> None:
    draws = posterior.sample(data, 100)
    assert all(np.isfinite(value).all() for value in draws.values())
    assert np.isfinite(posterior.log_prob(draws, data)).all()
    assert np.isfinite(posterior.importance(data, 100).log_weights).any()
    assert len(posterior.calibration(100, 19)) == 100
