"""A guide trained by the loop of this package, for the data in the arguments of its program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import optax
from jaxtyping import Array, Float, Key
from numpyro.infer import SVI

from retrodict.train.loop import Plan, train
from retrodict.train.source import Fixed


def fit_guide(
    program: Callable[..., Any],
    guide: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    *,
    elbo: Any,
    plan: Plan,
    seed: int,
    quiet: bool,
) -> dict[str, Any]:
    """Return parameters of program and guide that minimize a loss of NumPyro's, as SVI does, for fixed arguments.

    Arrays of JAX among the arguments are inputs of compiled programs, all else is constant. A guide of closed
    forms alone has none.
    """
    begin_key, train_key = jax.random.split(jax.random.key(seed))
    svi = SVI(program, guide, optax.identity(), elbo)  # it knows which parameters there are, and their supports
    parameters = svi.optim.get_params(svi.init(begin_key, *args, **kwargs).optim_state)
    if not jax.tree.leaves(parameters):
        return {}  # all latents have closed forms
    arrays, rest = eqx.partition((args, dict(kwargs)), eqx.is_array)

    def objective(free: dict[str, Any], key: Key[Array, ""], batch: Any) -> Float[Array, ""]:
        given, named = eqx.combine(batch, rest)
        loss: Float[Array, ""] = elbo.loss(key, svi.constrain_fn(free), program, guide, *given, **named)
        return loss

    trained, _ = train(parameters, objective, Fixed(arrays), plan, train_key, title="AutoFaithful", quiet=quiet)
    found: dict[str, Any] = svi.constrain_fn(trained)
    return found
