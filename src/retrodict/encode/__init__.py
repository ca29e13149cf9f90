"""Neural encoders q(z given x) whose dependencies are exactly those of an inverse.

``encoder``: what every encoder can do. ``build`` and ``recipe``: how one is made. Values become inputs in ``features``
and ``codes``; ``families`` are what one latent follows given its parents, ``networks`` what computes it.
"""
