"""A second process takes from the folder what the first one compiled."""

import pytest

from retrodict import cache_compiled
from retrodict.errors import FileError
from tests.processes import run_python

CODE = """
import jax
import jax.monitoring
misses = []
def listen(event, **_):
    if event.endswith("cache_misses"):
        misses.append(event)

jax.monitoring.register_event_listener(listen)
import retrodict as rd
rd.cache_compiled({folder!r})
posterior = rd.amortize(rd.zoo.binary_tree(3), steps=0, exact=False, quiet=True)
posterior.sample(dict.fromkeys(posterior.inverse.net.observed, 1.0), 10)
print(len(misses))
"""


def test_few_programs_are_compiled_up_to_the_first_draws_and_none_by_a_second_process(tmp_path):
    """Simulations as codes, simulations that novelty is judged by, draws."""
    first, second = (int(run_python(CODE.format(folder=str(tmp_path / "cache")))) for _ in range(2))
    assert first == 3
    assert second == 0


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="cannot be written"):
        cache_compiled(tmp_path / "file" / "cache")
