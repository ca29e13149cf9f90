"""The pieces of a suite: together they are the whole, none of it twice, and a file is never torn apart."""

import pytest

from tests.processes import ROOT

FILES = [f"test_{letter}.py" for letter in "abcde"]
CONTENT = """
import pytest

@pytest.mark.slow
def test_one(): pass

@pytest.mark.slow
def test_two(): pass
"""


@pytest.fixture
def collect(pytester):
    """Collects the slow tests of five files, one more having none, and gives their names."""
    pytester.makeini("[pytest]\nmarkers = slow")
    pytester.makeconftest((ROOT / "conftest.py").read_text())
    for file in FILES:
        (pytester.path / file).write_text(CONTENT)
    (pytester.path / "test_aa.py").write_text("def test_quick(): pass")

    def call(*options: str) -> list[str]:
        done = pytester.runpytest_subprocess("-m", "slow", "--collect-only", "-q", *options)
        return [line for line in done.outlines if "::" in line]

    return call


def test_pieces_are_the_whole_and_files_stay_whole(collect):
    pieces = [collect("--piece", f"{k}/3") for k in (1, 2, 3)]
    found = sorted(name for piece in pieces for name in piece)
    assert found == sorted(f"{file}::test_{n}" for file in FILES for n in ("one", "two"))
    assert sorted(len({name.partition("::")[0] for name in piece}) for piece in pieces) == [1, 2, 2]


@pytest.mark.parametrize("piece", ["0/3", "4/3", "3", "a/b"])
def test_what_is_no_piece_is_refused(pytestconfig, piece):
    settings = pytestconfig.pluginmanager.get_plugin(str(ROOT / "conftest.py"))
    with pytest.raises(pytest.UsageError, match=f"The piece '{piece}' is not of the form K/N"):
        settings.read_piece(piece)
