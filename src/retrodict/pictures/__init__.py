"""Pictures of layered graphs, as SVG by our own renderer and as PNG by matplotlib."""

from retrodict.pictures.picture import Picture as Picture
from retrodict.pictures.picture import picture as picture
from retrodict.pictures.picture import require_picture as require_picture
from retrodict.pictures.scene import Scene as Scene
