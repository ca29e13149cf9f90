"""The script that every process of a run starts: ``python -m tests.train.devices.run NUMBER COUNT PORT OUT WHAT``.

It imports nothing of ours before the processes have met, as JAX asks for.
"""

import sys
from pathlib import Path

import jax


def main(number: int, count: int, port: str, out: Path, what: str) -> None:
    if count > 1:
        jax.distributed.initialize(f"127.0.0.1:{port}", count, number, cluster_detection_method="deactivate")
    import numpy as np

    found = train() if what == "train" else learn(out.parent / "journal", int(what))
    if number == 0:
        np.savez(out, **found)


def train():
    import numpyro
    import numpyro.distributions as dist

    import retrodict as rd

    def program():
        z = numpyro.sample("z", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(z**2, 0.3), obs=0.1)

    post = rd.amortize(
        rd.from_numpyro(program), exact=False, steps=50, batch=255, patience=50, widths=(16,), quiet=True, seconds=900
    )
    return {"z": post.sample({"y": [0.1, 0.3]}, 10_000)["z"], **list_numbers(post.encoder), "test": post.history.test}


def learn(folder, epochs):
    import numpy as np

    import retrodict as rd
    from retrodict import zoo

    images = {"x": np.random.default_rng(0).integers(0, 2, (75, 9))}
    training = rd.Training(batch=15, folder=folder, schedule="constant")
    learned = rd.fit_model(zoo.programs.vae(2, 9, hidden=(8,)), images, epochs=epochs, training=training, quiet=True)
    return {**list_numbers(learned.pair), "test": learned.history.test}


def list_numbers(tree):
    import equinox as eqx
    import numpy as np

    leaves = jax.tree.leaves(eqx.filter(tree, eqx.is_inexact_array))
    return {"weights": np.concatenate([np.ravel(leaf) for leaf in leaves])}


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]), sys.argv[5])
