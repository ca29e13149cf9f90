"""Settings of all tests: Hypothesis draws the same examples in every run."""

from hypothesis import settings

settings.register_profile("same-every-time", derandomize=True, deadline=None, database=None, max_examples=300)
settings.load_profile("same-every-time")
