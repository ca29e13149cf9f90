"""A sigmoid belief net, two hidden causes of three bits, beside the exact answer by enumeration."""

import itertools

import jax.nn
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist

import retrodict as rd

WEIGHTS = np.array([[3.0, 2.0, 0.0], [0.0, 2.0, -3.0]])
BITS = np.array([1.0, 1.0, 0.0])


def program(bits=None):
    causes = numpyro.sample("causes", dist.Bernoulli(0.4).expand([2]).to_event(1))
    numpyro.sample("bits", dist.Bernoulli(logits=jnp.asarray(causes) @ WEIGHTS - 1.0).to_event(1), obs=bits)


def main(steps=1000):
    states = np.array(list(itertools.product([0, 1], repeat=2)))
    turned_on = np.asarray(jax.nn.sigmoid(states @ WEIGHTS - 1.0))
    joint = np.prod(np.where(states, 0.4, 0.6), axis=1) * np.prod(np.where(BITS, turned_on, 1 - turned_on), axis=1)
    posterior = rd.amortize(rd.from_numpyro(program, BITS, elementwise=True), steps=steps)
    data = {f"bits[{i}]": bit for i, bit in enumerate(BITS)}
    found = np.exp(posterior.log_prob({f"causes[{i}]": states[:, i] for i in (0, 1)}, tile(data, len(states))))
    distance = np.abs(found - joint / joint.sum()).sum() / 2
    print(f"total variation distance from enumeration: {distance:.4f}")
    return distance


def tile(data, n):
    return {name: np.full(n, value) for name, value in data.items()}


if __name__ == "__main__":
    main()
