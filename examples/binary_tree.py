"""The paper's binary tree, written as layers: read element by element it is the tree of single variables."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist

import retrodict as rd

LEAVES = np.array([1.0, 2.0, -0.5, 0.3])


def program(leaves=None):
    root = numpyro.sample("root", dist.Normal(0.0, 1.0))
    layer = numpyro.sample("layer", dist.Normal(jnp.repeat(root, 2), 1.0).to_event(1))
    numpyro.sample("leaves", dist.Normal(jnp.repeat(layer, 2), 1.0).to_event(1), obs=leaves)


def main(steps=1000):
    model = rd.from_numpyro(program, LEAVES, elementwise=True)
    posterior = rd.amortize(model, steps=steps)
    print(dict(posterior.inverse.parents), rd.certify(posterior.inverse))
    draws = model.join(posterior.sample(model.split({"leaves": LEAVES}), 4000))
    # Each child is its leaves' mean with variance 1/2: of the root, that is 1 + 1/2, seen twice, beside the prior.
    exact = (LEAVES[:2].mean() + LEAVES[2:].mean()) / 1.5 / (1 + 2 / 1.5)
    print(f"mean of the root: {draws['root'].mean():.3f}, exact {exact:.3f}")
    return draws["root"].mean(), exact


if __name__ == "__main__":
    main()
