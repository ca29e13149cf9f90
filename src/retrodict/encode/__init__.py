"""Neural encoders q(z given x) whose dependencies are exactly those of an inverse.

``encoder``: draws and scores, step by step. ``build`` and ``recipe``: how one is made. Values become inputs in
``features`` and ``codes``; ``families`` are what one latent follows given its parents, ``networks`` what computes it.
"""
