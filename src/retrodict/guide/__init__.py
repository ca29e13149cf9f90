"""A guide for NumPyro with the structure of an inverse, and what a guide written by hand lacks.

``guide``: `AutoFaithful`. ``parts``, ``site_steps``, ``densities``: what it is made of. ``lint``: the verdict on a guide
of your own, whose dependencies ``reading`` and ``uses`` find.
"""
