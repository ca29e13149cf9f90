"""Sets of music are read where they are what they are known to be, and refused else."""

import numpy as np
import pytest

from retrodict import zoo
from retrodict.errors import FileError, SourceError
from tests.paper.small_music import use_music, write_music


def test_pieces_are_read_from_a_folder_or_from_where_the_environment_says(tmp_path, monkeypatch):
    known = {"jsb": write_music(tmp_path)}
    found = zoo.music.load_music("jsb", tmp_path, known)
    assert [len(piece) for piece in found.train] == [9, 4, 7, 5]
    assert [len(piece) for piece in found.test] == [8, 5]
    assert found.valid[0].shape == (6, 88)
    assert found.valid[0].dtype == np.uint8
    use_music(monkeypatch, tmp_path, "jsb")
    assert repr(zoo.music.load_music()) == repr(found)


@pytest.mark.parametrize(
    ("name", "written", "options", "error", "why"),
    [
        ("bach", {}, {}, SourceError, "'bach' is no set of music. Choose one of jsb"),
        ("jsb", {}, {"checksums": {}}, FileError, "is not the file that is known by this name"),
        ("jsb", {"keys": 12}, {}, FileError, "no piano rolls of 88 keys"),
        ("jsb", {"value": 3}, {}, FileError, "no piano rolls of 88 keys"),
        ("muse", {}, {}, FileError, "cannot be read"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, name, written, options, error, why):
    known = {"checksums": {"jsb": write_music(tmp_path, **written)}}
    with pytest.raises(error, match=why):
        zoo.music.load_music(name, tmp_path, **{**known, **options})


def test_a_folder_has_to_be_named(monkeypatch):
    monkeypatch.delenv(zoo.music.VARIABLE, raising=False)
    with pytest.raises(SourceError, match="set RETRODICT_MUSIC"):
        zoo.music.load_music("jsb")
