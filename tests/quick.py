"""Which cases of a test the quick suite runs: one of each kind; the slow suite runs the others."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

import pytest


def quick(cases: Iterable[Any], few: Container[Any]) -> list[Any]:
    """Cases for ``parametrize``, of which those that are not among the few are slow."""
    return [case if case in few else pytest.param(case, marks=pytest.mark.slow) for case in cases]
