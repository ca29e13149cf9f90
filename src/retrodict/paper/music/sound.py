"""A piano roll as sound, by Python's own library: each key a tone that dies away while it is held."""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE = 11_025
STEP = 0.25  # seconds
LOWEST = 27.5  # the frequency of the lowest key
# How much of each overtone there is, and how fast a tone dies away, in seconds.
OVERTONES, DECAY = (1.0, 0.5, 0.25, 0.12), 0.9


def make_wave(roll: NDArray[Any]) -> bytes:
    """Return a WAV file of a piano roll ``(steps, 88)``, one channel of 8 bits.

    >>> roll = np.zeros((4, 88))
    >>> roll[:2, 48] = 1
    >>> sound = make_wave(roll)
    >>> sound[:4], len(sound)
    (b'RIFF', 11068)
    """
    samples = sum_tones(np.asarray(roll) > 0.5)
    loudest = max(float(np.abs(samples).max()), 1e-9)
    levels = np.round(127.5 + 120 * samples / loudest).astype(np.uint8)
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(RATE)
        file.writeframes(levels.tobytes())
    return target.getvalue()


def sum_tones(roll: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the sum of the tones of all keys, each struck where it goes down."""
    step = int(RATE * STEP)
    found = np.zeros(len(roll) * step)
    for key in range(roll.shape[1]):
        for start, end in list_strokes(roll[:, key]):
            found[start * step : end * step] += _sound(LOWEST * 2 ** (key / 12), (end - start) * step)
    return found


def list_strokes(down: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return from which step to which a key is down.

    >>> list_strokes(np.array([True, True, False, True]))
    [(0, 2), (3, 4)]
    """
    moves = np.flatnonzero(np.diff(np.concatenate([[False], down, [False]]).astype(int)))
    return [(int(start), int(end)) for start, end in moves.reshape(-1, 2)]


def _sound(frequency: float, samples: int) -> NDArray[np.float64]:
    times = np.arange(samples) / RATE
    tones = [
        share * np.sin(2 * np.pi * frequency * (i + 1) * times)
        for i, share in enumerate(OVERTONES)
        if frequency * (i + 1) < RATE / 2
    ]
    rising = np.minimum(1.0, times / 0.01) * np.minimum(1.0, times[::-1] / 0.01)
    found: NDArray[np.float64] = np.sum(tones, axis=0) * np.exp(-times / DECAY) * rising
    return found
