"""The encoders of figure 2 by name: the paper's, of equal capacity in use, and the library's own default."""

from __future__ import annotations

from dataclasses import dataclass

import optax

from retrodict.encode.build import build_encoder
from retrodict.encode.encoder import Encoder
from retrodict.encode.recipe import Recipe
from retrodict.graph.inverse import Inverse
from retrodict.invert import fully_connected, invert, reversal
from retrodict.models.gaussian import LinearGaussian
from retrodict.paper.experiment import require_choice
from retrodict.paper.plateau import Plateau
from retrodict.plan.capacity import count_in_use, match_widths
from retrodict.plan.dependencies import Dependencies
from retrodict.posterior.sharing import share
from retrodict.posterior.training.model_training import Keys
from retrodict.posterior.training.plans import BATCH, LEARNING_RATE
from retrodict.posterior.training.untrained import build_untrained
from retrodict.train.inference import Simulate
from retrodict.train.loop import Plan
from retrodict.train.optimizers import choose_optimizer


@dataclass(frozen=True)
class TreeEntry:
    """What takes part: a letter, a title, the kind of network and the structure it has.

    ``structure`` is ``"reversal"``, ``"fully-connected"`` or the order of a faithful inverse. ``paper`` tells the
    paper's networks (ReLU, plain Adam, nothing standardized) from the library's default.
    """

    letter: str
    title: str
    kind: str
    structure: str
    paper: bool = True


ENTRIES = {
    "heuristic": TreeEntry("a", "heuristic", "separate", "reversal"),
    "standard": TreeEntry("b", "standard masked", "shared", "fully-connected"),
    "minimal-forward": TreeEntry("c", "minimal masked", "shared", "forward"),
    "minimal-reverse": TreeEntry("c", "minimal masked", "shared", "reverse"),
    "minimal-auto": TreeEntry("c", "minimal masked", "shared", "auto"),
    "separate-forward": TreeEntry("d", "faithful, a network a factor", "separate", "forward"),
    "separate-reverse": TreeEntry("d", "faithful, a network a factor", "separate", "reverse"),
    "separate-auto": TreeEntry("d", "faithful, a network a factor", "separate", "auto"),
    "default": TreeEntry("e", "library default", "shared", "auto", paper=False),
    "default-heuristic": TreeEntry("f", "library default", "shared", "reversal", paper=False),
}


@dataclass(frozen=True)
class TreeBudget:
    """How long encoders are trained: the paper's in epochs of 25 minibatches, the library's default in steps.

    The learning rate of the paper's encoders is divided by ten, at most twice, when the objective has converged:
    when ``patience`` windows of ``window`` epochs in a row have not bettered the best mean of a window at this rate
    by ``least`` nats a latent.
    """

    epochs: int = 160
    batch: int = 100
    learning_rate: float = 1e-3
    window: int = 10
    patience: int = 2
    least: float = 0.01
    default_steps: int = 5000

    def plateau(self, latents: int) -> Plateau:
        """Return the rule for a model of so many latents."""
        return Plateau(self.window * Plan.epoch, self.patience, self.least * latents)


@dataclass(frozen=True, eq=False)
class Contestant:
    """An entry for a model, with the widths that give it the capacity of the heuristic."""

    model: LinearGaussian
    entry: TreeEntry
    inverse: Inverse
    widths: tuple[int, int] | None

    def start(self, seed: int) -> Encoder:
        """Return the untrained encoder."""
        keys = Keys.of(seed)
        if not self.entry.paper:
            recipe = Recipe(self.inverse, network=self.entry.kind)
            return build_untrained(self.model, recipe, keys.build, keys.scale)
        return build_encoder(self.inverse, keys.build, self.entry.kind, self.widths, skip=False)

    def plan(self, budget: TreeBudget) -> Plan:
        """Return how it is trained: the paper's by plain Adam, the default as `amortize` does."""
        if not self.entry.paper:
            steps = budget.default_steps
            return Plan(steps=steps, batch=BATCH, optimizer=choose_optimizer(LEARNING_RATE, steps))
        rule = budget.plateau(len(self.model.net.latents))
        adam = rule.follow(optax.adam(budget.learning_rate))
        return Plan(steps=budget.epochs * Plan.epoch, batch=budget.batch, optimizer=adam, report=rule.report)

    def simulate(self) -> Simulate:
        """Return the source of minibatches."""
        return share(self.model, self.inverse).simulate_codes


def enter(model: LinearGaussian, name: str, width: int) -> Contestant:
    """Return an entry for a model; ``width`` is that of both layers of each network of the heuristic.

    The others get the widths whose parameters in use come nearest to those of the heuristic. Raises `OptionError`
    for a name that is not in `ENTRIES`.

    >>> from retrodict import zoo
    >>> contestant = enter(zoo.binary_tree(depth=3), "minimal-forward", width=20)
    >>> contestant.inverse.n_edges, contestant.widths
    (9, (60, 57))
    """
    require_choice("an encoder", name, ENTRIES, "figure 2")
    entry = ENTRIES[name]
    inverse = _invert(model, entry.structure)
    if not entry.paper:
        return Contestant(model, entry, inverse, None)
    heuristic, own = Dependencies.of(reversal(model.net)), Dependencies.of(inverse)
    capacity = count_in_use(heuristic, (width, width), kind="separate", skip=False)
    return Contestant(model, entry, inverse, match_widths(own, capacity, kind=entry.kind, skip=False))


def _invert(model: LinearGaussian, structure: str) -> Inverse:
    if structure == "reversal":
        return reversal(model.net)
    return fully_connected(model.net) if structure == "fully-connected" else invert(model, structure)
