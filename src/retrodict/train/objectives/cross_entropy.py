"""The objective of inference compilation: a pure function of an encoder and joint draws of a fixed model."""

from jaxtyping import Array, Float

from retrodict.encode.encoder import Encoder


def cross_entropy(
    encoder: Encoder, latents: Float[Array, "batch latents"], observed: Float[Array, "batch observed"]
) -> Float[Array, ""]:
    r"""Return the objective of inference compilation, :math:`-E_{p(z, x)} \log q(z \mid x)`, in nats.

    It is :math:`E_x \mathrm{KL}(p(z \mid x) \,\|\, q)` plus a constant, the entropy of the posterior. Latents and
    observed values are joint draws of the model.

    Sources: Paige & Wood 2016; Webb et al. 2017, section 3.

    >>> import jax, jax.numpy as jnp
    >>> from retrodict import invert, zoo
    >>> from retrodict.encode.build import build_encoder
    >>> encoder = build_encoder(invert(zoo.binary_tree(depth=2)), jax.random.key(0))
    >>> cross_entropy(encoder, jnp.zeros((4, 1)), jnp.zeros((4, 2))).shape
    ()
    """
    return -encoder.log_prob(latents, observed).mean()
