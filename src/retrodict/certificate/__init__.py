"""The verdict on an inverse, by d-separation alone: nothing here knows how inverses are made.

Read in this order: ``certify`` (the verdict and what it holds), ``boundaries`` (what a latent needs, for all latents
at once), ``families`` and ``slices`` (how variables and sets are laid out), ``comparison`` (stated against needed),
``evidence`` (open paths, when they are asked for), ``handwritten`` (guides given as parents), ``file`` (a certificate
as JSON). A law holds that nothing of ``invert`` is imported.
"""
