"""What each element of a traced program needs: the programs of JAX followed operation by operation.

``internals`` is the one file that knows how JAX writes programs down. ``walk`` follows one, by the ``rules`` of each
primitive (``indexing`` and ``matrices`` among them), with ``sets`` of inputs as ``values``; ``doubts`` are what decides
only whether a number is finite. ``primitives`` lists all others. ``constants`` are those of a traced program.
"""
