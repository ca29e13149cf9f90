"""Random models for Hypothesis: any shape, any labels, written down in any order."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from hypothesis import strategies as st

from retrodict.graph.bayesnet import BayesNet
from tests.oracles import Dag, list_bits, to_bits

LABELS: dict[str, Callable[[int], Hashable]] = {
    "strings": lambda v: f"v{v}",
    "numbers": lambda v: 3 * v - 7,
    "tuples": lambda v: ("v", v % 2, v),
    "mixed": lambda v: [v, f"v{v}", ("v", v)][v % 3],
}


@dataclass(frozen=True)
class RandomModel:
    """A graph for the oracles, the set of its observed variables, and the name of each variable."""

    dag: Dag
    observed: int
    names: tuple[Hashable, ...]

    @property
    def latents(self) -> list[int]:
        return [v for v in range(len(self.dag)) if not self.observed >> v & 1]

    @property
    def parents(self) -> dict[Hashable, list[Hashable]]:
        return {self.names[v]: [self.names[u] for u in above] for v, above in self.dag.lists().items()}

    @property
    def observed_names(self) -> list[Hashable]:
        return [self.names[v] for v in list_bits(self.observed)]

    @property
    def net(self) -> BayesNet:
        return BayesNet(self.parents, observed=self.observed_names)

    def shuffle(self, seed: int) -> BayesNet:
        """The same model, written down in another order."""
        shuffled = random.Random(seed)  # noqa: S311
        pairs = [(name, shuffled.sample(above, len(above))) for name, above in self.parents.items()]
        shuffled.shuffle(pairs)
        return BayesNet(pairs, observed=shuffled.sample(self.observed_names, len(self.observed_names)))

    def number(self, name: Hashable) -> int:
        return self.names.index(name)


@st.composite
def models(draw: st.DrawFn, most: int = 8) -> RandomModel:
    """Models of 2 to ``most`` variables: connected or not, barren latents and observed parents included."""
    n = draw(st.integers(2, most))
    pairs = list(itertools.combinations(range(n), 2))
    edges = draw(st.sets(st.sampled_from(pairs), max_size=2 * n))
    observed = draw(st.integers(1, (1 << n) - 2))
    label = LABELS[draw(st.sampled_from(sorted(LABELS)))]
    places = draw(st.permutations(range(n)))
    dag = Dag(tuple(to_bits(u for u, child in edges if child == v) for v in range(n)))
    return RandomModel(dag, observed, tuple(label(place) for place in places))


@st.composite
def ordered_models(draw: st.DrawFn, most: int = 8) -> tuple[RandomModel, list[Hashable]]:
    """Models, each with an elimination order of its latents."""
    model = draw(models(most))
    return model, [model.names[v] for v in draw(st.permutations(model.latents))]


@st.composite
def guided_models(draw: st.DrawFn, most: int = 7) -> tuple[RandomModel, dict[int, list[int]]]:
    """Models, each with a guide: parents of each latent, free of cycles."""
    model = draw(models(most))
    sampling = draw(st.permutations(model.latents))
    guide = {}
    for place, latent in enumerate(sampling):
        known = [*list_bits(model.observed), *sampling[:place]]
        guide[latent] = sorted(draw(st.sets(st.sampled_from(known))))
    return model, guide


def grow_large_model(seed: int) -> RandomModel:
    """A model of 20 to 40 variables, sparse or dense, few or many of them observed."""
    draw = random.Random(seed)  # noqa: S311
    n, density, share = draw.randint(20, 40), draw.uniform(0.03, 0.4), draw.uniform(0.05, 0.9)
    dag = Dag(tuple(to_bits(u for u in range(v) if draw.random() < density) for v in range(n)))
    observed = to_bits(v for v in range(n) if draw.random() < share) & ((1 << n) - 2) or 2
    return RandomModel(dag, observed, tuple(draw.sample(range(100), n)))


def draw_model(seed: int, most: int = 12) -> RandomModel:
    """A model of 2 to ``most`` variables from one seed: its labels shuffled, anything observed but not everything."""
    draw = random.Random(seed)  # noqa: S311
    n, density = draw.randint(2, most), draw.choice([0.05, 0.15, 0.3, 0.5, 0.8])
    label = LABELS[draw.choice(sorted(LABELS))]
    dag = Dag(tuple(to_bits(u for u in range(v) if draw.random() < density) for v in range(n)))
    return RandomModel(dag, draw.randint(1, (1 << n) - 2), tuple(label(place) for place in draw.sample(range(n), n)))
