"""A posterior as files of ONNX, which run without Python and without JAX."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import jax
import jax.numpy as jnp

from retrodict.files.places import make_folder
from retrodict.files.whole import write_whole
from retrodict.packages import require
from retrodict.posterior.factors import add_up, draw_factors, score_factors
from retrodict.posterior.outward.pure_functions import PureFunctions
from retrodict.posterior.outward.uniform_draws import UniformDraws

SCORE, SAMPLER = "log_prob.onnx", "sampler.onnx"


def write_onnx(functions: PureFunctions, folder: str | Path, rows: int) -> None:
    """Write the two files of a posterior for so many rows at once; see `AmortizedPosterior.to_onnx`."""
    require("jax2onnx", extra="onnx", purpose="for to_onnx")
    space = functions.space
    described = {
        "latents": space.labels,
        "observed": [str(name) for name in space.observed_layout.owners],
    }
    latents = _shape(rows, space.latent_layout.width)
    observed = _shape(rows, space.observed_layout.width)

    def score(latents: jax.Array, observed: jax.Array) -> jax.Array:
        return score_factors(functions.factors, space.join(latents, observed))

    def draw(key: jax.Array, observed: jax.Array) -> tuple[jax.Array, jax.Array]:
        columns, densities = draw_factors(functions.factors, key, space.place(observed))
        stated = [
            factor.score(columns) if density is None else density
            for factor, density in zip(functions.factors, densities, strict=True)
        ]
        return space.split(columns)[0], add_up(stated, columns)

    sampler = UniformDraws.of(draw, observed)
    uniforms = _shape(sampler.count)
    scoring = _convert(score, [latents, observed], ["latents", "observed"], ["log_prob"], described)
    drawing = _convert(sampler, [uniforms, observed], ["uniforms", "observed"], ["latents", "log_prob"], described)
    make_folder(folder)
    for name, content in ((SCORE, scoring), (SAMPLER, drawing)):
        write_whole(Path(folder) / name, content)


def _shape(*sizes: int) -> Any:
    return cast(Any, jax.ShapeDtypeStruct)(sizes, jnp.float32)


def _convert(
    function: Callable[..., Any],
    given: Sequence[Any],
    inputs: Sequence[str],
    outputs: Sequence[str],
    described: dict[str, Any],
) -> bytes:
    """Return a function as ONNX, with what its columns are."""
    jax2onnx: Any = require("jax2onnx", extra="onnx", purpose="for to_onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jax2onnx asks JAX for double precision, which is off
        converted = jax2onnx.to_onnx(
            function, inputs=given, model_name="retrodict", input_names=inputs, output_names=outputs
        )
    entry = converted.metadata_props.add()
    entry.key, entry.value = "retrodict", json.dumps(described)
    found: bytes = converted.SerializeToString()
    return found
