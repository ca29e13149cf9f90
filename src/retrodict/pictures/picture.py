"""A finished picture: shown by notebooks, written to SVG or PNG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from retrodict.errors import OptionError
from retrodict.files.places import require_writable
from retrodict.files.whole import write_whole
from retrodict.pictures.condense import condense
from retrodict.pictures.drawing import PlacedDiagram, draw
from retrodict.pictures.png import require_matplotlib, write_png
from retrodict.pictures.scene import Scene
from retrodict.pictures.shapes import Sheet, compose
from retrodict.pictures.svg import write_svg


@dataclass(frozen=True, eq=False, repr=False)
class Picture:
    """Drawings side by side. A notebook shows it; ``save`` writes it to a file.

    >>> from retrodict.graph.bayesnet import BayesNet
    >>> BayesNet({"z": [], "x": ["z"]}, observed=["x"]).plot()
    Picture(The model: 1 latent, 1 observed, 1 edge; 2 boxes)
    """

    drawings: tuple[PlacedDiagram, ...]
    caption: str = ""

    def __repr__(self) -> str:
        boxes = sum(len(drawing.boxes) for drawing in self.drawings)
        return f"Picture({'; '.join(drawing.title for drawing in self.drawings)}; {boxes} boxes)"

    @property
    def sheet(self) -> Sheet:
        """The drawings as shapes, with their legend."""
        return compose(self.drawings, self.caption)

    def to_svg(self) -> str:
        """Return the picture as an SVG document."""
        return write_svg(self.sheet)

    def to_png(self) -> bytes:
        """Return the picture as a PNG file; raise `MissingPackageError` where matplotlib is not installed."""
        return write_png(self.sheet)

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def save(self, path: str | Path) -> Path:
        """Write to a file whose name ends in ``.svg`` or ``.png``; one that is there is replaced as a whole.

        Raises `OptionError` for another ending, `FileError` where the file cannot be written, and
        `MissingPackageError` for PNG without matplotlib.
        """
        path = Path(path)
        _require_ending(path)
        content = self.to_svg().encode() if path.suffix.lower() == ".svg" else self.to_png()
        write_whole(path, content)
        return path


def require_picture(path: Path) -> None:
    """Raise the errors of `Picture.save` before there is a picture."""
    _require_ending(path)
    if path.suffix.lower() == ".png":
        require_matplotlib()
    require_writable(path)


def _require_ending(path: Path) -> None:
    if path.suffix.lower() not in (".svg", ".png"):
        raise OptionError(f"{str(path)!r} is not the name of a picture", remedy="End it in .svg or .png.")


def picture(scenes: Sequence[Scene], caption: str = "") -> Picture:
    """Return scenes side by side, at most 60 boxes each."""
    return Picture(tuple(draw(condense(scene)) for scene in scenes), caption)
