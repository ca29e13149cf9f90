"""The objectives by name: what each needs, and which suits an encoder."""

from __future__ import annotations

from dataclasses import dataclass

from retrodict.encode.encoder import Encoder
from retrodict.encode.families.choice import Mixed
from retrodict.errors import OptionError
from retrodict.train.objectives.reparameterized import elbo, iwae
from retrodict.train.objectives.score_function import reweighted_wake_sleep, vimco
from retrodict.train.objectives.simulated import forward_kl, symmetric_kl, symmetric_vimco
from retrodict.train.objectives.weights import Function


@dataclass(frozen=True)
class LearningObjective:
    """An objective by name: a function of a minibatch whose gradient is the estimator that it is named after.

    Arguments:
        name: what `fit_model` calls it.
        function: ``function(pair, key, observed, draws)``, a negative bound in nats a row, to be minimized.
        reparameterized: True where draws must be differentiable. Default False.
        least_draws: how many draws are needed. Default 1.
    """

    name: str
    function: Function
    reparameterized: bool = False
    least_draws: int = 1


OBJECTIVES = {
    objective.name: objective
    for objective in (
        LearningObjective("elbo", elbo, reparameterized=True),
        LearningObjective("iwae", iwae, reparameterized=True),
        LearningObjective("rws", reweighted_wake_sleep, least_draws=2),
        LearningObjective("vimco", vimco, least_draws=2),
        LearningObjective("forward-kl", forward_kl),
        LearningObjective("symmetric-kl", symmetric_kl, reparameterized=True),
        LearningObjective("symmetric-vimco", symmetric_vimco, least_draws=2),
    )
}


def differentiates_draws(name: str) -> bool:
    """Return whether the objective of this name needs draws that can be differentiated.

    >>> differentiates_draws("elbo"), differentiates_draws("rws")
    (True, False)
    """
    return name in OBJECTIVES and OBJECTIVES[name].reparameterized


def choose_objective(name: str, encoder: Encoder) -> LearningObjective:
    """Return the objective of this name.

    Raises `OptionError` for another name, and for one that needs draws to be differentiable where those of the
    encoder are not.

    >>> from retrodict import invert, zoo
    >>> from retrodict.encode.build import build_encoder
    >>> import jax
    >>> encoder = build_encoder(invert(zoo.binary_tree(depth=2)), jax.random.key(0), conditional="mixture")
    >>> choose_objective("rws", encoder).least_draws
    2
    >>> choose_objective("elbo", encoder)
    Traceback (most recent call last):
    retrodict.errors.OptionError: 'elbo' needs draws that can be differentiated, which those of Mixture are not. ...
    """
    if name not in OBJECTIVES:
        raise OptionError(f"the objective {name!r} does not exist", remedy=f"Choose one of {', '.join(OBJECTIVES)}.")
    objective = OBJECTIVES[name]
    if objective.reparameterized and not encoder.conditional.reparameterized:
        families = encoder.conditional.families if isinstance(encoder.conditional, Mixed) else (encoder.conditional,)
        rigid = ", ".join(type(family).__name__ for family in families if not family.reparameterized)
        raise OptionError(
            f"{name!r} needs draws that can be differentiated, which those of {rigid} are not",
            remedy="Choose 'vimco' or 'rws', or a relaxation for binary latents ('normal' or 'spline' for real ones).",
        )
    return objective
