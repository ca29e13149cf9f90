"""Files of ONNX in onnxruntime: densities are those of the posterior, and draws follow it."""

from __future__ import annotations

import json

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import retrodict as rd

ROWS = 64


def program():
    scale = numpyro.sample("scale", dist.Gamma(2.0, 1.0))
    z = numpyro.sample("z", dist.Normal(0, scale))
    numpyro.sample("y", dist.StudentT(3.0, z, 0.3), obs=0.1)


@pytest.fixture(scope="module")
def posterior():
    return rd.amortize(rd.from_numpyro(program), steps=0, exact=False, widths=(16,))


@pytest.fixture(scope="module")
def folder(posterior, tmp_path_factory):
    pytest.importorskip("jax2onnx")
    made = tmp_path_factory.mktemp("onnx")
    posterior.to_onnx(made, rows=ROWS)
    return made


def open_session(path):
    runtime = pytest.importorskip("onnxruntime")
    runtime.set_default_logger_severity(3)  # it tells of constants that it leaves out
    return runtime.InferenceSession(str(path))


def run(path, **given):
    session = open_session(path)
    return session, session.run(None, {name: np.asarray(value, np.float32) for name, value in given.items()})


def test_densities_of_our_draws_are_the_same(posterior, folder):
    draws = posterior.sample({"y": 0.7}, ROWS)
    session, (found,) = run(
        folder / "log_prob.onnx", latents=np.stack([draws["scale"], draws["z"]], -1), observed=np.full((ROWS, 1), 0.7)
    )
    np.testing.assert_allclose(found, posterior.log_prob(draws, {"y": 0.7}), rtol=1e-4, atol=1e-4)
    described = json.loads(session.get_modelmeta().custom_metadata_map["retrodict"])
    assert described == {"latents": ["scale", "z"], "observed": ["y"]}


def test_draws_have_the_density_that_they_state_and_follow_the_posterior(posterior, folder):
    data, rng = np.full((ROWS, 1), 0.7), np.random.default_rng(0)
    count = run_count(folder)
    latents, stated = zip(
        *(run(folder / "sampler.onnx", uniforms=rng.random(count), observed=data)[1] for _ in range(20)), strict=True
    )
    drawn = dict(zip(("scale", "z"), np.concatenate(latents).T, strict=True))
    np.testing.assert_allclose(np.concatenate(stated), posterior.log_prob(drawn, {"y": 0.7}), rtol=1e-4, atol=1e-4)
    own = posterior.sample({"y": 0.7}, 5000)
    for name, values in drawn.items():
        error = own[name].std() / np.sqrt(len(values))
        assert abs(np.median(values) - np.median(own[name])) < 5 * error


def run_count(folder):
    return open_session(folder / "sampler.onnx").get_inputs()[0].shape[0]


def test_without_the_package_its_extra_is_named(posterior, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jax2onnx", None)
    with pytest.raises(rd.errors.MissingPackageError, match=r"retrodict\[onnx\]"):
        posterior.to_onnx(tmp_path)
    assert list(tmp_path.iterdir()) == []
