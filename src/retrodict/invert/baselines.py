"""The inverses that people write by hand, to compare with: reversed edges, mean field, fully connected."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from retrodict.errors import SizeError
from retrodict.graph.bayesnet import BayesNet, HasStructure, structure_of
from retrodict.graph.inverse import MOST_EDGES, Inverse
from retrodict.graph.parentsets import ParentSets
from retrodict.graph.rows import Rows


def reversal(net_or_model: BayesNet | HasStructure) -> Inverse:
    """Return the model with its edges reversed: the parents of a latent are its children.

    Edges into observed variables are left out, and none are added, so in general the reversal is not faithful.

    Arguments:
        net_or_model: a model or its structure.

    Returns: an `Inverse`.

    Source: Stuhlmueller, Taylor & Goodman 2013 (stochastic inverses); Webb et al. 2017, figure 1(b).

    >>> net = BayesNet({"x0": [], "x1": ["x0"], "x2": ["x1"]}, observed=["x2"])
    >>> dict(reversal(net).parents)
    {'x0': ('x1',), 'x1': ('x2',)}

    """
    net = structure_of(net_or_model)
    return _baseline(net_or_model, "reversal", ParentSets.of(net, _reverse(net)))


def mean_field(net_or_model: BayesNet | HasStructure) -> Inverse:
    """Return the inverse in which latents are independent given all observed variables.

    Arguments:
        net_or_model: a model or its structure.

    Returns: an `Inverse`.

    Source: Kingma & Welling 2013 (the encoder of a variational autoencoder).

    >>> net = BayesNet({"z": [], "y": [], "x": ["z", "y"]}, observed=["x"])
    >>> dict(mean_field(net).parents)
    {'y': ('x',), 'z': ('x',)}

    """
    net = structure_of(net_or_model)
    n = len(net.latents)
    return _baseline(net_or_model, "mean-field", _given_everything(net, Rows.from_lists([[]] * n)))


def fully_connected(net_or_model: BayesNet | HasStructure) -> Inverse:
    """Return the inverse in which a latent depends on all observed variables and all latents sampled before it.

    This is the structure of a standard masked autoregressive network: always faithful, seldom minimal.

    Arguments:
        net_or_model: a model or its structure.

    Returns: an `Inverse`.

    Raises: `SizeError` where the pairs of latents are too many to be written out.

    Source: Germain et al. 2015 (MADE); Webb et al. 2017, section 3.

    >>> net = BayesNet({"z": [], "y": ["z"], "x": ["y"]}, observed=["x"])
    >>> dict(fully_connected(net).parents)
    {'z': ('y', 'x'), 'y': ('x',)}

    """
    net = structure_of(net_or_model)
    n = len(net.latents)
    if n * (n - 1) // 2 > MOST_EDGES:
        raise SizeError(
            f"the fully-connected inverse of {n:,} latents joins {n * (n - 1) // 2:,} pairs of them, more than the "
            f"{MOST_EDGES:,} that may be written out",
            remedy="Take an inverse of invert, which is smaller.",
        )
    later = [range(latent + 1, n) for latent in range(n)]
    return _baseline(net_or_model, "fully-connected", _given_everything(net, Rows.from_lists(later)))


def _reverse(net: BayesNet) -> Rows:
    """Return the children of each latent, hidden ones left out."""
    rows = net.child_rows.pick(net.latent_index)
    shown = ~net.is_hidden[rows.index]
    return Rows.from_edges(rows.sources[shown], rows.index[shown], len(rows))


def _given_everything(net: BayesNet, latents: Rows) -> ParentSets:
    """Return sets that share one slice, all observed variables."""
    n, seen = len(net.latents), len(net.observed)
    return ParentSets(latents, np.arange(seen), np.zeros(n, dtype=np.int64), np.full(n, seen), np.full(n, seen))


def _baseline(source: BayesNet | HasStructure, name: str, sets: ParentSets) -> Inverse:
    """Wrap sets whose latents depend on later numbered ones only: they are eliminated in topological order."""
    net, model = structure_of(source), None if isinstance(source, BayesNet) else source
    n = len(net.latents)
    return Inverse(net, name, sets, np.arange(n), np.zeros(n, dtype=bool), model=model)


# Baselines by the names that a user gives them.
BASELINES: dict[str, Callable[[BayesNet | HasStructure], Inverse]] = {
    "reversal": reversal,
    "mean-field": mean_field,
    "fully-connected": fully_connected,
}
