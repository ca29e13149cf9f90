"""Settings of all tests: Hypothesis draws the same examples in every run, JAX compiles quickly and on one core.

Tests compile hundreds of small programs and run each a few times, so compiling is what they wait for.
"""

import gc
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_multi_thread_eigen=false")

settings.register_profile("same-every-time", derandomize=True, deadline=None, database=None, max_examples=300)
settings.load_profile("same-every-time")

# Every compiled program stays mapped into memory; Linux allows a process 65,530 maps, and beyond it JAX crashes.
MAPS = Path("/proc/self/maps")
MOST_MAPS = 40_000


def pytest_runtest_teardown(item, nextitem):
    """Forget compiled programs between files, before there are too many of them."""
    if nextitem is not None and item.path == nextitem.path:
        return
    if "jax" in sys.modules and MAPS.exists() and MAPS.read_bytes().count(b"\n") > MOST_MAPS:
        sys.modules["jax"].clear_caches()
        gc.collect()


def pytest_addoption(parser):
    parser.addoption("--law", action="store_true", help="Hold every NumPyro program that a test reads to tests/law.py.")


@pytest.fixture(scope="session")
def read_programs(request):
    """The models that were read from NumPyro programs since this list was emptied; none are noted without ``--law``."""
    models = []
    if not request.config.getoption("--law"):
        yield models
        return
    from retrodict.read import numpyro

    with pytest.MonkeyPatch.context() as patch:
        make = numpyro.NumpyroModel
        patch.setattr(numpyro, "NumpyroModel", lambda *parts: models.append(make(*parts)) or models[-1])
        yield models


@pytest.fixture(autouse=True)
def hold_programs_to_the_law(read_programs):
    yield
    models, read_programs[:] = list(read_programs), []
    for model in models:
        from tests.law import check

        check(model)
