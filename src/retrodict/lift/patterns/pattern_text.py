"""Patterns that somebody wrote by hand: ``y[j,*]``, ``b[<j]``, ``z[t-1]``, ``x[t..T-1]``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from retrodict.errors import GuideError, quote
from retrodict.graph.names import unknown
from retrodict.lift.patterns.pattern import ALWAYS, EVERY, MARKS, Pattern, Run, RunEnd
from retrodict.lift.templates.template import Template
from retrodict.lift.templates.template_relations import write_instance

INSTANCE = re.compile(r"(?P<name>[^\s\[\]]+)(?:\[(?P<marks>[^\[\]]*)\])?")
TIME = re.compile(r"(?P<base>\D*?)(?P<offset>[+-]?\d+)?")
ASCII = {"<=": "≤", ">=": "≥", "!=": "≠"}
SIGNS: Mapping[str, frozenset[int]] = {mark: signs for signs, mark in MARKS.items()}
REMEDY = "Write the same index, '*' for all, '<j' or '>j' for those before and after; times as t-1, 0..t or t..T-1."


def read_pattern(text: str, latent: str, template: Template) -> Pattern:
    """Return the pattern that a text states for the parents of a latent.

    Raises `UnknownVariableError` for a name that the template does not have, `GuideError` for text that is no pattern.

    >>> template = Template("mu; b[j] | mu; y[j,n] | b[j]", observed=["y"])
    >>> read_pattern("y[<=j,*]", "b", template).write(("j", "n"), None)
    'y[≤j,*]'
    """
    match = INSTANCE.fullmatch(text.strip())
    if match is None:
        raise GuideError(f"the pattern {text!r} of {{names}} cannot be read", [latent], remedy=REMEDY)
    name = match["name"]
    if name not in template.position:
        raise unknown([name], template.position, f"given as a parent of {latent!r}")
    dims = template[name].dims
    marks = [mark.strip() for mark in match["marks"].split(",")] if match["marks"] is not None else []
    if len(marks) != len(dims):
        raise GuideError(
            f"the pattern {text!r} of {{names}} has {len(marks)} indices, not those of {write_instance(name, dims)}",
            [latent],
            remedy=REMEDY,
        )
    cells, run = [], None
    for dim, mark in zip(dims, marks, strict=True):
        if dim == template.time:
            run = _read_run(mark, dim, text, latent, template)
        else:
            signs = _read_signs(mark, dim, text, latent)
            if dim in template[latent].dims:
                cells.append((dim, signs))
            elif signs != EVERY:
                raise GuideError(
                    f"the pattern {text!r} of {{names}} picks an index of {quote([dim])}, which it does not have",
                    [latent],
                    remedy="Write '*' there: all are needed alike.",
                )
    return Pattern(name, tuple(cells), run)


def _read_signs(mark: str, dim: str, text: str, latent: str) -> frozenset[int]:
    for plain, sign in ASCII.items():
        mark = mark.replace(plain, sign)
    if mark == "*":
        return EVERY
    if mark.endswith(dim) and mark[: -len(dim)] in SIGNS:
        return SIGNS[mark[: -len(dim)]]
    raise _refuse(mark, dim, text, latent)


def _read_run(mark: str, dim: str, text: str, latent: str, template: Template) -> Run:
    if mark == "*":
        return ALWAYS
    low, _, high = mark.partition("..")
    ends = [_read_end(end, dim, text, latent) for end in (low, high or low)]
    if any(end.base == "t" for end in ends) and not template.is_timed(latent):
        raise GuideError(
            f"the pattern {text!r} of {{names}} is relative to a time, which it does not have",
            [latent],
            remedy="Write '*' for all times.",
        )
    return ends[0], ends[1]


def _read_end(mark: str, dim: str, text: str, latent: str) -> RunEnd:
    match = TIME.fullmatch(mark)
    bases = {"": "0", dim: "t", "T": "T", dim.upper(): "T"} | {dim: "t"}
    if match is None or match["base"] not in bases or not mark:
        raise _refuse(mark, dim, text, latent)
    base, offset = bases[match["base"]], int(match["offset"] or 0)
    if (base == "0" and offset < 0) or (base == "T" and offset >= 0):
        raise _refuse(mark, dim, text, latent)
    return RunEnd(base, offset + 1 if base == "T" else offset)


def _refuse(mark: str, dim: str, text: str, latent: str) -> GuideError:
    return GuideError(
        f"the pattern {text!r} of {{names}} has the index {mark!r} along {quote([dim])}, which cannot be read",
        [latent],
        remedy=REMEDY,
    )
