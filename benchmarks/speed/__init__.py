"""Speed of training and sampling beside peers: `make bench`, which writes results/speed.json and docs/benchmarks.md.

``__main__`` measures a case; ``cases`` says who takes part in it; each contestant is a worker process (``turns``,
``contestants``) with the code of one library: ``ours``, ``zuko_peer``, ``sbi_peer``, ``bayesflow_peer``, ``products``.
``problem`` is what all of them read; ``multiply_adds`` counts the work; ``page`` makes the page from the numbers.
"""
