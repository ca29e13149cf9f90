"""What tests of both experiments need."""

import shutil

import pytest


@pytest.fixture
def folder(made, tmp_path):
    """A copy, to be changed, of the folder of results that a file makes once."""
    return shutil.copytree(made, tmp_path / "results")
