"""One contestant in this process: ``python -m benchmarks.speed.contestants NAME ARGUMENTS``; see ``turns``.

A contestant is a function of the turns and of its arguments. Modules are imported late, so that the process of one
library does not hold another.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module

from benchmarks.speed.turns import serve

CONTESTANTS = {
    "train ours": "ours:train",
    "sample ours": "ours:sample",
    "sample ours by whole evaluations": "ours:sample_by_evaluations",
    "reach ours": "ours:reach",
    "grow": "ours:grow",
    "learn ours": "learning:learn",
    "learn pyro": "pyro_peer:learn",
    "train zuko": "zuko_peer:train",
    "sample zuko": "zuko_peer:sample",
    "reach zuko": "zuko_peer:reach",
    "reach sbi": "sbi_peer:reach",
    "reach bayesflow": "bayesflow_peer:reach",
    "multiply with jax": "products:multiply_with_jax",
    "multiply with torch": "products:multiply_with_torch",
}


def main() -> None:
    """Run one contestant until nobody asks for another turn."""
    name, arguments = sys.argv[1], json.loads(sys.argv[2])
    module, function = CONTESTANTS[name].split(":")
    turns = serve()
    getattr(import_module(f"benchmarks.speed.{module}"), function)(turns, **arguments)


if __name__ == "__main__":
    main()
