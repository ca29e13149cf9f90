"""Small sets of images, read from packages that are installed: nothing is downloaded."""

from retrodict.zoo.images.images import Images as Images
from retrodict.zoo.images.images import load_images as load_images

__all__ = ["Images", "load_images"]
