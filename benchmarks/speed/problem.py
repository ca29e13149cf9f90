"""What all contestants of a case work on, as arrays in a file: wiring, widths, simulations, the exact answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
BATCHES = 16  # of simulations, over which training goes round where simulating is not timed
JUDGED = 4000  # draws from model and posterior, on which the distance from the exact posterior is measured


@dataclass(frozen=True, eq=False)
class Problem:
    """A model to be inverted and a masked network for it.

    Columns are the observed variables, then the latents. ``adjacency`` has a row for each latent and a column for
    each column; a joint draw is ``mixing @ noise``; ``weights`` are those of one masked network of these
    ``widths``, layer by layer and last the linear map past all layers, each ``(inputs, outputs)`` with its bias;
    ``factors`` is log q of each latent that it gives for the first batch.
    """

    source: str
    observed: int
    widths: tuple[int, ...]
    adjacency: NDArray[np.bool_]
    mixing: Floats
    center: Floats
    spread: Floats
    batches: Floats
    judged: Floats
    log_posterior: NDArray[np.float64]
    units: NDArray[np.bool_]
    weights: tuple[Floats, ...]
    factors: Floats

    def save(self, path: Path) -> None:
        """Write all arrays into one file."""
        arrays = asdict(self)
        weights = arrays.pop("weights")
        np.savez(path, **arrays, **{f"weights_{i}": array for i, array in enumerate(weights)})

    @classmethod
    def load(cls, path: Path | str) -> Problem:
        """Read what `save` wrote; no library but NumPy is needed."""
        with np.load(path, allow_pickle=False) as stored:
            arrays: dict[str, Any] = {name: stored[name] for name in stored.files}
        count = sum(name.startswith("weights_") for name in arrays)
        weights = tuple(arrays.pop(f"weights_{i}") for i in range(count))
        arrays |= {"source": str(arrays["source"]), "observed": int(arrays["observed"])}
        return cls(**{**arrays, "widths": tuple(arrays["widths"].tolist())}, weights=weights)

    @property
    def latents(self) -> int:
        """Number of latents."""
        return len(self.adjacency)

    @property
    def edges(self) -> int:
        """Number of edges of the inverse."""
        return int(self.adjacency.sum())


def make_problem(source: str, units: int, batch: int) -> Problem:
    """Return the problem of a model of the zoo with so many hidden units for each different parent set."""
    import jax
    import jax.numpy as jnp

    from benchmarks.speed.ours import build
    from retrodict import invert, zoo
    from retrodict.plan.dependencies import Dependencies
    from retrodict.plan.unit_groups import UnitGroups

    model = zoo.find(source)
    inverse = invert(model)
    dependencies = Dependencies.of(inverse)
    encoder = build(source, units, dense=True)
    *layers, skip = [*encoder.network.layers, encoder.network.skip]
    weights = [np.asarray(array) for layer in (*layers, skip) for array in (layer.weight * layer.mask, layer.bias)]
    weights[-4] = (
        5 * weights[-4]
    )  # the last layer starts near zero; the comparison of two implementations should see it
    encoder = _replace_last(encoder, weights[-4])
    observed, latents = model.net.observed_index, model.net.latent_index
    columns = np.concatenate([observed, latents])
    draws = np.asarray(model.draw(jax.random.key(11), BATCHES * batch + JUDGED))[:, columns]
    judged = draws[BATCHES * batch :]
    seen = len(observed)
    exact = model.posterior(inverse)
    first = draws[:batch]
    return Problem(
        source=source,
        observed=seen,
        widths=tuple(layer.bias.shape[0] for layer in layers[:-1]),
        adjacency=dependencies.matrix,
        mixing=np.linalg.cholesky(model.covariance)[columns].astype(np.float32),
        center=np.asarray(encoder.scaling.center),
        spread=np.asarray(encoder.scaling.spread),
        batches=draws[: BATCHES * batch].reshape(BATCHES, batch, -1),
        judged=judged,
        log_posterior=exact.log_density(judged[:, seen:].astype(np.float64), judged[:, :seen].astype(np.float64)),
        units=UnitGroups.of(dependencies, [layer.bias.shape[0] for layer in layers[:-1]]).masks[0],
        weights=tuple(weights),
        factors=np.asarray(encoder.log_factors(jnp.asarray(first[:, seen:]), jnp.asarray(first[:, :seen]))),
    )


def _replace_last(encoder: Any, weight: Floats) -> Any:
    import equinox as eqx
    import jax.numpy as jnp

    return eqx.tree_at(lambda e: e.network.layers[-1].weight, encoder, jnp.asarray(weight))
