"""A hidden Markov model, written with a loop: its inverse is a chain, and the answer that of forward-backward."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist

import retrodict as rd

MOVE, SEEN = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([-1.2, -0.8, 0.1, 1.5, 0.9])


def program(seen):
    state = 0
    for t in range(len(seen)):
        state = numpyro.sample(f"state{t}", dist.Categorical(probs=jnp.asarray(MOVE)[state]))
        numpyro.sample(f"seen{t}", dist.Normal(2.0 * state - 1.0, 1.0), obs=seen[t])


def smooth():
    """Return the exact probability of state 1 at each time."""
    likelihood = np.exp(-0.5 * (SEEN[:, None] - [-1.0, 1.0]) ** 2)
    ahead, behind = [MOVE[0] * likelihood[0]], [np.ones(2)]
    for t in range(1, len(SEEN)):
        ahead.append(ahead[-1] @ MOVE * likelihood[t])
        behind.append(MOVE @ (likelihood[-t] * behind[-1]))
    both = np.array(ahead) * np.array(behind[::-1])
    return both[:, 1] / both.sum(axis=1)


def main(steps=1500):
    posterior = rd.amortize(rd.from_numpyro(program, SEEN), steps=steps)
    weighed = posterior.importance({f"seen{t}": x for t, x in enumerate(SEEN)}, 10_000)
    found = np.array([weighed.mean[f"state{t}"] for t in range(len(SEEN))])
    print("found", found.round(2), "exact", smooth().round(2))
    return found, smooth()


if __name__ == "__main__":
    main()
