"""One command in several processes: started here on one machine, or by mpirun or srun, which set variables."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from retrodict.errors import OptionError

# The variables of a process: its number, how many there are; its number on its machine, how many there are on it.
OWN = ("RETRODICT_PROCESS", "RETRODICT_PROCESSES", "RETRODICT_PROCESS", "RETRODICT_PROCESSES")
LAUNCHERS = (
    OWN,
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"),
    ("PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"),
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_NTASKS_PER_NODE"),
)
ADDRESS = "JAX_COORDINATOR_ADDRESS"
# What JAX finds the address in by itself.
TELLING = ("OMPI_MCA_orte_hnp_uri", "SLURM_STEP_NODELIST")
MOST_PROCESSES = 1024
WAIT = 0.1


class Place(NamedTuple):
    """Which process this is, of how many, and where they meet; without an address JAX finds it."""

    number: int = 0
    total: int = 1
    address: str | None = None
    devices: tuple[int, ...] | None = None

    @property
    def is_first(self) -> bool:
        """Whether this process writes and prints."""
        return self.number == 0

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Meet the other processes, and part from them at the end; where it fails, JAX parts at exit."""
        if self.total == 1:
            yield
            return
        from jax import distributed

        found = "deactivate" if self.address else None
        with _talking_to_stderr():
            distributed.initialize(
                self.address, self.total, self.number, list(self.devices or ()) or None, cluster_detection_method=found
            )
            yield
            distributed.shutdown()  # type: ignore[no-untyped-call]


@contextmanager
def _talking_to_stderr() -> Iterator[None]:
    """Send what compiled code writes to standard output to standard error: gloo greets, and output may be JSON."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def find_place(environment: Mapping[str, str]) -> Place:
    """Return the place of this process among those that were started together.

    Raises `OptionError` where a launcher does not say where they can meet.

    >>> find_place({"PMI_RANK": "1", "PMI_SIZE": "2", "JAX_COORDINATOR_ADDRESS": "node7:1234"})
    Place(number=1, total=2, address='node7:1234', devices=None)
    >>> find_place({})
    Place(number=0, total=1, address=None, devices=None)
    """
    for number, count, own, near in LAUNCHERS:
        if environment.get(number, "").isdigit() and int(environment.get(count, "1")) > 1:
            ranks, local = (int(environment[number]), int(environment[count])), environment.get(near)
            devices = (int(environment[own]),) if own in environment and local != "1" else None
            return Place(*ranks, _find_address(environment, local == environment[count]), devices)
    return Place()


def _find_address(environment: Mapping[str, str], is_one_machine: bool) -> str | None:
    """Return where processes meet, None where JAX finds it; on one machine the one that started them gives a port."""
    if ADDRESS in environment:
        return environment[ADDRESS]
    if any(name in environment for name in TELLING):
        return None
    if not is_one_machine:
        raise OptionError(
            "the launcher of this process does not say where the processes meet",
            remedy=f"Set {ADDRESS}=HOST:PORT, a free port on the machine of the first process, for all of them.",
        )
    return f"127.0.0.1:{49152 + os.getppid() % 16384}"


def run_processes(count: int, arguments: Sequence[str]) -> int:
    """Run this command so many times at once and return its exit status; the first process prints.

    Where one process ends with an error, the others are ended, and what it said last is printed.
    """
    if not 1 < count <= MOST_PROCESSES:
        raise OptionError(f"processes={count} is out of range", remedy=f"Give 1 to {MOST_PROCESSES:,}.")
    with tempfile.TemporaryDirectory() as folder:
        logs = [Path(folder, f"{number}.log") for number in range(count)]
        address, started = f"127.0.0.1:{_find_port()}", []
        try:
            for number, log in enumerate(logs):
                started.append(_start(number, count, address, arguments, log))
            return _wait(started, logs)
        finally:
            for process in started:
                process.kill()
                process.wait()


def _start(number: int, count: int, address: str, arguments: Sequence[str], log: Path) -> subprocess.Popen[Any]:
    own = {OWN[0]: str(number), OWN[1]: str(count), ADDRESS: address}
    command = [sys.executable, "-c", "from retrodict.cli import main; main()", *arguments]
    if number == 0:
        return subprocess.Popen(command, env=os.environ | own)  # noqa: S603
    with log.open("wb") as file:
        return subprocess.Popen(  # noqa: S603
            command, env=os.environ | own, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=file
        )


def _wait(started: Sequence[subprocess.Popen[Any]], logs: Sequence[Path]) -> int:
    """Return the status of the first process, or of the first that fails."""
    while True:
        ended = [(number, process.returncode) for number, process in enumerate(started) if process.poll() is not None]
        failed = next(((number, status) for number, status in ended if status), None)
        if failed is not None:
            number, status = failed
            if number:
                print(logs[number].read_text(errors="replace").strip()[-2000:], file=sys.stderr)
            return status if 0 < status < 256 else 1
        if len(ended) == len(started):
            return 0
        time.sleep(WAIT)


def _find_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
