"""The tasks of sbibm, and two with exact references, by `amortize` with its defaults: ``make bench-sbibm``.

``programs`` holds the tasks as NumPyro programs, ``structured`` two of our own with exact draws, ``references`` reads
sbibm's, ``score`` tells draws apart, ``measure`` does one task, and ``page`` writes docs/benchmarks-sbibm.md from the
results alone.
"""
