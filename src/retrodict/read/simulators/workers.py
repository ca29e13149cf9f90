"""Who makes the chunks of runs: this process, processes of joblib, or an executor such as a client of dask."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from retrodict.errors import OptionError
from retrodict.packages import require

Result = TypeVar("Result")
Job = tuple[Any, ...]


def run_jobs(work: Callable[..., Result], jobs: Sequence[Job], workers: int, client: Any = None) -> Iterator[Result]:
    """Return ``work(*job)`` of each job as it is done, in whatever order.

    ``workers`` processes of joblib, all cores if -1; or a ``client``: that of ``dask.distributed``, or any executor of
    ``concurrent.futures``. Raises `OptionError` for another client, `MissingPackageError` without joblib.

    >>> sorted(run_jobs(pow, [(2, 3), (3, 2)], workers=1))
    [8, 9]
    """
    if client is not None:
        return _submit(work, jobs, _find_executor(client))
    if workers == 1:
        return (work(*job) for job in jobs)
    joblib = require("joblib", extra="simulators", purpose="to simulate in parallel")
    run = joblib.Parallel(n_jobs=workers, return_as="generator_unordered", pre_dispatch="2 * n_jobs")
    return iter(run(joblib.delayed(work)(*job) for job in jobs))


def _find_executor(client: Any) -> Any:
    """Return the executor that a client of dask gives, or the client where it is one itself."""
    if hasattr(client, "get_executor"):
        return client.get_executor()
    if isinstance(client, concurrent.futures.Executor):
        return client
    raise OptionError(
        f"the client {type(client).__name__} cannot be given work",
        remedy="Give a dask.distributed.Client, or an executor of concurrent.futures.",
    )


def _submit(work: Callable[..., Result], jobs: Sequence[Job], executor: Any) -> Iterator[Result]:
    futures = [executor.submit(work, *job) for job in jobs]
    try:
        for future in concurrent.futures.as_completed(futures):
            yield future.result()
    finally:
        for future in futures:
            future.cancel()
