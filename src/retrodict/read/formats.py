"""Files that models are read from: which reader reads which ending."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from retrodict.errors import SourceError
from retrodict.graph.bayesnet import BayesNet
from retrodict.graph.names import Name
from retrodict.models.model import Model
from retrodict.read.bif.bif_reader import from_bif
from retrodict.read.pyagrum import read_by_pyagrum

# A new format is a row here, under the ending of its files in lower case: what reads it takes what `from_file` takes.
FORMATS: dict[str, Callable[..., BayesNet | Model]] = {
    ".bif": from_bif,
    ".bif.gz": from_bif,
    **dict.fromkeys((".xmlbif", ".bifxml", ".uai", ".net"), read_by_pyagrum),
}


def from_file(
    path: str | os.PathLike[str], observed: Iterable[Name] | None = None, *, tables: bool = True
) -> BayesNet | Model:
    """Return the model of a file, read by the reader of its ending.

    Arguments:
        path: the file; its name ends in ``.bif`` or ``.bif.gz``, or in ``.xmlbif``, ``.bifxml``, ``.uai`` or ``.net``,
            which pyAgrum reads.
        observed: names of the observed variables. Default: what the reader says, mostly the leaves.
        tables: whether to read the numbers of the model, too. Without them the structure is enough.

    Returns: a `Model`, or a `BayesNet` where there are no numbers.

    Raises: `SourceError` for an ending that no reader has, and what the reader raises.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "two.bif")
    >>> _ = path.write_text("variable a { } variable b { } probability (a) { } probability (b | a) { }")
    >>> from_file(path, tables=False)
    BayesNet(1 latent, 1 observed, 1 edges)
    """
    name = os.fspath(path)
    if not has_format(name):
        raise SourceError(
            f"{name!r:.100} is not a file that can be read", remedy=f"Its name must end in {', '.join(FORMATS)}."
        )
    ending = next(ending for ending in FORMATS if name.lower().endswith(ending))
    return FORMATS[ending](path, observed, tables=tables)


def has_format(name: str) -> bool:
    """Return whether there is a reader of files with such a name."""
    return name.lower().endswith(tuple(FORMATS))
