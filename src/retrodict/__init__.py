"""Turn any generative model into the right encoder.

    program or file -> BayesNet -> Inverse (+ Certificate) -> encoder -> fit -> AmortizedPosterior

The public names stand in ``__init__.pyi``. Each is imported when it is first used, so that work on graphs never waits
for JAX.
"""

from importlib.metadata import version

import lazy_loader

# The one name that is also a folder's: whoever imported the folder first would find it in the function's place.
from retrodict.invert import invert as invert

__version__ = version("retrodict")
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
