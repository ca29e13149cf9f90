"""A guide for NumPyro with the structure of an inverse, and the verdict on guides that were written by hand.

``guide``: `AutoFaithful`, made of ``parts``, ``site_steps`` and ``densities``. ``lint``: the verdict on your own guide,
whose dependencies ``reading`` and ``uses`` find.
"""
