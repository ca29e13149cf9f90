"""How fast this machine multiplies large matrices: the limit that every training step is held against."""

from __future__ import annotations

from benchmarks.speed.turns import THREADS, Turns

SIZE = 3072


def multiply_with_jax(turns: Turns) -> None:
    """Multiply two large matrices of float32, once a turn; the amount is multiply-adds."""
    import jax
    import jax.numpy as jnp

    left, right = jax.random.normal(jax.random.key(0), (2, SIZE, SIZE))
    multiply = jax.jit(jnp.matmul)
    while True:
        turns.begin()
        multiply(left, right).block_until_ready()
        turns.end(SIZE**3)


def multiply_with_torch(turns: Turns) -> None:
    """Multiply two large matrices of float32, once a turn; the amount is multiply-adds."""
    import torch

    torch.set_num_threads(THREADS)
    left, right = torch.randn(2, SIZE, SIZE)
    while True:
        turns.begin()
        left @ right
        turns.end(SIZE**3)
