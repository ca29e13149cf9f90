"""Nothing but the library's own errors, whatever is in a file or a graph; no hang, no memory without bounds."""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import retrodict as rd
from retrodict.errors import RetrodictError
from retrodict.read.bif.bif_reader import from_bif, parse_bif
from tests.read.bif.mutations import draw_graphs, mutate_files

HANG = 1.0  # seconds of processor time, however busy the machine is
MOST_GROWTH = 200 * 2**20


@contextmanager
def limit_time(seconds: float = HANG) -> Iterator[None]:
    """Fail when the body takes more processor time than this."""

    def stop(*_: object) -> None:
        pytest.fail(f"more than {seconds} s")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def survive(attempt: Callable[[], Any]) -> bool:
    """Whether something is accepted; what is raised must be an error of the library that can be said in words."""
    with limit_time():
        try:
            inverse = rd.invert(attempt(), order="min-degree")
        except RetrodictError as error:
            message = str(error)
        else:
            assert rd.certify(inverse)
            return True
    assert message
    return False


def try_texts(seed: int, count: int) -> int:
    return sum(survive(lambda text=text: parse_bif(text)) for text in mutate_files(seed, count))


def try_graphs(seed: int, count: int) -> int:
    return sum(survive(lambda graph=graph: rd.BayesNet(*graph)) for graph in draw_graphs(seed, count))


def measure_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_a_hang_is_seen():
    def hang() -> None:
        with limit_time(0.01):
            while True:
                pass

    with pytest.raises(pytest.fail.Exception, match="more than"):
        hang()


@pytest.mark.parametrize("try_all", [try_texts, try_graphs])
def test_broken_files_and_graphs_raise_errors_of_the_library(try_all):
    accepted = try_all(seed=0, count=400)
    assert 20 < accepted < 380  # both kinds are met


def test_broken_bytes_raise_errors_of_the_library(tmp_path):
    path = tmp_path / "x.bif"
    for i, text in enumerate(mutate_files(seed=1, count=100)):
        content = bytearray(text.encode("utf-8", "surrogatepass"))
        content[i : i + 2] = bytes([i, 255 - i])
        path.write_bytes(content)
        survive(lambda: from_bif(path))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 11))
@pytest.mark.parametrize(("try_all", "least"), [(try_texts, 300), (try_graphs, 1000)])
def test_ten_thousand_broken_files_and_graphs(try_all, least, seed):
    before = measure_memory()
    assert least < try_all(seed, 10_000) < 9000
    assert measure_memory() - before < MOST_GROWTH
