"""Neural encoders q(z given x) whose dependencies are exactly those of an inverse.

``conditionals``: what one latent follows given its parents. ``encoder``: what every encoder can do.
``shared``: one masked network for all latents. ``separate``: one network a latent.
"""
