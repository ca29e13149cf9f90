"""The posterior of a network of tables for any evidence: drawn, weighed, and summed up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from retrodict.certificate.certify import Certificate, certify
from retrodict.errors import OptionError
from retrodict.exact.queries.query import Marginals, most_probable
from retrodict.graph.frozen import Portable
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.invert import invert
from retrodict.models.discrete.checks import read_code
from retrodict.models.discrete.discrete_network import DiscreteNetwork
from retrodict.plan.counts import read_count, read_seed
from retrodict.plan.layout import Floats
from retrodict.posterior.any_evidence.evidence_sets import EvidencePool, find_generative, find_parents
from retrodict.posterior.any_evidence.evidence_training import train_for_evidence
from retrodict.posterior.any_evidence.gated_network import GatedNetwork, GatedWeights
from retrodict.posterior.weights.importance import Importance

BLOCK = 2048


@dataclass(frozen=True, eq=False, repr=False)
class EvidencePosterior(Portable):
    r"""One network for any evidence, :math:`q(v \mid x_S)` with S the parents of v in the inverse of this evidence.

    Variables are drawn in topological order. Where S are the generative parents, the model's own table is exact, and
    used. ``history`` has the mean of the objective over each 50 steps, in nats.
    """

    model: DiscreteNetwork
    network: GatedNetwork
    weights: GatedWeights
    history: tuple[float, ...]

    def __repr__(self) -> str:
        return f"EvidencePosterior({self.model!r}, {len(self.history)} epochs)"

    def inverse(self, given: Iterable[Name]) -> Inverse:
        """Return the inverse along which this evidence is answered; something must be given."""
        known = list(given)
        order = [name for name in reversed(self.model.net.names) if name not in set(known)]
        return invert(self.model.net, order, given=known, of=order)

    def certify(self, given: Iterable[Name]) -> Certificate:
        """Return the verdict on that inverse."""
        return certify(self.inverse(given))

    def sample(self, given: Mapping[Name, Any], n: int = 1000, *, seed: int = 0) -> dict[Name, Any]:
        """Return draws of all other variables, names of states, ``{name: array (n,)}``.

        Raises: `UnknownVariableError` and `UnknownStateError` for names that are not in the model.
        """
        columns, _ = self._draw(given, n, seed)
        net = self.model.net
        return {
            name: np.array(self.model.states(name))[columns[:, net.index(name)]]
            for name in net.names
            if name not in given
        }

    def marginals(self, given: Mapping[Name, Any], n: int = 10_000, *, seed: int = 0) -> Marginals:
        """Return the distribution of each other variable, from ``n`` draws; ``log_evidence`` is from their weights.

        Of each draw not the state counts but all probabilities of its conditional (Rao-Blackwell).
        """
        columns, found = self._draw(given, n, seed)
        net = self.model.net
        rows: dict[Name, Mapping[str, float]] = {}
        for name in net.names:
            if name not in given:
                mean = np.exp(found[:, net.index(name)]).mean(axis=0)
                rows[name] = dict(zip(self.model.states(name), mean.tolist(), strict=False))
        log_weights = self._weigh(columns, found, given)
        top = float(log_weights.max())
        evidence = top + float(np.log(np.exp(log_weights - top).mean())) if np.isfinite(top) else -np.inf
        return Marginals(rows, dict(given), evidence)

    def importance(self, given: Mapping[Name, Any], n: int = 10_000, *, seed: int = 0) -> Importance:
        """Return draws with weights towards the exact posterior; states are numbers, as in `Importance`."""
        columns, found = self._draw(given, n, seed)
        net = self.model.net
        draws = {name: columns[:, net.index(name)].astype(float) for name in net.names if name not in given}
        return Importance(draws, self._weigh(columns, found, given))

    def most_probable(self, given: Mapping[Name, Any]) -> dict[Name, str]:
        """Return the most probable states of all other variables together, exactly: see `most_probable`."""
        return most_probable(self.model, given)

    def log_probabilities(self, known: Any, columns: Any) -> Any:
        """Return log q of every state of every variable for rows of states, given which variables are known."""
        parents = find_parents(self.model.net, np.asarray(known))
        generative = find_generative(self.model.net, parents)
        rows = jnp.asarray(columns, jnp.float32)
        wide = jnp.broadcast_to(jnp.asarray(parents, jnp.float32), (len(rows), *parents.shape))
        learned = self.network.log_probabilities(self.weights, self.network.encode(rows), wide)
        exact = jnp.stack([self._look_up(jnp.asarray(v), rows) for v in range(len(parents))], axis=1)
        return jnp.where(jnp.asarray(generative)[:, None], exact, learned)

    def _draw(self, given: Mapping[Name, Any], n: int, seed: int) -> tuple[Any, Floats]:
        """Return columns of states, those given among them, and log q of all states along each draw."""
        net, n, seed = self.model.net, read_count("n", n), read_seed(seed)
        codes = np.zeros(len(net), dtype=np.float32)
        known = np.zeros(len(net), dtype=bool)
        for name, value in given.items():
            v = net.index(name)
            codes[v], known[v] = read_code(self.model.states(name), value, name), True
        parents = find_parents(net, known)
        generative = find_generative(net, parents)
        blocks = [
            self._compiled(jax.random.fold_in(jax.random.key(seed), block), codes, known, parents, generative)
            for block in range(-(-n // BLOCK))
        ]
        columns, found = (np.concatenate([np.asarray(block[i]) for block in blocks])[:n] for i in range(2))
        return columns.astype(np.int64), found

    @cached_property
    def _compiled(self) -> Any:
        return jax.jit(self._draw_block)

    def _draw_block(
        self, key: jax.Array, codes: jax.Array, known: jax.Array, parents: jax.Array, generative: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        network, weights, n = self.network, self.weights, len(self.model.net)

        def step(columns: jax.Array, v: jax.Array) -> tuple[jax.Array, jax.Array]:
            learned = network.log_probabilities_of(weights, v, network.encode(columns), parents[v].astype(jnp.float32))
            found = jnp.where(generative[v], self._look_up(v, columns), learned)
            drawn = jax.random.categorical(jax.random.fold_in(key, v), found, axis=-1).astype(columns.dtype)
            return columns.at[:, v].set(jnp.where(known[v], columns[:, v], drawn)), found

        first = jnp.broadcast_to(codes, (BLOCK, n)).astype(jnp.float32)
        columns, found = jax.lax.scan(step, first, jnp.arange(n))
        return columns, jnp.moveaxis(found, 0, 1)

    def _look_up(self, v: jax.Array, columns: jax.Array) -> jax.Array:
        """Return the log of the model's own table of a variable, for all of its states."""
        tables = self._tables
        row = (columns.astype(jnp.int32) * tables["strides"][v]).sum(axis=-1)
        return tables["entries"][tables["start"][v] + row]

    @cached_property
    def _tables(self) -> dict[str, jax.Array]:
        """All tables with rows of one width, and for each variable the stride of each other one."""
        model, n = self.model, len(self.model.net)
        widest = int(model.cards.max())
        rows, start = [], [0]
        for name in model.net.names:
            flat = model.table(name).reshape(-1, len(model.states(name)))
            rows.append(np.pad(flat, ((0, 0), (0, widest - flat.shape[1]))))
            start.append(start[-1] + len(flat))
        strides = np.zeros((n, n), dtype=np.int32)
        strides[model.net.parent_rows.sources, model.net.parent_rows.index] = model.strides
        with np.errstate(divide="ignore"), jax.ensure_compile_time_eval():
            logs = np.maximum(np.log(np.concatenate(rows)), -1e30)
            return {
                "entries": jnp.asarray(logs, jnp.float32),
                "start": jnp.asarray(start[:-1], jnp.int32),
                "strides": jnp.asarray(strides),
            }

    def _weigh(self, columns: Any, found: Floats, given: Mapping[Name, Any]) -> Floats:
        free = np.array([name not in given for name in self.model.net.names])
        own = np.take_along_axis(found, columns[..., None], axis=-1)[..., 0]
        joint = np.asarray(self.model.log_conditionals(jnp.asarray(columns, jnp.float32))).sum(axis=-1)
        return np.asarray(joint - own[:, free].sum(axis=-1), dtype=np.float64)


def amortize_any(
    model: DiscreteNetwork,
    evidence: str | Iterable[Iterable[Name]] = "any",
    *,
    width: int = 64,
    steps: int = 4000,
    batch: int = 512,
    learning_rate: float = 3e-3,
    seed: int = 0,
    quiet: bool = False,
) -> EvidencePosterior:
    r"""Return one network that answers any evidence of a network of tables.

    For each set of evidence every variable has its parents in the minimal inverse, drawn in topological order. What a
    variable does not depend on under this evidence is multiplied by zero; which variables it depends on is among the
    inputs. Training minimizes :math:`E[-\log q(v \mid x_S)]` over simulations and sets of evidence together.

    Arguments:
        model: a `DiscreteNetwork`.
        evidence: ``"any"``, all sets, every size as likely; or a list of sets of names. Default ``"any"``.
        width: units of each of the two hidden layers of a variable. Default 64.
        steps: number of minibatches. Default 4000.
        batch: simulations in a minibatch, each with its own evidence. Default 512.
        learning_rate: the first learning rate, which falls to zero along a cosine. Default 0.003.
        seed: seed of first weights, evidence and simulations. Default 0.
        quiet: True prints no progress.

    Returns: an `EvidencePosterior`.

    Raises: `OptionError` for other models and for evidence that is neither; `UnknownVariableError` for names.

    >>> from retrodict import DiscreteNetwork
    >>> model = DiscreteNetwork.from_tables(
    ...     {"a": [], "b": ["a"]}, {"a": ["0", "1"], "b": ["0", "1"]},
    ...     {"a": [0.6, 0.4], "b": [[0.5, 0.5], [0.1, 0.9]]}, observed=["b"],
    ... )
    >>> post = amortize_any(model, steps=50, batch=64, width=8, quiet=True)
    >>> round(post.marginals({"a": "0"}, n=100)["b"]["1"], 4)  # the table itself
    0.5
    """
    if not isinstance(model, DiscreteNetwork):
        raise OptionError(
            f"any evidence is for a DiscreteNetwork, not for a {type(model).__name__}",
            remedy="Use rd.amortize(model) for one set of observed variables, or rd.query for a LinearGaussian.",
        )
    steps, batch, width = read_count("steps", steps, 0), read_count("batch", batch), read_count("width", width)
    seed = read_seed(seed)
    pool = EvidencePool.of(model.net, evidence, seed)
    network = GatedNetwork.of(model)
    history: list[float] = []
    trained = train_for_evidence(
        model,
        network,
        network.initialize(width, seed),
        pool,
        steps=steps,
        batch=batch,
        learning_rate=learning_rate,
        seed=seed,
        report=partial(_report, history, steps, quiet),
    )
    return EvidencePosterior(model, network, trained, tuple(history))


def _report(history: list[float], steps: int, quiet: bool, step: int, value: float) -> None:
    history.append(value)
    if not quiet and len(history) % 10 == 0:
        print(f"step {step:,} of {steps:,}: {value:.4f} nats")
