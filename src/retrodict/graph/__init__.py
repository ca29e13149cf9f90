"""Graphs of generative models and of their inverses: NumPy and integers inside, names at the edge.

Read in this order: ``rows`` (adjacency as two flat arrays), ``bayesnet`` (the model), ``ancestry`` and
``moral`` (two classical constructions), ``separation`` (d-separation with evidence), ``elimination``
(a symbolic sparse Cholesky factorization), ``inverse`` (what elimination gives back).
"""
