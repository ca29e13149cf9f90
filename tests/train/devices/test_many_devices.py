"""Training and drawing on two devices: the same as on one, to rounding."""

from __future__ import annotations

import json
import os

from tests.processes import run_python

TWO = {"XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"}

COMPARE = """
import contextlib, json
import jax, numpy as np, numpyro
import numpyro.distributions as dist
import equinox as eqx
import retrodict as rd
from retrodict import zoo
from retrodict.train.devices.many_devices import find_devices

one = lambda: jax.default_device(jax.devices()[0])
flat = lambda tree: np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(eqx.filter(tree, eqx.is_inexact_array))])
far = lambda a, b: float(np.abs(flat(a) - flat(b)).max())

assert find_devices().count == 2
with one():
    assert find_devices() is None


def twice(call):
    with one():
        alone = call()
    return alone, call()



def program():
    z = numpyro.sample("z", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(z**2, 0.3), obs=0.1)


model = rd.from_numpyro(program)
# 255 rows on two devices: one has a row less
train = lambda steps: rd.amortize(model, exact=False, steps=steps, batch=255, patience=50, widths=(16,), quiet=True)
alone, both = twice(lambda: train(50))
found = {"amortize": far(alone.encoder, both.encoder), "gained": both.history.test[0] - both.history.test[-1]}
found["history"] = float(np.abs(np.subtract(alone.history.test, both.history.test)).max())
data = {"y": [0.1, 0.3]}
draw = lambda: both.sample(data, 10_000, seed=3)
ones, twos = twice(draw)
found["sample"] = max(float(np.abs(ones[name] - twos[name]).max()) for name in ones)
found["shape"] = list(twos["z"].shape)

images = {"x": np.random.default_rng(0).integers(0, 2, (75, 9))}
program = zoo.programs.vae(2, 9, hidden=(8,))
alone, both = twice(lambda: rd.fit_model(program, images, epochs=3, training=rd.Training(batch=15), quiet=True))
found["fit_model"] = far(alone.pair, both.pair)
found["bound"] = abs(alone.history.test[-1] - both.history.test[-1])
found["devices"] = len(jax.tree.leaves(eqx.filter(both.pair, eqx.is_array))[0].devices())
print(json.dumps(found))
"""


def test_two_devices_train_and_draw_as_one_does() -> None:
    found = json.loads(run_python(COMPARE, **TWO))
    assert found["gained"] > 0.01  # there was something to learn
    assert found["amortize"] < 1e-4
    assert found["history"] < 1e-4
    assert found["sample"] == 0
    assert found["shape"] == [10_000, 2]
    assert found["fit_model"] < 1e-4
    assert found["bound"] < 1e-4
    assert found["devices"] == 1  # what comes out is as any array
