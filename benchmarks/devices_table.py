"""The table of docs/devices.md, from rows that `benchmarks.devices` printed: ``python -m benchmarks.devices_table``."""

from __future__ import annotations

import json
import re
from typing import Any

from benchmarks.stamp import ROOT

RESULTS, PAGE = ROOT / "benchmarks" / "results" / "devices.jsonl", ROOT / "docs" / "devices.md"
BEGIN, END = "<!-- devices: begin, written by benchmarks/devices_table.py -->\n", "<!-- devices: end -->\n"
HEAD = "| what | rows or draws a second | first call, compiling | peak memory |\n| --- | --- | --- | --- |\n"

Row = dict[str, Any]


def write_table(rows: list[Row]) -> str:
    """Return the machine, a line for each measurement of throughput, and how far log densities are off."""
    machine, *rest = rows
    lines = [_write_row(row) for row in rest if "first_seconds" in row]
    off = {row["matmul_precision"]: row["largest_difference_nats"] for row in rest if "largest_difference_nats" in row}
    said = ", ".join(f"{number:.1e} nats at `{name!r}`" for name, number in off.items())
    title = f"One {machine['device']} with JAX {machine['jax']}, by `python -m benchmarks.devices`:"
    return f"{title}\n\n{HEAD}{''.join(lines)}\nLog densities of `tree:5` differ from the CPU's by at most {said}.\n"


def _write_row(row: Row) -> str:
    rate = row.get("rows_per_second", row.get("draws_per_second"))
    what = f"{row['call']} {row['draws']:,} of {row['what'].split()[1]}" if "call" in row else row["what"]
    return f"| {what} | {rate:,} | {row['first_seconds']:.1f} s | {row['peak_mib']:,} MiB |\n"


def read() -> list[Row]:
    """Return the rows that are kept."""
    return [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]


def put(page: str, table: str) -> str:
    """Return the page with the table in its place."""
    whole = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    return whole.sub(lambda _: BEGIN + "\n" + table + "\n" + END, page)


if __name__ == "__main__":
    PAGE.write_text(put(PAGE.read_text(encoding="utf-8"), write_table(read())), encoding="utf-8")
