"""How an encoder was built, as plain values: enough to build it again and fill it with saved arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax

from retrodict.encode.build import build_encoder, read_network
from retrodict.encode.compression import Compression
from retrodict.encode.coordinates import Coordinates
from retrodict.encode.encoder import Encoder
from retrodict.encode.families.choice import AUTO, choose_conditional, read_family, suit_family
from retrodict.encode.families.conditionals import Conditional
from retrodict.encode.features import Scaling
from retrodict.encode.networks.stacked import WIDTHS
from retrodict.encode.peaks.build_peaks import Peaks
from retrodict.encode.summaries import Summarized, Summary, add_spreads, read_summaries, summarize
from retrodict.graph.inverse import Inverse
from retrodict.graph.names import Name
from retrodict.invert.wide import invert_wide
from retrodict.models.black_box import BlackBox
from retrodict.models.gaussian.linear_gaussian import LinearGaussian
from retrodict.models.model import Model
from retrodict.plan.capacity import Capacity, match_widths
from retrodict.plan.counts import read_count
from retrodict.plan.dependencies import Dependencies, mark_bounded
from retrodict.plan.unit_groups import suggest_widths


@dataclass(frozen=True)
class Recipe:
    """How the encoder of a model is made. Each field is an argument of `amortize`, `fit_model` and `AutoFaithful`.

    ``drawn`` are the latents that the encoder draws, where others have closed forms; None for all but the barren ones.
    ``compressed`` are the places of observed columns that are seen as logarithms (`Compression`).
    ``statistics`` are what such an encoder sees of data where there are no summaries; with ``peaks`` it draws in the
    units of the posterior (`PeakEncoder`), and sees these alone.
    A family that is no name of this package's own cannot be written down, and of summaries only the names: whoever
    reads a recipe from a file brings their modules. Recipes are compared by what an inverse does not say.

    Raises `OptionError` for a network or a family that does not exist, and widths that are no counts.
    """

    order: str | Sequence[Name] | Inverse = field(default="auto", compare=False)
    minimize: str | Callable[[Inverse], float] = field(default="edges", compare=False)
    network: str = "shared"
    widths: Iterable[Any] | Capacity | None = None
    conditional: str | Conditional = "normal"
    summaries: Mapping[Any, Summary] | None = None
    skip: bool = True
    drawn: tuple[Name, ...] | None = None
    statistics: Summarized | None = None
    peaks: Peaks | None = None
    compressed: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        read_network(self.network)
        if self.conditional != AUTO:
            read_family(self.conditional)
        if self.widths is not None and not isinstance(self.widths, Capacity):
            object.__setattr__(self, "widths", tuple(read_count("widths", width) for width in self.widths))
        object.__setattr__(self, "summaries", dict(self.summaries or {}))

    def settle(self, model: Model) -> Recipe:
        """Return the recipe for a model, with the inverse for its order, numbers for widths and a family for auto.

        A file keeps a settled recipe: what is the library's choice now need not be its choice tomorrow.

        Raises what `invert` raises for an order or an inverse that is none of the model, and `OptionError` for
        summaries of what is not observed, or of which a latent sees a part only.

        >>> from retrodict import zoo
        >>> model = zoo.binary_tree(depth=4)
        >>> Recipe(widths=Capacity(2000)).settle(model).widths
        (91, 91)
        """
        inverse, summaries = self.invert(model), self.read_summaries(model)
        family = suit_family(
            self.conditional,
            is_normal=isinstance(model, LinearGaussian) and not summaries,
            bounded=isinstance(self.conditional, str) and self._sees_places(inverse),
        )
        settled = replace(self, order=inverse, conditional=family)
        if isinstance(self.widths, tuple) or self._draws_nothing(inverse):
            return settled
        if not isinstance(self.widths, Capacity):
            return replace(settled, widths=settled.suggest_widths(model))
        seen = summarize(self._list_dependencies(inverse), summaries)
        parameters = choose_conditional(seen, None, family).n_parameters
        widths = match_widths(seen, self.widths.parameters, parameters, kind=self.network, skip=self.skip)
        return replace(settled, widths=widths)

    def suggest_widths(self, model: Model, *rule: int) -> tuple[int, ...]:
        """Return the library's choice of widths for a model, by another rule than today's if one is given."""
        if self.network == "separate":
            return WIDTHS
        return suggest_widths(summarize(self._list_dependencies(self.invert(model)), self.read_summaries(model)), *rule)

    def invert(self, model: Model) -> Inverse:
        """Return the inverse that the order asks for.

        It holds for the codes of the latents, too (`invert_wide`).
        """
        return invert_wide(model, self.order, self.minimize)

    def read_summaries(self, model: Model) -> tuple[Summarized, ...]:
        """Return the summaries with the variables of the model that they see, the statistics of closed forms too."""
        own = read_summaries(model, self.summaries or {})
        seen = self.statistics if self.peaks is None else self.peaks.shown
        if isinstance(model, BlackBox) and seen is None:  # which has no other way to say what matters
            return *own, *add_spreads(model, [summary.name for summary in own])
        return own if seen is None or own else (seen,)

    def see_latents(self, dependencies: Dependencies) -> Coordinates:
        """Return the coordinates by which the encoder of a settled recipe sees codes."""
        return Coordinates.of(dependencies, read_family(self.conditional))

    def build(
        self,
        model: Model,
        key: jax.Array,
        scaling: Scaling | None = None,
        dependencies: Dependencies | None = None,
        compression: Compression | None = None,
    ) -> Encoder:
        """Return an untrained encoder; ``dependencies`` are those of the inverse, if at hand, or drawn in other steps.

        Without a ``compression`` that of the recipe has scales that are still to be read.
        Where there are peaks it is that of the noise, whose data are what is seen of them.

        >>> from retrodict import zoo
        >>> type(Recipe(network="separate").build(zoo.binary_tree(depth=3), jax.random.key(0)).network).__name__
        'StackedNetwork'
        """
        recipe = self.settle(model)
        summaries = recipe.read_summaries(model)
        whole = recipe._list_dependencies(recipe.invert(model)) if dependencies is None else dependencies
        if recipe.peaks is not None:
            whole, summaries = recipe.peaks.show(whole), ()
        return build_encoder(
            whole,
            key,
            recipe.network,
            recipe.widths if isinstance(recipe.widths, tuple) else None,
            conditional=recipe.conditional,
            scaling=scaling,
            skip=recipe.skip,
            summaries=summaries,
            compression=Compression.blank(self.compressed) if compression is None else compression,
        )

    def _sees_places(self, inverse: Inverse) -> bool:
        """Whether bounded latents are better seen by their place than by its logit.

        Not beside peaks, which are those of codes, nor the statistics of closed forms: the logit of a scale far below
        its upper end is a logarithm, which is linear in theirs.
        """
        if self.statistics is not None or self.peaks is not None or self._draws_nothing(inverse):
            return False
        return bool(mark_bounded(self._list_dependencies(inverse)).any())

    def _draws_nothing(self, inverse: Inverse) -> bool:
        return self.drawn is None and bool(inverse.is_generative.all())

    def _list_dependencies(self, inverse: Inverse) -> Dependencies:
        return Dependencies.of(inverse, self.drawn).by_column()
