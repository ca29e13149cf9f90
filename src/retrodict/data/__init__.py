"""Small sets of images, read from packages that are installed: nothing is downloaded."""

from retrodict.data.images import Images as Images
from retrodict.data.images import load_images as load_images

__all__ = ["Images", "load_images"]
