"""Settings of all tests: Hypothesis draws the same examples in every run, JAX compiles quickly and on one core.

Tests compile hundreds of small programs and run each a few times, so compiling is what they wait for.
"""

import os

from hypothesis import settings

os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_multi_thread_eigen=false")

settings.register_profile("same-every-time", derandomize=True, deadline=None, database=None, max_examples=300)
settings.load_profile("same-every-time")
