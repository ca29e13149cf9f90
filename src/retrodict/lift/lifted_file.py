"""The file format of lifted certificates: plain JSON that holds all it takes to check the verdict from scratch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from retrodict.lift.lifted_structure import LiftedStructure
from retrodict.lift.patterns.pattern import Pattern
from retrodict.lift.schedules.loop_nest import Item

LIFTED_FORMAT, LIFTED_VERSION = "retrodict-lifted-certificate", 1


def begin_lifted_file(lifted: LiftedStructure) -> dict[str, Any]:
    """Return a template and its patterns as plain values, with the name and version of the format.

    >>> from retrodict import Template, invert
    >>> begin_lifted_file(invert(Template("mu; y[n] | mu", observed=["y"])))["patterns"]
    {'mu': [{'name': 'y', 'cells': {}, 'run': None}]}
    """
    template = lifted.template
    return {
        "format": LIFTED_FORMAT,
        "version": LIFTED_VERSION,
        "template": {
            "variables": {variable.name: list(variable.dims) for variable in template.variables},
            "relations": [{k: _plain(v) for k, v in asdict(row).items()} for row in template.relations],
            "observed": list(template.observed),
            "may_be_missing": list(template.may_be_missing),
            "time": template.time,
        },
        "schedule": _write_items(lifted.schedule.items),
        "patterns": {name: _write_patterns(patterns) for name, patterns in lifted.patterns.items()},
        "exceptions": {
            name: [{"at": [end.base, end.offset], "patterns": _write_patterns(patterns)} for end, patterns in rows]
            for name, rows in lifted.exceptions.items()
        },
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _write_items(items: Iterable[Item]) -> list[Any]:
    return [
        item if isinstance(item, str) else {"dim": item.dim, "how": item.how, "body": _write_items(item.body)}
        for item in items
    ]


def _write_patterns(patterns: Iterable[Pattern]) -> list[dict[str, Any]]:
    return [
        {
            "name": pattern.name,
            "cells": {dim: sorted(signs) for dim, signs in pattern.cells},
            "run": None if pattern.run is None else [[end.base, end.offset] for end in pattern.run],
        }
        for pattern in patterns
    ]
