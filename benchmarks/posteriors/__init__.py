"""Posteriors of real programs beside reference draws: ``make bench-posteriors`` writes docs/benchmarks-posteriors.md.

``programs_posteriordb`` and ``programs_numpyro`` hold the programs, ``references`` what is true of them, ``run`` what
the library answers, ``guides`` the guides, and the pages are made of the results alone.
"""
