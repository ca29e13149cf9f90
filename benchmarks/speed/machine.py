"""What a reader needs to know of the machine and the versions, and no more."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PACKAGES = ("retrodict", "jax", "equinox", "optax", "torch", "zuko", "sbi", "bayesflow", "pyro-ppl")


def describe_run() -> dict[str, Any]:
    """Return date, versions, processor and cores."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "python": platform.python_version(),
        "processor": _name_processor(),
        "cores": os.cpu_count(),
        "versions": versions,
    }


def _name_processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    found = dict(line.split(":", 1) for line in lines if ":" in line)
    named = {key.strip(): value.strip() for key, value in found.items()}
    number = ", ".join(f"{key} {named[key]}" for key in ("cpu family", "model") if key in named)
    return f"{named.get('model name', platform.machine())} ({number})" if number else platform.machine()


def watch_others() -> Callable[[], float | None]:
    """Return a function that says how many cores other processes kept busy since; None where it cannot be told."""
    start, before = time.monotonic(), _count_others()

    def tell() -> float | None:
        after = _count_others()
        if before is None or after is None:
            return None
        return max(0.0, after - before) / max(1e-9, time.monotonic() - start)

    return tell


def _count_others() -> float | None:
    """Return the processor seconds that were not spent by this process or by its children that have ended."""
    try:
        fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    except OSError:
        return None
    user, nice, system, _, _, irq, softirq, *_ = (int(field) for field in fields)
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own = sum(usage.ru_utime + usage.ru_stime for usage in spent)
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK") - own
