"""Settings of all tests: Hypothesis draws the same examples in every run, JAX compiles quickly and on one core.

Tests compile thousands of small programs and run each a few times, so compiling is what they wait for. What one run
has compiled, later ones take from a folder of pytest's cache (``pytest --cache-clear`` empties it), and so do processes
that tests start. Each worker has its own folder: JAX may read a file that another process has half written.
"""

from __future__ import annotations

import ctypes
import gc
import os
import re
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["pytester"]

# Most of the time of compiling went to what saves time of running. Flags that are set already stand behind and win.
QUICKLY = [
    "--xla_backend_optimization_level=0",
    "--xla_llvm_disable_expensive_passes=true",
    "--xla_cpu_parallel_codegen_split_count=1",
    "--xla_cpu_multi_thread_eigen=false",
]
if version("jaxlib").startswith("0.10."):  # 0.12 does not know this flag, and ends the process
    QUICKLY.append("--xla_cpu_use_fusion_emitters=false")
os.environ["XLA_FLAGS"] = " ".join([*QUICKLY, os.environ.get("XLA_FLAGS", "")])
# A program has a location for each operation, which only profilers read.
os.environ.setdefault("JAX_TRACEBACK_IN_LOCATIONS_LIMIT", "0")
# Traced programs are many objects and hardly any garbage, for which Python would look again and again.
gc.set_threshold(50_000, 50, 100)

settings.register_profile("same-every-time", derandomize=True, deadline=None, database=None, max_examples=100)
settings.load_profile("same-every-time")

# -- what is compiled --------------------------------------------------------------------------------

DAYS_KEPT = 7


def pytest_configure(config: pytest.Config) -> None:
    """Keep compiled programs in files."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    folder = config.rootpath / ".pytest_cache" / "d" / "jax" / worker
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    remove_old(folder)


def remove_old(folder: Path) -> None:
    """Remove programs compiled days ago: most are of code that is no more."""
    for path in folder.glob("*"):
        if time.time() - path.stat().st_mtime > DAYS_KEPT * 86400:
            path.unlink()


# -- memory ------------------------------------------------------------------------------------------

# A compiled program stays in memory, in some mapped pieces; Linux allows a process 65,530, beyond them JAX crashes.
SELF = Path("/proc/self")
MOST_MAPS = 40_000
MOST_BYTES, MOST_BYTES_OF_A_FILE = 2 * 2**30, 5 * 2**29


@pytest.hookimpl(trylast=True)  # after fixtures have gone, what they have patched among them
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Forget compiled programs before there are too many: between files, where none is used again, rather early."""
    if nextitem is None or "jax" not in sys.modules or not SELF.exists():
        return
    most = MOST_BYTES_OF_A_FILE if item.path == nextitem.path else MOST_BYTES
    if resident_bytes() > most or (SELF / "maps").read_bytes().count(b"\n") > MOST_MAPS:
        sys.modules["jax"].clear_caches()
        gc.collect()
        if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # glibc keeps what is freed, if not told
            trim(0)


def resident_bytes() -> int:
    """How much memory this process has."""
    return int((SELF / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def pytest_collection_finish() -> None:
    """Let Python look for garbage among newer objects alone: what is imported by now stays."""
    gc.freeze()


# -- examples ----------------------------------------------------------------------------------------

# What trains compiles for seconds; the tests of these functions are quicker.
TRAINS = re.compile(r"fit_model\(|refine_encoder\(|split_gap\(|amortize\(.*steps=[1-9]|svi\.run\(")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Leave the examples of docstrings that train to the slow suite."""
    examples = getattr(getattr(item, "dtest", None), "examples", [])
    if any(TRAINS.search(example.source) for example in examples):
        item.add_marker("slow")


# -- pieces of a suite -------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer to run a piece of what is selected."""
    parser.addoption("--piece", type=read_piece, default=(1, 1), metavar="K/N", help="the files of piece K of N alone")


def read_piece(text: str) -> tuple[int, int]:
    """K and N of ``"K/N"``, 1 <= K <= N."""
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    piece, pieces = map(int, found.groups()) if found else (0, 0)
    if not 1 <= piece <= pieces:
        raise pytest.UsageError(f"The piece {text!r} is not of the form K/N with 1 <= K <= N, such as 2/8.")
    return piece, pieces


@pytest.hookimpl(trylast=True)  # after those that are not selected by their marks have gone
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the piece asked for. Files are dealt out whole, since the tests of one share what they train."""
    piece, pieces = config.getoption("piece")
    taken = set(sorted({item.path for item in items})[piece - 1 :: pieces])
    config.hook.pytest_deselected(items=[item for item in items if item.path not in taken])
    items[:] = [item for item in items if item.path in taken]
