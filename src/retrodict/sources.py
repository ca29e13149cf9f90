"""What a person may type as SOURCE: a BIF file, a name of the zoo, or a program; and what of it is observed."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any

from retrodict import zoo
from retrodict.errors import RetrodictError, SourceError
from retrodict.graph.bayesnet import BayesNet, HasStructure, structure_of
from retrodict.graph.names import Name, unknown
from retrodict.read.bif import SUFFIXES, from_bif
from retrodict.read.observation import observe

PROGRAM = re.compile(r"(?P<module>[^\W\d]\w*(\.[^\W\d]\w*)*):(?P<program>[^\W\d]\w*(\.[^\W\d]\w*)*)")


def find_source(source: str, observed: Sequence[str] = (), latent: Sequence[str] = ()) -> BayesNet | HasStructure:
    """Return the model that a SOURCE stands for.

    ``observed`` and ``latent`` are names or patterns (``*``, ``?``, ``[...]``), several of them separated by commas:
    observed is what ``observed`` names, or else what the source itself observes, without what ``latent`` names.

    Raises `SourceError` for a source that cannot be read or is none, `UnknownVariableError` for a name or pattern
    that fits no variable, and what the readers raise.

    >>> structure_of(find_source("tree:3", observed=["x[56]"], latent=["x6"])).observed
    ('x5',)
    """
    if source.partition(":")[0] in zoo.NAMED:
        return _choose(zoo.find(source), observed, latent)
    if source.lower().endswith(SUFFIXES) or Path(source).is_file():
        return _choose(from_bif(source), observed, latent)
    match = PROGRAM.fullmatch(source)
    if not match:
        return zoo.find(source)  # which says what is wrong
    return _read_program(match["module"], match["program"], observed, latent)


def _choose(model: Any, observed: Sequence[str], latent: Sequence[str]) -> Any:
    """Return a model with other observed variables, if any are asked for."""
    if not observed and not latent:
        return model
    net = structure_of(model)
    chosen = observe(net, choose_observed(net, observed, latent))
    return chosen if isinstance(model, BayesNet) else replace(model, net=chosen)


def choose_observed(net: BayesNet, observed: Sequence[str], latent: Sequence[str]) -> list[Name]:
    """Return the variables that patterns leave observed, in topological order."""
    chosen = match_names(net, observed) if observed else set(net.observed)
    chosen -= match_names(net, latent)
    return [name for name in net.names if name in chosen]


def match_names(net: BayesNet, patterns: Iterable[str]) -> set[Name]:
    """Return the variables that patterns fit; a name is tried before it is taken for a pattern or a list.

    >>> sorted(match_names(BayesNet({"a,b": [], "c": ["a,b"], "d": ["c"]}, ["d"]), ["a,b", "[cd]"]))
    ['a,b', 'c', 'd']
    """
    texts = {str(name): name for name in net.names}
    found: set[Name] = set()
    for given in patterns:
        for pattern in [given] if given in texts else given.split(","):
            fitting = {texts[pattern]} if pattern in texts else {texts[t] for t in texts if fnmatchcase(t, pattern)}
            if not fitting:
                raise unknown([pattern], net.names, "names or patterns that fit none")
            found |= fitting
    return found


def _read_program(module: str, program: str, observed: Sequence[str], latent: Sequence[str]) -> HasStructure:
    """Return the model of a NumPyro program; one that fails is an error of the source."""
    source = f"{module}:{program}"
    found = _import_program(module, program)
    from retrodict import from_numpyro

    try:
        model: HasStructure = from_numpyro(found)
        if not observed and not latent:
            return model
        chosen = [str(name) for name in choose_observed(structure_of(model), observed, latent)]
        again: HasStructure = from_numpyro(found, observed=chosen)
    except RetrodictError:
        raise
    except Exception as error:
        raise SourceError(f"the program {source} fails with {type(error).__name__}: {error}") from error
    return again


def _import_program(module: str, program: str) -> Any:
    """Import a module as Python does from the current folder, and look up a name in it."""
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found: Any = import_module(module)
        for part in program.split("."):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:
        raise SourceError(
            f"the program {module}:{program} cannot be imported: {type(error).__name__}: {error}",
            remedy="Write module:program, with the module in this folder or installed.",
        ) from error
    if not callable(found):
        raise SourceError(f"{module}:{program} is no program but a {type(found).__name__}")
    return found
