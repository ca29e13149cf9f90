"""What a run of the experiment on music is."""

from __future__ import annotations

from dataclasses import dataclass

CURVES = ("train", "test")


@dataclass(frozen=True, order=True)
class MusicUnit:
    """What is run, stored and resumed as a whole.

    Facts, negative and in nats a step, of test pieces: ``bound`` and ``weighed`` (importance-sampled) are sums over all
    pieces divided by the sum of their lengths, ``bound_of_pieces`` and ``weighed_of_pieces`` means over pieces.
    ``filtered`` and ``filtered_many`` are of particle filters, ``filtered_bound`` the bound of the same pieces,
    ``effective`` the mean share of particles that count. ``in_use``: parameters of the encoder; ``best_epoch`` has the
    best bound of the pieces to judge by, and its parameters are measured; ``failed_at``: the step at which training
    failed, or None.

    Curves: the objective in training, and the negative bound of the pieces to judge by, in nats a step.
    """

    set: str
    encoder: str
    size: str
    seed: int

    @property
    def name(self) -> str:
        """A name for files and people."""
        return f"{self.set}-{self.encoder}-{self.size}-seed{self.seed}"
