"""Named models, where each comes from, and what must hold on it. Adding a case is one line of ``CASES``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from retrodict.graph.bayesnet import BayesNet
from retrodict.invert.orders import ORDERS

STRATEGIES = [*ORDERS, "auto"]

Parents = dict[str, list[str]]


@dataclass(frozen=True)
class Case:
    """A model with its source; ``known`` holds what strategies give on it, (edges, depth).

    ``fewest`` is the least number of edges of any elimination order, where it is known (0: it is not), and ``auto``
    reaches it; ``barren`` lists the latents that no observation informs.
    """

    name: str
    source: str
    parents: Parents
    observed: list[str]
    barren: list[str] = field(default_factory=list)
    known: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    fewest: int = 0

    def __str__(self) -> str:
        return self.name

    @cached_property
    def net(self) -> BayesNet:
        return BayesNet(self.parents, observed=self.observed)


def read_edges(text: str) -> Parents:
    """The parents of each variable from edges such as ``a->b``; a name alone is a variable without edges."""
    parents: Parents = {}
    for word in text.split():
        *start, end = word.split("->")
        parents.setdefault(end, [])
        for name in start:
            parents.setdefault(name, [])
            parents[end].append(name)
    return parents


def grow_tree(depth: int) -> Parents:
    """A binary tree, x0 at its root, children of x_i: x_(2i+1) and x_(2i+2)."""
    return {f"x{i}": [f"x{(i - 1) // 2}"] if i else [] for i in range(2**depth - 1)}


def list_leaves(depth: int) -> list[str]:
    return [f"x{i}" for i in range(2 ** (depth - 1) - 1, 2**depth - 1)]


def link_chain(n: int) -> Parents:
    return {f"x{i}": [f"x{i - 1}"] if i else [] for i in range(n)}


def unroll_hmm(steps: int) -> Parents:
    states = {f"z{t}": [f"z{t - 1}"] if t else [] for t in range(steps)}
    return states | {f"x{t}": [f"z{t}"] for t in range(steps)}


def write_out_plates(groups: int) -> Parents:
    thetas = {f"theta{j}": ["mu", "tau"] for j in range(groups)}
    return {"mu": [], "tau": []} | thetas | {f"y{j}": [f"theta{j}"] for j in range(groups)}


def stack_layers(widths: Iterable[int], pixels: int) -> Parents:
    parents: Parents = {}
    above: list[str] = []
    for layer, width in enumerate(widths):
        names = [f"z{layer}_{i}" for i in range(width)]
        parents |= dict.fromkeys(names, above)
        above = names
    return parents | {f"pixel{i}": above for i in range(pixels)}


def number(letter: str, n: int) -> list[str]:
    return [f"{letter}{i}" for i in range(n)]


PAPER = "Webb et al. 2017"
ASIA = read_edges("asia->tub smoke->lung smoke->bronc tub->either lung->either either->xray either->dysp bronc->dysp")
ASIA_SOURCE = "Lauritzen & Spiegelhalter 1988"

CASES = [
    Case("figure 1", f"{PAPER}, figure 1", grow_tree(3), list_leaves(3), known={"forward": (9, 3)}),
    Case(
        "tree 4",
        f"{PAPER}, section 3",
        grow_tree(4),
        list_leaves(4),
        known={"forward": (35, 7), "reverse": (30, 3)},
        fewest=27,
    ),
    Case(
        "tree 5",
        f"{PAPER}, section 3",
        grow_tree(5),
        list_leaves(5),
        known={"forward": (135, 15), "reverse": (78, 4)},
        fewest=70,
    ),
    Case(
        "tree 8",
        f"{PAPER}, section 3",
        grow_tree(8),
        list_leaves(8),
        known={"forward": (8255, 127), "reverse": (1022, 7)},
    ),
    Case("tree 4, root observed", "observed variables in the middle", grow_tree(4), ["x0", *list_leaves(4)]),
    Case("tree 4, middle observed", "observed variables in the middle", grow_tree(4), ["x1", *list_leaves(4)]),
    Case("chain of 2", "the smallest model", link_chain(2), ["x1"], known={"auto": (1, 1)}, fewest=1),
    Case(
        "chain, end observed",
        "a Markov chain",
        link_chain(9),
        ["x8"],
        known={"forward": (8, 8), "reverse": (15, 8)},
        fewest=8,
    ),
    Case(
        "chain, start observed",
        "a Markov chain, all barren",
        link_chain(5),
        ["x0"],
        barren=number("x", 5)[1:],
        known={"auto": (4, 4)},
    ),
    Case(
        "chain, both ends observed",
        "a bridge",
        link_chain(6),
        ["x0", "x5"],
        known={"forward": (8, 4), "reverse": (8, 4)},
    ),
    Case(
        "chain, every second observed",
        "latents whose parents are all observed",
        link_chain(9),
        number("x", 9)[0::2],
        known={"auto": (8, 1)},
        fewest=8,
    ),
    Case(
        "hidden Markov model, 8 steps",
        "Krishnan et al. 2017",
        unroll_hmm(8),
        number("x", 8),
        known={"forward": (43, 8), "reverse": (43, 8)},
    ),
    Case(
        "hidden Markov model, 64 steps",
        "a row of the table of known answers",
        unroll_hmm(64),
        number("x", 64),
        known={"forward": (2143, 64), "reverse": (2143, 64)},
    ),
    Case(
        "hidden Markov model, data to the middle",
        "prediction",
        unroll_hmm(6),
        number("x", 3),
        barren=["x3", "x4", "x5", "z3", "z4", "z5"],
    ),
    Case("plates, 3 groups", "Rubin 1981", write_out_plates(3), number("y", 3)),
    Case(
        "plates, 32 groups",
        "Rubin 1981",
        write_out_plates(32),
        number("y", 32),
        known={"forward": (1089, 34), "reverse": (161, 3), "auto": (161, 3)},
        fewest=161,
    ),
    Case("variational autoencoder, 2 on 3 on 4", "Kingma & Welling 2013", stack_layers([2, 3], 4), number("pixel", 4)),
    Case(
        "variational autoencoder, 3 times 10",
        "a row of the table of known answers",
        stack_layers([10] * 3, 20),
        number("pixel", 20),
        known={"forward": (535, 30), "reverse": (935, 30), "auto": (535, 30)},
    ),
    Case("asia, leaves observed", ASIA_SOURCE, ASIA, ["xray", "dysp"]),
    Case("asia, roots and leaves observed", ASIA_SOURCE, ASIA, ["asia", "smoke", "xray", "dysp"]),
    Case(
        "asia, visit observed",
        ASIA_SOURCE,
        ASIA,
        ["asia"],
        barren=["tub", "smoke", "lung", "bronc", "either", "xray", "dysp"],
    ),
    Case(
        "barren collider",
        "the smallest case where CoMI keeps a useless edge",
        read_edges("a->c b->c"),
        ["a"],
        barren=["b", "c"],
        known={"reverse": (2, 2)},
        fewest=2,
    ),
    Case(
        "barren child of everything",
        "a barren latent marries nobody",
        read_edges("a->x b->y a->c b->c x->c y->c"),
        ["x", "y"],
        barren=["c"],
        known={"auto": (6, 2)},
        fewest=6,
    ),
    Case(
        "barren chain under data",
        "prediction",
        read_edges("z->x x->p p->q"),
        ["x"],
        barren=["p", "q"],
        known={"auto": (3, 2)},
        fewest=3,
    ),
    Case(
        "barren alone",
        "a latent without edges",
        read_edges("z->x lonely"),
        ["x"],
        barren=["lonely"],
        known={"auto": (1, 1)},
        fewest=1,
    ),
    Case("explaining away", "Pearl 1988", read_edges("a->c b->c"), ["c"], known={"auto": (3, 2)}, fewest=3),
    Case(
        "explaining away, one cause observed",
        "Pearl 1988",
        read_edges("a->c b->c"),
        ["b", "c"],
        known={"auto": (2, 1)},
        fewest=2,
    ),
    Case(
        "observed above",
        "a latent whose parents are all observed",
        read_edges("x->z z->y"),
        ["x", "y"],
        known={"auto": (2, 1)},
        fewest=2,
    ),
    Case(
        "observed in between",
        "data that cut a model in two",
        read_edges("a->x x->b b->y"),
        ["x", "y"],
        known={"auto": (3, 1)},
        fewest=3,
    ),
    Case(
        "observed collider with latent child",
        "an observed variable with a descendant",
        read_edges("a->x b->x x->c c->y a->c"),
        ["x", "y"],
    ),
    Case(
        "disconnected",
        "two models in one",
        read_edges("a->x b->y b->z"),
        ["x", "y", "z"],
        known={"auto": (3, 1)},
        fewest=3,
    ),
    Case("diamond", "two ways from top to bottom", read_edges("a->b a->c b->d c->d"), ["d"]),
    Case(
        "sprinkler",
        "Pearl 1988",
        read_edges("season->rain season->sprinkler rain->wet sprinkler->wet wet->slippery"),
        ["slippery"],
    ),
    Case(
        "grid",
        "a two-dimensional lattice",
        read_edges("a->b a->d b->c b->e c->f d->e d->g e->f e->h f->i g->h h->i"),
        ["g", "h", "i"],
    ),
    Case("sigmoid belief network", "Neal 1992", stack_layers([3, 3, 3], 5), number("pixel", 5)),
    Case(
        "autoregressive",
        "every variable a parent of all later ones",
        {f"x{i}": number("x", i) for i in range(6)},
        ["x1", "x4"],
        barren=["x5"],
    ),
]

SMALL_CASES = [case for case in CASES if len(case.parents) <= 10]


def pick(name: str) -> Case:
    return next(case for case in CASES if case.name == name)
