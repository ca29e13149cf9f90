"""Amortized posteriors of other packages beside ours, for models whose exact posterior is known.

Every entrant answers the same data sets, which `questions` writes into build/contest, and adds its scores to
results/hierarchical_contest.json. `make bench-hierarchical` enters ours, and sbi, which has an environment of its own
(Python 3.11, the peers of `make bench`). BayesFlow 2.1 with the JAX that it wants needs Python 3.12 or 3.13::

    make bench-hierarchical MULTILEVEL_PYTHON=python3.13

makes an environment of its own for it, ``pip install bayesflow==2.1.0 jax``, and enters it as well.
"""
