"""Bad files: an error of the library that says what is wrong, and where."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from retrodict.errors import CycleError, DataError, FileError, GraphError, RetrodictError, SizeError, SourceError
from retrodict.files.text import MOST_BYTES
from retrodict.read.bif.bif_reader import from_bif, parse_bif, parse_structure
from tests.processes import ROOT

ASIA = (ROOT / "tests" / "data" / "asia.bif").read_text()
A = "variable a { type discrete [2] { no, yes }; }\n"
X = "variable x { type discrete [2] { no, yes }; }\n"
PA = "probability (a) { table 0.8, 0.2; }\n"
PX = "probability (x | a) { (no) 0.9, 0.1; (yes) 0.2, 0.8; }\n"
BOTH = A + X + PA


def test_the_good_one_is_good():
    assert parse_bif(BOTH + PX).net.n_edges == 1


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("network n { }", SourceError, "no variables"),
        ("hello", SourceError, r"line 1: 'hello' does not begin a block"),
        (A + "\n}", SourceError, "line 3: '}' does not begin a block"),
        (A + "variable b { }" + PA + "probability (b) { }", SourceError, "x.bif does not list the states of 'b'"),
        (A, SourceError, "no probability block of 'a'"),
        (A + A + PA, SourceError, "line 2: the variable 'a' is given twice"),
        (BOTH + PX + PX, SourceError, "the probability of 'x' is given twice"),
        (
            BOTH + "probability (x | b) { table 1 0; }",
            GraphError,
            r"'b', named in the probability of 'x' ",
        ),
        (BOTH + "probability (y) { table 1 0; }" + PX, GraphError, "'y'"),
        (BOTH + "probability (x | a, a) { table 1 0; }", SourceError, "names a variable twice"),
        (BOTH + "probability (x | x) { table 1 0; }", SourceError, "names a variable twice"),
        (BOTH + "probability (x | ) { table 1 0; }", SourceError, "empty name"),
        (BOTH + "probability (x | a | a) { table 1 0; }", SourceError, "not of the form"),
        (BOTH + "probability x { table 1 0; }", SourceError, "not of the form"),
        (BOTH + "probability (x, , a) { table 1 0; }", SourceError, "empty name"),
        (A + X + PX + "probability (a | x) { table 1 0 0 1; }", CycleError, "cycle"),
        (BOTH + "probability (x | a) { (no) 0.9, 0.1; }", SourceError, "'x' has 1 rows where 2 were expected"),
        (BOTH + "probability (x | a) { }", SourceError, r"0 rows where 2 were expected\. To read the structure alone,"),
        (BOTH + "probability (x | a) { (no) 1 0; (no) 1 0; }", SourceError, "the row 'no' twice"),
        (BOTH + "probability (x | a) { (no) 1 0; (maybe) 1 0; }", SourceError, "'maybe', which is not a state of 'a'"),
        (BOTH + "probability (x | a) { (no, no) 1 0; }", SourceError, "2 states where 1 were expected"),
        (
            BOTH + "probability (x | a) { (no) 1; (yes) 1 0; }",
            SourceError,
            "a row of 1 numbers, '1', where 2",
        ),
        (BOTH + "probability (x | a) { (no) one 0; }", SourceError, "is not a number"),
        (BOTH + "probability (x | a) { table 1 0 1; }", SourceError, "a table of 3 numbers where 4"),
        (BOTH + "probability (x | a) { (no 1 0; }", SourceError, "neither"),
        (BOTH + "probability (x | a) { default 1 0; default 1 0; }", SourceError, "neither"),
        (BOTH + "probability (x | a) { (no) 1 0 }", SourceError, "not ended by a semicolon"),
        (BOTH + "probability (x | a) { (no) 0.9, 0.2; (yes) 0.2, 0.8; }", DataError, r"'x' given a=no.* 1\.1, not"),
        (BOTH + "probability (x | a) { (no) -1, 2; (yes) 0.2, 0.8; }", DataError, "'x' given a=no.*not all positive"),
        (BOTH + "probability (x | a) { (no) nan 1; (yes) 1 0; }", DataError, "'x' given a=no"),
        (BOTH + "probability (x | a) { (no) 1e999 1; (yes) 1 0; }", DataError, "'x' given a=no"),
        ("variable a { type discrete [3] { no, yes }; }", SourceError, "'a' is said to have 3 states, but lists 2"),
        ("variable a { type discrete [2] { no, , yes }; }", SourceError, "said to have 2 states"),
        ("variable a { type discrete [0] { }; }", SourceError, "'a'"),
        ("variable a { type discrete [" + "9" * 9999 + "] { no }; }", SourceError, "said to have"),
        (
            BOTH.replace("no, yes", "no, no") + "probability (x | a) { default 1 0; }",
            GraphError,
            r"'a' has states that are given twice \('no'\)",
        ),
        ("variable a { type continuous; }", SourceError, "'a' has no list of states"),
        ("variable { type discrete [1] { no }; }", SourceError, "has no name"),
        ('variable "a { type discrete [1] { no }; }', SourceError, "does not begin a block"),
        ('variable a"b" { type discrete [1] { no }; }', SourceError, "quotation marks inside a name"),
        ("variable a { type discrete [2] { no, yes }; ", SourceError, "'a' has no end"),
        ("variable a { type discrete [2] { no, yes ", SourceError, "no end"),
        (PA + A, GraphError, "nothing would be latent"),
    ],
)
def test_bad_text_is_named(text, error, message):
    with pytest.raises(error, match=message):
        parse_bif(text, "x.bif")


@pytest.mark.parametrize("parse", [parse_bif, parse_structure])
def test_a_file_broken_off_anywhere_is_refused(parse):
    ends = [match.end() for match in re.finditer(r"\}\s*", ASIA)]
    for cut in range(0, len(ASIA.rstrip()), 7):
        with pytest.raises(RetrodictError) as caught:
            parse(ASIA[:cut], "asia.bif")
        if cut > ASIA.index("probability") and cut not in ends:
            assert "asia.bif" in str(caught.value)


def test_a_file_broken_off_in_a_table_names_its_variable():
    cut = ASIA.index("(no, yes) 0.7")
    with pytest.raises(SourceError, match=r"asia\.bif, line 57: the probability block of .* dysp"):
        parse_bif(ASIA[: cut + 10], "asia.bif")


def test_a_default_cannot_fill_the_memory():
    parents = [f"p{i}" for i in range(60)]
    text = "".join(A.replace(" a ", f" {name} ") + PA.replace("(a)", f"({name})") for name in parents)
    with pytest.raises(SizeError, match="probabilities, more than"):
        parse_bif(X + text + f"probability (x | {', '.join(parents)}) {{ default 0.5, 0.5; }}")


# -- files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n\t ", "is empty"),
        (b"\x7fELF\x00\x00", "is binary"),
        (b"variable a {}\n\xff\xfe", r"not text in UTF-8 \(line 2\)"),
        (b"variable \x1b[31ma {}", r"control character '\\x1b' in line 1"),
    ],
)
def test_a_file_of_other_things_is_refused(tmp_path, content, message):
    path = tmp_path / "x.bif"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=message):
        from_bif(path)


def test_a_file_of_ten_gigabytes_is_refused_unread(tmp_path, monkeypatch):
    path = tmp_path / "large.bif"
    with path.open("wb") as file:
        file.truncate(10 * 2**30)  # a file with a hole takes no room
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("it was opened"))
    with pytest.raises(SourceError, match="more than the 256 MiB that are read"):
        from_bif(path)


def test_what_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    import gzip

    path = tmp_path / "bomb.bif.gz"
    path.write_bytes(gzip.compress(b" " * 1_000_000))
    monkeypatch.setattr("retrodict.files.text.MOST_BYTES", 1000)
    monkeypatch.setattr("retrodict.files.text.read_text.__defaults__", (1000,))
    assert MOST_BYTES == 256 * 2**20
    with pytest.raises(SourceError, match="more than"):
        from_bif(path)


@pytest.mark.parametrize("content", [b"no gzip", b"\x1f\x8b", b"\x1f\x8b\x08\x00aaaaaaaaaaaa"])
def test_a_broken_packed_file_is_refused(tmp_path, content):
    path = tmp_path / "x.bif.gz"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"x\.bif\.gz: cannot be read"):
        from_bif(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.bif", "No such file"),
        ("net.xml", r"not the name of a BIF file.*\.bif"),
        ("folder.bif", "not a regular file"),
        ("nul\0.bif", r"nul\\x00.bif': cannot be read \(.*null"),
        (3.5, "needs a path, not a float"),
    ],
)
def test_a_path_that_leads_nowhere_is_named(tmp_path, name, message):
    (tmp_path / "folder.bif").mkdir()
    with pytest.raises((SourceError, FileError), match=message):
        from_bif(tmp_path / name if isinstance(name, str) else name)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.bif")
    with pytest.raises(FileError, match="not a regular file"):
        from_bif(tmp_path / "pipe.bif")
