"""The experiment on music: a small campaign as it is typed, its page from its data, and its sound."""

import io
import wave
from dataclasses import replace

import numpy as np
import pytest

from retrodict.paper.experiment import Findings, Result
from retrodict.paper.music import music_runs
from retrodict.paper.music.music_page import make_page
from retrodict.paper.music.music_runs import MUSIC, MusicRequest, plan_units
from retrodict.paper.music.music_tasks import ENCODERS, SIZES, SMOKE, MusicBudget, cut, divide_pieces
from retrodict.paper.music.music_units import MusicUnit
from retrodict.paper.music.sound import RATE, STEP, make_wave
from retrodict.paper.summary import read
from retrodict.zoo.music import Music
from tests.paper.small_music import use_music

ASKED = ["reproduce", "music", "--smoke", "--set", "jsb", "--encoder", "derived"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with small sets of music, which is where they are looked for."""
    use_music(monkeypatch, tmp_path, "jsb", "piano")
    return tmp_path


def test_a_campaign_as_it_is_typed_and_again(run, here, monkeypatch):
    out = here / "out"
    status, told, err = run(*ASKED, "--out", str(out))
    assert status == 0, err
    assert "jsb-derived-tiny-seed0" in told
    assert (out / "music_jsb_tiny_rolls.png").read_bytes().startswith(b"\x89PNG")
    assert (out / "music_jsb_tiny.wav").stat().st_size < 200_000
    page = (out / "music.md").read_text()
    assert "| derived | `z[t-1] x[t..T-1]` | faithful, minimal |" in page
    (result,) = read(MUSIC, out).results
    facts = result.facts
    assert facts["weighed"] < facts["bound"] + 0.05
    assert facts["failed_at"] is None
    assert len(result.curves["test"]) == SMOKE.epochs
    monkeypatch.setattr(music_runs, "MUSIC", replace(MUSIC, run=refuse))
    assert run(*ASKED, "--out", str(out))[0] == 0


def refuse(*_):
    raise AssertionError("a unit was run again")


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("--set bach", "'bach' is not a set of music of this experiment"),
        ("--encoder future", "'future' is not an encoder of this experiment"),
        ("--size huge", "'huge' is not a size of this experiment"),
        ("--set muse", "MuseData.mat: cannot be read"),
        ("--seeds 0", "seeds=0 is too small"),
        ("--data /no/such/folder", "cannot be read"),
    ],
)
def test_bad_input_is_one_line(run, here, monkeypatch, command, why):
    monkeypatch.setattr(music_runs, "MUSIC", replace(MUSIC, run=refuse))
    status, _, err = run("reproduce", "music", *command.split(), "--out", str(here / "out"))
    assert status == 2
    assert why in err
    assert err.count("\n") == 1


def test_runs_are_ordered_by_set_and_seed(here):
    units = plan_units(MusicRequest(["piano", "jsb"], ["past", "derived"], "small", range(2)))
    assert [(unit.set, unit.seed, unit.encoder) for unit in units] == [
        (name, seed, encoder) for name in ("piano", "jsb") for seed in (0, 1) for encoder in ("derived", "past")
    ]


def test_every_size_makes_encoders_of_its_capacity():
    for size in SIZES.values():
        assert size.make(0).columns == {"z": size.latents, "x": 88}


def test_pieces_are_cut_for_learning_and_whole_for_testing():
    piece = np.arange(10)[:, None] * np.ones((1, 88), int)
    data = divide_pieces(Music("jsb", (piece,), (piece,), (piece,)), MusicBudget(longest=4))
    assert [len(part) for part in data.train] == [4, 3, 3]
    np.testing.assert_array_equal(np.concatenate(data.train), piece)
    assert [len(part) for part in data.test] == [10]
    assert cut([piece], 10)[0] is not piece
    assert len(cut([piece], 3, most=2)) == 2


def make_result(encoder, seed, bound, failed=None):
    if failed is not None:
        return Result(MusicUnit("jsb", encoder, "small", seed), {"failed_at": failed}, {"train": [], "test": []})
    facts = {"failed_at": None, "faithful": 1, "minimal": 0, "parents": "z[t] <- x[*]", "in_use": 50_000}
    facts |= {"epochs": 3, "best_epoch": 2, "seconds": 5.0, "step_seconds": 0.25, "effective": 0.5}
    names = ("bound", "weighed", "bound_of_pieces", "weighed_of_pieces", "filtered", "filtered_many", "filtered_bound")
    facts |= {name: bound + 0.1 * place for place, name in enumerate(names)}
    return Result(MusicUnit("jsb", encoder, "small", seed), facts, {"train": [3.0], "test": [2.0]})


def test_the_page_says_what_was_measured():
    results = [make_result("derived", seed, 7.0 + seed / 10) for seed in (0, 1)]
    results += [make_result("past", 0, 7.5), make_result("past", 1, 0.0, failed=12)]
    page = make_page(Findings(MusicBudget(), tuple(results)))
    assert "| 7.150 (7.100 to 7.200) | 7.050 (7.000 to 7.100) |" in page
    assert "| 2, 1 failed | 7.600 | 7.500 |" in page
    assert "- past: bound +0.500; importance-sampled +0.500" in page
    assert "widths are reduced" in page
    assert set(ENCODERS) == {"derived", "all", "mean-field", "past"}


def read_wave(content):
    with wave.open(io.BytesIO(content)) as file:
        assert file.getframerate() == RATE
        return np.frombuffer(file.readframes(file.getnframes()), np.uint8).astype(float)


def test_sound_has_the_tones_of_its_keys():
    roll = np.zeros((4, 88))
    roll[:, 48] = 1  # a' of 440 Hz
    samples = read_wave(make_wave(roll)) - 127.5
    assert len(samples) == 4 * int(RATE * STEP)
    strength = np.abs(np.fft.rfft(samples))
    assert np.argmax(strength) * RATE / len(samples) == pytest.approx(440, abs=2)


def test_silence_is_silent():
    assert set(read_wave(make_wave(np.zeros((2, 88))))) == {128.0}
