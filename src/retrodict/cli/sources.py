"""What a person may type as SOURCE: a file, a name of the zoo, or a program; and what of it is observed."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrodict import zoo
from retrodict.errors import OptionError, RetrodictError, SourceError
from retrodict.graph.bayesnet import BayesNet, HasStructure
from retrodict.graph.names import Name, unknown
from retrodict.models.model import Model
from retrodict.read.formats import from_file, has_format

if TYPE_CHECKING:
    from retrodict.models.template_model import TemplateModel
    from retrodict.read.numpyro.sites import Site

PROGRAM = re.compile(r"(?P<module>[^\W\d]\w*(\.[^\W\d]\w*)*):(?P<program>[^\W\d]\w*(\.[^\W\d]\w*)*)")


# What a text of a person may stand for: a variable, or all elements of a site.
Named = Mapping[str, Sequence[Name]]


def find_source(
    source: str,
    observed: Sequence[str] = (),
    latent: Sequence[str] = (),
    arguments: Mapping[str, Any] | None = None,
    *,
    elementwise: bool = False,
    tables: bool = False,
) -> BayesNet | HasStructure:
    """Return the model that a SOURCE stands for.

    ``observed`` and ``latent`` are names or patterns (``*``, ``?``, ``[...]``), several of them separated by commas:
    observed is what ``observed`` names, or else what the source itself observes, without what ``latent`` names.
    A program, ``module:program``, is imported, which runs the code of its module; it is called with ``arguments`` by
    name, and read ``elementwise`` if asked for. Of a BIF file only the structure is read, unless ``tables`` are needed.

    Raises `SourceError` for a source that cannot be read or is none, `UnknownVariableError` for a name or pattern
    that fits no variable, `OptionError` for arguments of what is no program, and what the readers raise.

    >>> find_source("tree:3", observed=["x[56]"], latent=["x6"]).net.observed
    ('x5',)
    """
    if source.partition(":")[0] not in zoo.NAMED and not _is_file(source):
        match = PROGRAM.fullmatch(source)
        if match:
            found = _import_program(match["module"], match["program"])
            return _read_program(source, found, dict(arguments or {}), observed, latent, elementwise=elementwise)
    if arguments or elementwise:
        raise OptionError(f"{source!r:.60} is not a program", remedy="--args and --elementwise are for module:program.")
    return _choose(from_file(source, tables=tables) if _is_file(source) else zoo.find(source), observed, latent)


def find_template(
    source: str, observed: Sequence[str] = (), latent: Sequence[str] = (), arguments: Mapping[str, Any] | None = None
) -> TemplateModel:
    """Return the template that a program is, ``module:program``; ``observed`` and ``latent`` fit whole sites.

    Raises `OptionError` for what is no program, and what `find_source` raises.
    """
    match = None if source.partition(":")[0] in zoo.NAMED or _is_file(source) else PROGRAM.fullmatch(source)
    if match is None:
        raise OptionError(f"{source!r:.60} is not a program", remedy="--template is for module:program.")
    found = _import_program(match["module"], match["program"])
    model: TemplateModel = _read_program(source, found, dict(arguments or {}), observed, latent, template=True)
    return model


def _is_file(source: str) -> bool:
    if source.partition(":")[0] in zoo.NAMED:
        return False
    try:
        return has_format(source) or Path(source).is_file()
    except OSError as error:  # a name that is too long for one
        raise SourceError(f"{source!r:.60} cannot be looked up as a file: {error.strerror}") from None


def _choose(model: BayesNet | Model, observed: Sequence[str], latent: Sequence[str]) -> BayesNet | Model:
    """Return a model with other observed variables, if any are asked for."""
    if not observed and not latent:
        return model
    net = model.net if isinstance(model, Model) else model
    named = {str(name): [name] for name in net.names}
    chosen = choose_observed(named, net.observed, observed, latent)
    return model.observing([name for name in net.names if name in chosen])


def choose_observed(named: Named, seen: Iterable[Name], observed: Sequence[str], latent: Sequence[str]) -> set[Name]:
    """Return what patterns leave observed: what ``observed`` fits or else what is ``seen``, but not ``latent``."""
    chosen = match_names(named, observed) if observed else set(seen)
    return chosen - match_names(named, latent)


def match_names(named: Named, patterns: Iterable[str]) -> set[Name]:
    """Return the variables that patterns fit; a name is tried before it is taken for a pattern or a list.

    >>> sorted(match_names({name: [name] for name in ("a,b", "c", "d")}, ["a,b", "[cd]"]))
    ['a,b', 'c', 'd']
    >>> sorted(match_names({"x": ["x[0]", "x[1]"], "x[0]": ["x[0]"], "x[1]": ["x[1]"]}, ["x"]))
    ['x[0]', 'x[1]']
    """
    found: set[Name] = set()
    for given in patterns:
        for pattern in [given] if given in named else given.split(","):
            fitting = [pattern] if pattern in named else [text for text in named if fnmatchcase(text, pattern)]
            if not fitting:
                raise unknown([pattern], list(named), "as a name or a pattern")
            found.update(name for text in fitting for name in named[text])
    return found


def _read_program(
    source: str,
    program: Any,
    arguments: dict[str, Any],
    observed: Sequence[str],
    latent: Sequence[str],
    **how: bool,
) -> Any:
    """Return the model of a NumPyro program, or its template; one that fails is an error of the source."""
    from retrodict.read.numpyro.reader import from_numpyro
    from retrodict.read.numpyro.sites import Program, read_sites

    _require_callable_with(program, source, arguments)
    try:
        sites = read_sites(Program(program, (), arguments))
        chosen = _choose_in_program(source, sites, observed, latent, how.get("elementwise", False))
        asked = chosen if observed or latent else None
        model: Any = partial(from_numpyro, **how)(program, observed=asked, **arguments)
    except RetrodictError:
        raise
    except (Exception, SystemExit) as error:
        raise SourceError(f"the program {source} fails with {type(error).__name__}: {error}") from error
    return model


def _choose_in_program(
    source: str, sites: Iterable[Site], observed: Sequence[str], latent: Sequence[str], elementwise: bool
) -> list[str]:
    """Return the names of the variables of a program that patterns leave observed, in the order of its sites."""
    from retrodict.read.numpyro.program_structure import name_units

    units = {site.name: name_units(site, elementwise) for site in sites}
    names = [name for own in units.values() for name in own]
    seen = [name for site in sites if site.is_observed for name in units[site.name]]
    chosen = choose_observed({name: [name] for name in names} | units, seen, observed, latent)
    if not chosen:
        raise SourceError(
            f"the program {source} observes none of its sites, {{names}}",
            units,
            remedy="Name what is observed with --observed, or give its data with --args.",
        )
    return [name for name in names if name in chosen]


def _require_callable_with(program: Any, source: str, arguments: Mapping[str, Any]) -> None:
    """Raise `SourceError` for arguments that are missing or too many."""
    try:
        signature = inspect.signature(program)
    except (TypeError, ValueError):  # of a callable that does not tell
        return
    try:
        signature.bind(**arguments)
    except TypeError as error:
        remedy = "Give each of its arguments under its own name with --args FILE, a .npz or .json file."
        raise SourceError(f"the program {source} cannot be called: {error}", remedy=remedy) from None


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
        raise SourceError(f"{module}:{program} is not a program but of the type {type(found).__name__}")
    return found
